extern alias cli;

using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Cli;

/// <summary>Changing keys, tokens for services, another root and the access review, from the command line against a plane.</summary>
public sealed class KeyCommandTests
{
    [Fact]
    public async Task A_key_is_rotated_and_a_rotation_that_was_cut_short_is_finished()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        var (file, old) = (Path.Combine(shell.Home, "customer.key"), plane.World.Customer.Public.KeyId);
        var rotated = (await shell.MustAsync("keys", "rotate", "customer", "--yes", "-o", "json")).Json.GetProperty("public").GetString();
        Assert.NotEqual(old, rotated);
        await shell.MustAsync("status", "--as", "customer");
        using (var stranger = new CommandLine { Time = shell.Time })
        {
            stranger.Bring("customer", plane.World.Customer);
            await stranger.RefusedAsync(4, "There is no environment 'trial'", "status", "--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial");
        }

        // Killed between the ledger's answer and the exchange of the files: the new key stands beside, the old one counts for nothing.
        await shell.MustAsync("keys", "rotate", "customer", "--yes");
        File.Move(file, file + ".next");
        var before = Directory.GetFiles(shell.Home, "customer.key.*.old").Order(StringComparer.Ordinal).Last();
        File.Copy(before, file);
        var finished = await shell.MustAsync("keys", "rotate", "customer", "--yes");
        Assert.Contains("Your key is ed25519:", finished.Out, StringComparison.Ordinal);
        await shell.MustAsync("status", "--as", "customer");

