using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Cli;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Charter;

/// <summary>Every version of the charter, who signed it when, and what it changed, the severed form included: in the fold, over REST, on the page and from the command line.</summary>
public sealed class CharterHistoryTests
{
    private static CharterDocument Second => CharterDocument.Default with { Version = 2, Name = "the second one" };

    [Fact]
    public void Versions_are_told_newest_first_with_signatures_and_differences()
    {
        var world = new PlaneWorld();
        var state = Fold(EnvironmentState.Empty, world.UpToAgent());
        var only = Assert.Single(CharterHistory.Of(state));
        Assert.Equal((1, "in-force", false), (only.Version, only.Status, only.BySeverance));
        Assert.Equal([(Party.Vendor, 2L), (Party.Customer, 3L)], only.Signatures.Select(act => (act.Party, act.Entry)));
        Assert.Equal(("vendor root", 1L), (only.Proposed.Name, only.Proposed.Entry));
        Assert.Empty(only.Differences);

        world.Time.Advance(TimeSpan.FromDays(30));
        var yaml = CharterYaml.Write(Second);
        state = Fold(state, [world.Write(new CharterProposed(2, yaml), world.Vendor), world.Write(new CharterSigned(2, CharterText.Hash(yaml)), world.Customer)]);
        Assert.Equal([(2, "proposed"), (1, "in-force")], CharterHistory.Of(state).Select(version => (version.Version, version.Status)));
        world.Time.Advance(TimeSpan.FromDays(1));
        state = Fold(state, [world.Write(new CharterSigned(2, CharterText.Hash(yaml)), world.Vendor)]);
        var history = CharterHistory.Of(state);
        Assert.Equal([(2, "in-force"), (1, "replaced")], history.Select(version => (version.Version, version.Status)));
        Assert.Equal(world.Time.GetUtcNow(), history[0].Since);
        Assert.Equal(history[0].Since, history[1].Until);
        Assert.Equal("The charter is called 'the second one'.", Assert.Single(history[0].Differences).Means);

        state = Fold(state, [world.Write(new VendorSevered(new NoteKey("plane.customer", Sample.Key(78).Public).ToString(), "the contract has ended"), world.Customer)]);
        var severed = CharterHistory.Of(state)[0];
        Assert.Equal((3, "in-force", true), (severed.Version, severed.Status, severed.BySeverance));
        Assert.Equal(Party.Customer, Assert.Single(severed.Signatures).Party);
        Assert.Contains(severed.Differences, difference => difference.Means.EndsWith("is now the task of the customer alone.", StringComparison.Ordinal));
        Assert.Equal(CharterText.Hash(state.CharterYaml!), severed.Sha256);
    }

    [Fact]
    public async Task The_history_is_the_same_from_the_command_line_and_on_the_page()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        Assert.Contains("Version 1, in force since ", (await shell.MustAsync("charter", "history")).Out, StringComparison.Ordinal);
        var file = Path.Combine(shell.Folder, "second.yaml");
        await File.WriteAllTextAsync(file, CharterYaml.Write(Second), TestContext.Current.CancellationToken);
        await shell.MustAsync("charter", "propose", file, "--as", "vendor");
        Assert.Contains("Version 2, proposed, not in force", (await shell.MustAsync("charter", "history")).Out, StringComparison.Ordinal);
        await shell.MustAsync("charter", "sign", "--yes", "--as", "vendor");
        await shell.MustAsync("charter", "sign", "--yes");
        var told = (await shell.MustAsync("charter", "history")).Out;
        Assert.Contains($"signed by the customer (customer root), {plane.World.Customer.Public.KeyId}, ", told, StringComparison.Ordinal);
        Assert.Contains("  - The charter is called 'the second one'.   (name)", told, StringComparison.Ordinal);
        var json = (await shell.MustAsync("charter", "history", "-o", "json")).Json;
        Assert.Equal(["version", "status", "sha256", "proposed", "signatures", "since", "bySeverance", "differences"], json[0].EnumerateObject().Select(property => property.Name));
        var page = await plane.GetTextAsync("/environments/trial/charter", plane.World.Customer);
        Assert.Contains("All versions", page, StringComparison.Ordinal);
        Assert.Contains(json[1].GetProperty("sha256").GetString()!, page, StringComparison.Ordinal);
        var ledger = await plane.GetTextAsync("/environments/trial/ledger", plane.World.Customer);
        var head = (await shell.MustAsync("audit", "head", "-o", "json")).Json.GetProperty("words").GetString()!;
        Assert.Contains(head[(head.IndexOf(',', StringComparison.Ordinal) + 2)..], ledger, StringComparison.Ordinal);
    }

    private static EnvironmentState Fold(EnvironmentState state, IReadOnlyList<Entry> entries)
    {
        var folded = EnvironmentFold.ApplyAll(state, entries);
        Assert.Null(folded.Refusal);
        return folded.State;
    }
}
