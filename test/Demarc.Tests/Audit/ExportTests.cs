extern alias cli;

using cli::Demarc.Cli;
using cli::Demarc.Cli.Audit;
using Demarc.Core.Ledger;
using Demarc.Tests.Cli;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Audit;

/// <summary>An export is there whole or not at all, whatever interrupts it, and whatever an earlier one has left.</summary>
public sealed class ExportTests
{
    [Fact]
    public async Task An_export_of_more_than_a_bundle_is_verified_and_leaves_nothing_beside_it()
    {
        await using var plane = await ForkedPlane.StartAsync();
        await plane.BothAsync(600);
        using var shell = plane.Shell();
        foreach (var format in new[] { "tiles", "jsonl", "ocsf" })
        {
            var folder = Path.Combine(shell.Folder, format);
            Directory.CreateDirectory(folder);
            await shell.MustAsync(["audit", "export", folder, "--uncountersigned", "--format", format, .. plane.At(plane.One)]);
            Assert.False(Directory.Exists(folder + ".part"));
        }

        await shell.MustAsync("audit", "verify", "--offline", Path.Combine(shell.Folder, "tiles"), "--uncountersigned", "--customer-root", plane.World.Customer.Public.KeyId, "--vendor-root", plane.World.Vendor.Public.KeyId);
        Assert.Equal(606, File.ReadLines(Path.Combine(shell.Folder, "jsonl", "ledger.jsonl")).Count());
        Assert.Equal(["ledger.ocsf.jsonl"], Directory.EnumerateFileSystemEntries(Path.Combine(shell.Folder, "ocsf")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task What_an_interrupted_export_left_is_cleared_and_what_no_export_left_is_not()
    {
        await using var plane = await ForkedPlane.StartAsync();
        using var shell = plane.Shell();
        var folder = Path.Combine(shell.Folder, "export");
        Directory.CreateDirectory(Path.Combine(folder + ".part", "tile"));
        await File.WriteAllTextAsync(Path.Combine(folder + ".part", "checkpoint"), "half", TestContext.Current.CancellationToken);
        await shell.MustAsync(["audit", "export", folder, "--uncountersigned", .. plane.At(plane.One)]);
        var other = Path.Combine(shell.Folder, "other");
        Directory.CreateDirectory(other + ".part");
        await File.WriteAllTextAsync(Path.Combine(other + ".part", "letters.txt"), "mine", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(1, "holds 'letters.txt', which no export left there.", ["audit", "export", other, "--uncountersigned", .. plane.At(plane.One)]);
        Assert.True(File.Exists(Path.Combine(other + ".part", "letters.txt")));
    }

    [Fact]
    public void An_export_that_does_not_come_to_its_end_is_not_there()
    {
        using var folder = new TemporaryFolder();
        var place = folder.File("export");
        using (var writer = new ExportWriter(place))
        {
            for (var i = 0; i < 300; i++) writer.Add(Sample.Entry(i));
            Assert.True(Directory.Exists(place + ".part"));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
        using (var writer = new ExportWriter(place))
        {
            for (var i = 0; i < 300; i++) writer.Add(Sample.Entry(i));
            writer.Finish("note");
        }

        var nodes = Sample.Nodes(300);
        Assert.Null(TlogTilesReader.Verify(new Checkpoint("demarc/acme", 300, nodes.Root(300)), path => File.Exists(Path.Combine(place, path)) ? File.ReadAllBytes(Path.Combine(place, path)) : null));
        Assert.Throws<CommandFailedException>(() => Refuse(place));
    }

    private static void Refuse(string place)
    {
        Directory.CreateDirectory(place + ".part");
        File.WriteAllText(Path.Combine(place + ".part", "x"), "");
        using var writer = new ExportWriter(place);
    }
}
