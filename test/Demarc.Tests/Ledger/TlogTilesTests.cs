using CsCheck;
using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class TlogTilesTests
{
    [Theory]
    [InlineData(0, "tile/0/000")]
    [InlineData(999, "tile/0/999")]
    [InlineData(1000, "tile/0/x001/000")]
    [InlineData(1234067, "tile/0/x001/x234/067")]
    public void Paths_are_the_published_ones(long index, string path)
    {
        Assert.Equal(path, TlogTiles.TilePath(0, index));
        Assert.Equal(path + ".p/7", TlogTiles.TilePath(0, index, 7));
        Assert.Equal(path.Replace("tile/0", "tile/entries", StringComparison.Ordinal), TlogTiles.EntriesPath(index));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "tile/0/000.p/1 tile/entries/000.p/1")]
    [InlineData(256, "tile/0/000 tile/1/000.p/1 tile/entries/000")]
    [InlineData(257, "tile/0/000 tile/0/001.p/1 tile/1/000.p/1 tile/entries/000 tile/entries/001.p/1")]
    public void The_files_are_those_of_the_specification(int size, string paths) =>
        Assert.Equal(paths, string.Join(' ', Export(size).Keys.Order(StringComparer.Ordinal)));

    [Fact]
    public void The_published_example_of_70000_entries_has_its_tiles()
    {
        var paths = Export(70_000).Keys.ToList();

        Assert.Equal(273, paths.Count(p => p.StartsWith("tile/0/", StringComparison.Ordinal) && !p.Contains(".p/", StringComparison.Ordinal)));
        Assert.Contains("tile/0/273.p/112", paths);
        Assert.Contains("tile/1/000", paths);
        Assert.Contains("tile/1/001.p/17", paths);
        Assert.Contains("tile/2/000.p/1", paths);
        Assert.Equal(273 + 1 + 1 + 1 + 1 + 274, paths.Count);
    }

    [Fact]
    public void An_export_of_any_size_verifies_and_gives_the_entries_back() =>
        Gen.Int[0, 700].Sample(size =>
        {
            var files = Export(size);
            var read = new List<byte[]>();
            Assert.Null(TlogTilesReader.Verify(Head(size), files.GetValueOrDefault, (index, entry) =>
            {
                Assert.Equal(read.Count, index);
                read.Add(entry.ToArray());
            }));
            Assert.Equal(Enumerable.Range(0, size).Select(i => Sample.Entry(i)), read);
        }, iter: 60);

    [Fact]
    public void An_export_of_two_levels_verifies() => Assert.Null(TlogTilesReader.Verify(Head(66_000), Export(66_000).GetValueOrDefault));

    [Fact]
    public void Any_changed_removed_or_cut_file_is_named()
    {
        const int size = 600;
        var good = Export(size);
        var paths = good.Keys.Order(StringComparer.Ordinal).ToList();
        Gen.Select(Gen.Int[0, paths.Count - 1], Gen.Int[0, 100_000], Gen.Int[0, 7], Gen.Int[0, 3]).Sample((file, at, bit, how) =>
        {
            var path = paths[file];
            var bytes = (byte[])good[path].Clone();
            bytes[at % bytes.Length] ^= (byte)(1 << bit);
            byte[]? changed = how switch { 0 => bytes, 1 => null, 2 => [.. good[path].SkipLast(1)], _ => [.. good[path], 0] };
            var error = TlogTilesReader.Verify(Head(size), p => p == path ? changed : good.GetValueOrDefault(p));
            Assert.NotNull(error);
            // A changed length prefix or entry shows at its bundle, or at the hashes over it.
            if (how != 0 || !path.StartsWith("tile/entries", StringComparison.Ordinal)) Assert.StartsWith(path + ":", error, StringComparison.Ordinal);
        }, iter: 2_000);
    }

    [Fact]
    public void Another_root_or_size_is_refused()
    {
        var files = Export(300);
        Assert.Contains("checkpoint:", TlogTilesReader.Verify(new Checkpoint("demarc.test/x", 300, new byte[32]), files.GetValueOrDefault), StringComparison.Ordinal);
        Assert.NotNull(TlogTilesReader.Verify(Head(301), files.GetValueOrDefault));
        Assert.NotNull(TlogTilesReader.Verify(Head(299), files.GetValueOrDefault));
    }

    [Fact]
    public void A_full_file_stands_in_for_a_partial_one_that_was_deleted()
    {
        var grown = Export(512);
        var older = Export(300);
        Assert.Null(TlogTilesReader.Verify(Head(300), p => p.StartsWith("tile/1/", StringComparison.Ordinal) ? older.GetValueOrDefault(p) : grown.GetValueOrDefault(p)));
    }

    [Fact]
    public void Empty_and_longest_entries_survive()
    {
        byte[][] entries = [[], new byte[LedgerLimits.EnvelopeBytes], [1]];
        var files = TlogTiles.Write(entries.Select(e => (ReadOnlyMemory<byte>)e)).ToDictionary(f => f.Path, f => f.Bytes.ToArray());
        var frontier = new MerkleFrontier();
        foreach (var entry in entries) frontier.AppendEntry(entry);
        var read = new List<int>();
        Assert.Null(TlogTilesReader.Verify(new Checkpoint("x", 3, frontier.Root()), files.GetValueOrDefault, (_, e) => read.Add(e.Length)));
        Assert.Equal([0, LedgerLimits.EnvelopeBytes, 1], read);
    }

    internal static Dictionary<string, byte[]> Export(int size) =>
        TlogTiles.Write(Enumerable.Range(0, size).Select(i => (ReadOnlyMemory<byte>)Sample.Entry(i))).ToDictionary(f => f.Path, f => f.Bytes.ToArray());

    internal static Checkpoint Head(int size)
    {
        var frontier = new MerkleFrontier();
        for (var i = 0; i < size; i++) frontier.AppendEntry(Sample.Entry(i));
        return new Checkpoint("demarc.test/tiles", size, frontier.Root());
    }
}