        // An export verifies by the root of today and by the first one, and by no other.
        var export = Path.Combine(shell.Folder, "export");
        await shell.MustAsync("audit", "export", export);
        await shell.MustAsync("audit", "verify", "--offline", export);
        await shell.MustAsync("audit", "verify", "--offline", export, "--customer-root", old);
        await shell.RefusedAsync(6, $"names {old} as the customer's root, not", "audit", "verify", "--offline", export, "--customer-root", Sample.Key(99).Public.KeyId);
    }

    [Fact]
    public async Task A_token_is_issued_used_and_ends()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        var file = Path.Combine(shell.Folder, "report.key");
        var issued = await shell.MustAsync("tokens", "issue", "nightly report", "--scope", "look", "--days", "30", "--to", file);
        Assert.Contains("nightly report may look as a service of the customer until", issued.Out, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        await shell.RefusedAsync(1, "exists already, and is not overwritten", "tokens", "issue", "x", "--scope", "look", "--to", file);
        await shell.RefusedAsync(2, "own", "tokens", "issue", "x", "--scope", "own", "--to", file + "2");

        using var service = new CommandLine { Time = shell.Time };
        service.Variables["DEMARC_KEY"] = file;
        string[] there = ["--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial"];
        await service.MustAsync(["env", "show", .. there]);
        await service.RefusedAsync(3, "needs the permission 'Audit'", ["audit", "show", .. there]);
        await service.RefusedAsync(3, "needs the permission", ["order", "docs", "--version", "2.6.4", "--no-wait", .. there]);
        var list = (await shell.MustAsync("tokens", "list", "-o", "json")).Json;
        Assert.Equal("nightly report", list[0].GetProperty("name").GetString());
        plane.World.Time.Advance(TimeSpan.FromDays(31));
        await service.RefusedAsync(3, "expired at", ["env", "show", .. there]);
        await shell.MustAsync("tokens", "revoke", list[0].GetProperty("key").GetString()!);
        await service.RefusedAsync(4, "There is no environment 'trial'", ["env", "show", .. there]);
        await shell.RefusedAsync(1, "is a person's key", "tokens", "revoke", plane.World.Customer.Public.KeyId);
    }

    [Fact]
    public async Task A_lost_key_is_replaced_and_a_persons_time_is_set()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        string[] there = ["--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial"];
        var (lost, next) = (Sample.Key(42).Public.KeyId, Sample.Key(43).Public.KeyId);
        await shell.MustAsync("members", "add", lost, "--role", "auditor", "--name", "Ann");
        var replaced = await shell.MustAsync("members", "rekey", lost, next, "--yes");
        Assert.Contains($"Ann signs with {next} from now on, as auditor of the customer.", replaced.Out, StringComparison.Ordinal);
        using var ann = Device(43, shell);
        using var thief = Device(42, shell);
        await ann.MustAsync(["env", "show", .. there]);
        await thief.RefusedAsync(4, "There is no environment 'trial'", ["env", "show", .. there]);
        await shell.RefusedAsync(4, "is no member", "members", "rekey", lost, next, "--yes");
        await shell.RefusedAsync(2, "is not a public key", "members", "rekey", next, "ed25519:short", "--yes");
        await shell.RefusedAsync(2, "--days", "members", "expire", next);
        Assert.Contains("Ann's key counts until", (await shell.MustAsync("members", "expire", next, "--days", "2")).Out, StringComparison.Ordinal);
        Assert.Contains("Ann's key does not expire.", (await shell.MustAsync("members", "expire", next, "--days", "0")).Out, StringComparison.Ordinal);
        await shell.MustAsync("members", "expire", next, "--days", "2");
        plane.World.Time.Advance(TimeSpan.FromDays(2));
        await ann.RefusedAsync(3, "expired at", ["env", "show", .. there]);
    }

    [Fact]
    public async Task A_root_is_replaced_by_owners_on_devices_of_their_own()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        string[] there = ["--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial"];
        var draft = Path.Combine(shell.Folder, "root.draft");
        foreach (var number in (byte[])[42, 43]) await shell.MustAsync("members", "add", Sample.Key(number).Public.KeyId, "--role", "owner", "--name", $"owner {number}");
        using var ann = Device(42, shell);
        using var bob = Device(43, shell);
        using var next = Device(44, shell);
        await ann.MustAsync(["members", "replace-root", plane.World.Customer.Public.KeyId, Sample.Key(44).Public.KeyId, "--reason", "the safe burnt down", "--to", draft, .. there]);
        await next.MustAsync(["members", "cosign", draft, "--yes", .. there]);
        var early = draft + ".early";
        File.Copy(draft, early);
        await ann.RefusedAsync(1, "1 of the 2 owners of the customer beside the root have signed, 2 are needed", ["members", "cosign", early, "--yes", "--submit", .. there]);
        var done = await bob.MustAsync(["members", "cosign", draft, "--yes", "--submit", .. there]);
        Assert.Contains("is the root now.", done.Out, StringComparison.Ordinal);
        await next.MustAsync(["members", "remove", Sample.Key(42).Public.KeyId, "--yes", .. there]);
        await shell.RefusedAsync(4, "There is no environment 'trial'", "status", "--as", "customer");
        await File.WriteAllTextAsync(draft, "{}", TestContext.Current.CancellationToken);
        await bob.RefusedAsync(1, "is no draft of another root", ["members", "cosign", draft, "--yes", .. there]);
    }

    [Fact]
    public async Task Access_is_reviewed_and_exported_without_formulas()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        await shell.MustAsync("members", "add", Sample.Key(42).Public.KeyId, "--role", "approver", "--name", "=HYPERLINK(\"http://evil\",\"Ann\")", "--days", "30");
        var file = Path.Combine(shell.Folder, "access.csv");
        var review = (await shell.MustAsync("members", "review", "--csv", file, "-o", "json")).Json;
        Assert.Equal(3, review.GetArrayLength());
        var ann = review.EnumerateArray().Single(line => line.GetProperty("role").GetString() == "approver");
        Assert.Contains("instances.delete", ann.GetProperty("mayApprove").EnumerateArray().Select(a => a.GetString()));
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(4, lines.Length);
        Assert.Contains("\"'=HYPERLINK(\"\"http://evil\"\",\"\"Ann\"\")\"", lines[3], StringComparison.Ordinal);
        foreach (var start in (string[])["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]) Assert.Equal($"\"'{start}1\"", AccessCsv.Cell(start + "1"));
    }

    private static CommandLine Device(byte number, CommandLine like)
    {
        var device = new CommandLine { Time = like.Time };
        device.Bring("customer", Sample.Key(number));
        return device;
    }
}
