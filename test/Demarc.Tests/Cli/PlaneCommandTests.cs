using System.Text.Json;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Cli;

/// <summary>The commands against a whole plane over HTTP: founding, charter, people, agents, changes and the ledger, as a person without a quickstart does them.</summary>
public sealed class PlaneCommandTests
{
    private static readonly string[] Environment = ["id", "name", "size", "customerRoot", "vendorRoot", "planeKey", "customerSealing", "proposalSignedBy", "agentConnected", "agentVerifiedSize", "instances", "openChanges", "findings", "planes"];
    private static readonly string[] Change = ["id", "action", "task", "instance", "order", "status", "requestedBy", "requestedAt", "awaits", "steps", "awaited", "heldBy", "waitingFor", "expiresAt"];

    /// <summary>Brings the keys along, founds an environment and puts the default charter in force, all from the command line.</summary>
    internal static async Task FoundAsync(CommandLine shell, RunningPlane plane)
    {
        shell.Time = plane.World.Time;
        shell.Bring("vendor", plane.World.Vendor);
        shell.Bring("customer", plane.World.Customer);
        var founded = await shell.MustAsync("env", "found", "trial", "--title", "A trial", "--plane", plane.Client.BaseAddress!.ToString(), "-o", "json");
        Assert.Equal(Environment, Names(founded.Json));
        var charter = Path.Combine(shell.Folder, "charter.yaml");
        await File.WriteAllTextAsync(charter, CharterYaml.Write(CharterDocument.Default), TestContext.Current.CancellationToken);
        await shell.MustAsync("charter", "propose", charter, "--as", "vendor");
        var half = await shell.MustAsync("charter", "sign", "--yes", "--as", "vendor");
        Assert.Contains("It awaits the customer: demarc charter sign --as customer", half.Out, StringComparison.Ordinal);
        var whole = await shell.MustAsync("charter", "sign", "--yes");
        Assert.Contains("Signed as the customer. Charter version 1 is in force.", whole.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_environment_is_founded_chartered_and_seen_from_the_command_line_alone()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        Assert.Equal([.. Environment.Take(7), "charter", .. Environment.Skip(7)], Names((await shell.MustAsync("env", "show", "-o", "json")).Json));
        Assert.Equal("trial", (await shell.MustAsync("env", "list", "-o", "json")).Json[0].GetProperty("id").GetString());
        Assert.Equal(["plane", "planeName", "planeVersion", "environment", "instances", "findings", "waiting"], Names((await shell.MustAsync("status", "-o", "json")).Json));
        Assert.Equal(17, (await shell.MustAsync("charter", "show", "-o", "json")).Json.GetArrayLength());
        Assert.Equal(CharterYaml.Write(CharterDocument.Default).TrimEnd('\n'), (await shell.MustAsync("charter", "show", "--yaml")).Out.TrimEnd('\n'));
        Assert.Equal("Nothing would change.", (await shell.MustAsync("charter", "diff", Path.Combine(shell.Folder, "charter.yaml"))).Out.Trim());
        Assert.StartsWith(plane.Client.BaseAddress!.ToString(), (await shell.MustAsync("console", "-o", "json")).Json.GetProperty("url").GetString(), StringComparison.Ordinal);
        await shell.RefusedAsync(4, "No charter is proposed. Propose one: demarc charter propose FILE.", "charter", "sign");
    }

    [Fact]
    public async Task Changes_are_requested_listed_newest_first_and_taken_back()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        await shell.RefusedAsync(1, "No agent has told yet which Milvus versions it offers. Name one with --version", "order", "docs");
        var first = await shell.MustAsync("order", "docs", "--version", "2.6.4", "--label", "team=search", "--no-wait", "-o", "json");
        Assert.Equal(Change, Names(first.Json));
        Assert.Equal("search", first.Json.GetProperty("order").GetProperty("labels").GetProperty("team").GetString());
        plane.World.Time.Advance(TimeSpan.FromMinutes(1));
        var second = (await shell.MustAsync("order", "more", "--version", "2.6.4", "--size", "medium", "--no-wait")).Out.Trim();
        Assert.Equal([second, first.Json.GetProperty("id").GetString()], (await shell.MustAsync("changes", "list", "-o", "json")).Json.EnumerateArray().Select(c => c.GetProperty("id").GetString()));
        Assert.Contains("newest first", (await shell.MustAsync("changes", "list", "--help")).Out, StringComparison.Ordinal);

        await shell.RefusedAsync(4, $"Change {second} is requested and has no plan. The agent has yet to plan it: is it connected ('demarc status')?", "plan", second);
        await shell.RefusedAsync(1, $"Change {second} is requested and has no plan to approve.", "approve", second, "--yes");
        await shell.RefusedAsync(1, "was not requested by the customer", "withdraw", second, "--as", "customer");
        Assert.Equal($"Change {second} is withdrawn.", (await shell.MustAsync("withdraw", second)).Out.Trim());
        await shell.RefusedAsync(1, $"Change {second} is withdrawn and cannot be withdrawn.", "withdraw", second);
        await shell.RefusedAsync(3, "tasks.provision.owner:", "order", "mine", "--version", "2.6.4", "--as", "customer");
        await shell.RefusedAsync(4, "There is no change 'c-2222222222' in trial.", "changes", "show", "c-2222222222");
        await shell.RefusedAsync(4, "There is no instance 'nix' in trial.", "instances", "show", "nix");
        shell.Time = TimeProvider.System;
        await shell.RefusedAsync(7, $"after 1 s of waiting. It goes on without us: 'demarc changes follow", "changes", "follow", first.Json.GetProperty("id").GetString()!, "--timeout", "1");
    }

    [Theory]
    [InlineData("instances delete docs", 3, "denied")]
    [InlineData("order other --version 2.6.4", 0, "allowed")]
    [InlineData("order other --version 2.6.4 --as customer", 3, "denied")]
    public async Task A_dry_run_says_what_the_charter_decides_and_changes_nothing(string line, int exitCode, string decision)
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        var before = (await shell.MustAsync("env", "show", "-o", "json")).Json.GetProperty("size").GetInt64();
        var ran = await shell.RunAsync([.. line.Split(' '), "--dry-run", "-o", "json"]);
        Assert.Equal((exitCode, decision), (ran.ExitCode, ran.Json.GetProperty("decision").GetString()));
        Assert.Equal(before, (await shell.MustAsync("env", "show", "-o", "json")).Json.GetProperty("size").GetInt64());
    }

    [Fact]
    public async Task People_are_added_with_a_role_and_taken_out_by_their_own_party()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        var ann = Sample.Key(42).Public.KeyId;
        Assert.Equal("Ann is approver of the customer in trial.", (await shell.MustAsync("members", "add", ann, "--role", "approver", "--name", "Ann")).Out.Trim());
        Assert.Equal(["key", "party", "role", "name", "isRoot", "lastActedAt", "lastUsedOn"], Names((await shell.MustAsync("members", "list", "-o", "json")).Json[0]));
        await shell.RefusedAsync(1, "is a member already", "members", "add", ann, "--role", "viewer", "--name", "Ann");
        await shell.RefusedAsync(2, "'ann' is not a public key: 'ed25519:' and 43 characters, or a passkey's 'webauthn:' and 88.", "members", "remove", "ann");
        await shell.RefusedAsync(4, "is no member of trial.", "members", "remove", Sample.Key(43).Public.KeyId, "--yes");

        using var ana = new CommandLine { Time = shell.Time };
        ana.Bring("customer", Sample.Key(42));
        string[] there = ["--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial"];
        await ana.MustAsync(["status", .. there]);
        await ana.RefusedAsync(3, "", ["members", "add", Sample.Key(44).Public.KeyId, "--role", "owner", "--name", "Bob", .. there]);
        await shell.RefusedAsync(1, "whose owners alone can remove it", "members", "remove", ann, "--yes", "--as", "vendor");
        shell.Answers = "y\n";
        Assert.Equal("Ann is no longer a member of trial.", (await shell.MustAsync("members", "remove", ann)).Out.Trim());
        await ana.RefusedAsync(4, "There is no environment 'trial'", ["status", .. there]);
    }

    [Fact]
    public async Task An_agent_is_invited_joins_by_the_token_and_is_revoked()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        var token = Path.Combine(shell.Folder, "agent.join");
        Assert.Equal(["environment", "tokenFile", "expiresAt"], Names((await shell.MustAsync("env", "invite", "--to", token, "-o", "json")).Json));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(token));
        await shell.RefusedAsync(1, "exists already, and is not overwritten", "env", "invite", "--to", token);
        await shell.RefusedAsync(4, "No agent acts in environment trial: there is none to revoke.", "env", "revoke-agent", "--yes");

        var read = JoinToken.Read(await File.ReadAllTextAsync(token, TestContext.Current.CancellationToken), out var fault);
        Assert.True(read is not null, fault);
        Assert.Equal(("trial", plane.Client.BaseAddress!.ToString().TrimEnd('/')), (read.Environment, read.Plane));
        using var invitation = SigningKey.FromSeed(read.InvitationSeed());
        var trial = EnvironmentId.Parse("trial");
        await plane.AppendAllAsync([plane.World.Write(trial, new AgentJoined(plane.World.Agent.Public.KeyId, invitation.Public.KeyId, "machine"), plane.World.Agent, invitation)]);
        Assert.Contains("machine, not connected", (await shell.MustAsync("status")).Out, StringComparison.Ordinal);
        Assert.Contains("Agent machine acts now", (await shell.MustAsync("env", "invite", "--to", token + "2")).Error, StringComparison.Ordinal);

        await shell.RefusedAsync(2, "'Revoke agent machine (", "env", "revoke-agent");
        var revoked = await shell.MustAsync("env", "revoke-agent", "trial", "--reason", "its disk was lost", "--yes", "-o", "json");
        Assert.Equal(["environment", "agent", "entry"], Names(revoked.Json));
        Assert.Contains("none has joined", (await shell.MustAsync("status")).Out, StringComparison.Ordinal);
        var refusal = await plane.Sequencer.AppendAsync(trial, plane.World.Write(trial, plane.World.Finding("late").Data, plane.World.Agent), TestContext.Current.CancellationToken);
        Assert.NotNull(refusal.Refusal);
    }

    [Fact]
    public async Task The_ledger_is_shown_verified_continued_and_exported()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        var shown = (await shell.MustAsync("audit", "show", "-n", "2", "-o", "json")).Json;
        Assert.Equal(["index", "at", "kind", "author", "id", "leafHash"], Names(shown[0]));
        Assert.Equal([("charter.signed", 2), ("charter.signed", 3)], shown.EnumerateArray().Select(line => (line.GetProperty("kind").GetString(), line.GetProperty("index").GetInt32())));

        var first = await shell.MustAsync("audit", "verify");
        Assert.Contains("VERIFIED. Environment trial, 4 entries.", first.Out, StringComparison.Ordinal);
        Assert.Contains("roots: the founding entry is the one that this profile has pinned", first.Out, StringComparison.Ordinal);
        Assert.Contains("countersignature: none, no agent acts", first.Out, StringComparison.Ordinal);
        Assert.Contains("continuity: extends the 4 entries seen before", first.Out, StringComparison.Ordinal);
        await shell.MustAsync("members", "add", Sample.Key(42).Public.KeyId, "--role", "viewer", "--name", "Ann");
        Assert.Contains("VERIFIED. Environment trial, 5 entries.", (await shell.MustAsync("audit", "verify")).Out, StringComparison.Ordinal);

        var folder = Path.Combine(shell.Folder, "export");
        Assert.Equal(["format", "environment", "size", "root", "customerRoot", "vendorRoot", "planeKey", "exportedAt"], Names((await shell.MustAsync("audit", "export", folder, "-o", "json")).Json));
        await shell.RefusedAsync(1, "is not empty. Name a new folder: two exports must not mix.", "audit", "export", folder);
        await shell.MustAsync("audit", "verify", "--offline", folder);
    }

    [Fact]
    public async Task An_environment_of_the_same_name_that_is_not_the_pinned_one_is_refused()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await FoundAsync(shell, plane);
        var config = Path.Combine(shell.Home, "config.json");
        var pinned = JsonDocument.Parse(await File.ReadAllTextAsync(config, TestContext.Current.CancellationToken)).RootElement.GetProperty("founded").GetProperty("trial").GetString()!;
        var other = (pinned[0] == '0' ? '1' : '0') + pinned[1..];
        await File.WriteAllTextAsync(config, (await File.ReadAllTextAsync(config, TestContext.Current.CancellationToken)).Replace(pinned, other, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "The founding entry is not the one this profile has pinned", "audit", "verify");
        await shell.RefusedAsync(6, "This is not the environment you founded: sign nothing here.", "env", "invite", "--to", Path.Combine(shell.Folder, "token"));
    }

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(property => property.Name);
}
