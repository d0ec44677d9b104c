using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Microsoft.Extensions.Logging.Abstractions;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Indexes in files answer as those in memory do; one that is not sound, or not of these rows, is never used.</summary>
public class IndexFileTests
{
    private const int Rows = 5_000;

    public static TheoryData<string, string, string> Kinds => new()
    {
        { "FloatVector", "HNSW", "L2" }, { "FloatVector", "AUTOINDEX", "COSINE" }, { "Bfloat16Vector", "HNSW", "IP" },
        { "FloatVector", "IVF_FLAT", "IP" }, { "Float16Vector", "IVF_SQ8", "L2" }, { "BinaryVector", "BIN_IVF_FLAT", "HAMMING" }, { "SparseFloatVector", "SPARSE_INVERTED_INDEX", "IP" },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void An_index_answers_from_its_file_mapped_or_copied_as_it_did_from_memory(string typeName, string type, string metricName)
    {
        using var folder = Sample.Folder();
        var (sample, index) = Built(Enum.Parse<DataType>(typeName), type, metricName);
        var metric = Metrics.Parse(metricName);
        QueryVector[] queries = [.. Enumerable.Range(0, 30).Select(_ => sample.Query())];
        sample.Index(index);
        var expected = sample.Search(queries, metric, 20, useIndex: true);
        var name = Write(folder, sample, index);
        foreach (var copied in new[] { false, true })
        {
            var file = IndexFile.Open(folder[IndexFile.Name(name)]);
            var read = IndexFile.Read(file, copied, name, 9, sample.Column)!;
            Assert.Equal(index.GetType(), read.GetType());
            Assert.True(copied ? read.Bytes >= index.Bytes / 2 : read.Bytes < index.Bytes / 2, $"{read.Bytes} of {index.Bytes} bytes in memory, copied: {copied}");
            sample.Index(read);
            Assert.Equal(expected, sample.Search(queries, metric, 20, useIndex: true));
        }
    }

    [Fact]
    public void Any_changed_byte_of_an_index_is_found()
    {
        using var folder = Sample.Folder();
        var (sample, index) = Built(DataType.FloatVector, "AUTOINDEX", "L2");
        var path = folder[IndexFile.Name(Write(folder, sample, index))];
        var whole = File.ReadAllBytes(path);
        for (var at = 0; at < whole.Length; at += 1 + (whole.Length / 500))
        {
            var hurt = (byte[])whole.Clone();
            hurt[at] ^= 4;
            File.WriteAllBytes(path, hurt);
            Assert.Equal(path, Assert.Throws<DamagedDataException>(() => IndexFile.Open(path)).DamagedFile);
        }
    }

    [Fact]
    public void An_index_of_other_rows_another_definition_or_another_segment_is_not_taken()
    {
        using var folder = Sample.Folder();
        var (sample, index) = Built(DataType.FloatVector, "HNSW", "L2");
        var name = Write(folder, sample, index);
        var file = IndexFile.Open(folder[IndexFile.Name(name)]);
        Assert.Null(IndexFile.Read(file, false, name with { Index = 78 }, 9, sample.Column));
        Assert.Null(IndexFile.Read(file, false, name with { Segment = 4 }, 9, sample.Column));
        Assert.Null(IndexFile.Read(file, false, name with { Rows = Rows - 1 }, 9, sample.Column));
        Assert.Null(IndexFile.Read(file, false, name, 10, sample.Column));
        Assert.Null(IndexFile.Read(file, false, name, 9, new VectorSample(DataType.FloatVector, Rows, 24, seed: 2).Column));
        Assert.Null(IndexFile.Read(file, false, name, 9, new VectorSample(DataType.FloatVector, Rows - 1, 24).Column));
        Assert.NotNull(IndexFile.Read(file, false, name, 9, sample.Column));
    }

    [Fact]
    public void An_index_that_points_outside_its_rows_is_not_taken_though_it_matches_its_checksums()
    {
        using var folder = Sample.Folder();
        var (sample, index) = Built(DataType.FloatVector, "HNSW", "L2");
        var links = ((HnswIndex)index).Graph.LinksOf(3, 0);
        foreach (var wrong in new[] { Rows, int.MaxValue, -2 })
        {
            links[0] = wrong;
            var name = Write(folder, sample, index);
            Assert.Throws<DamagedDataException>(() => IndexFile.Read(IndexFile.Open(folder[IndexFile.Name(name)]), false, name, 9, sample.Column));
        }
    }

    [Fact]
    public async Task Indexes_are_stored_once_the_manifest_names_their_rows_and_a_start_takes_them_from_there()
    {
        using var folder = Sample.Folder();
        await using (var running = Running.Open(folder))
        {
            await Fill(running, 6_000);
            using var builder = Builder(running, out var files);
            await Covered(running, 6_000);
            Assert.Empty(running.Directory.Indexes());
            await running.DisposeAsync();
            files.Store(running.Store.State);
            Assert.Single(running.Directory.Indexes());
        }

        // Taken, not built: the very same links.
        var file = Directory.GetFiles(folder.Path, "index-*.idx").Single();
        var written = File.GetLastWriteTimeUtc(file);
        await using (var running = Running.Open(folder))
        {
            using var builder = Builder(running, out _);
            await Covered(running, 6_000);
            Assert.True(Index(running)!.Stored);
            Assert.Equal(written, File.GetLastWriteTimeUtc(file));

            // Rows that come later are compared one by one until they are many; then a longer index takes the place of this one.
            await running.Put(running.Rows().Definition.Id, [.. Enumerable.Range(6_000, 6_000).Select(i => (long)i)]);
            running.Rows().AskForIndex();
            builder.Wake();
            await Covered(running, 12_000);
        }

        await using (var running = Running.Open(folder))
        {
            // The stored one is a beginning of what is there now and is still good; the longer one was never stored.
            using var builder = Builder(running, out var files);
            await Until(() => Index(running) is not null);
            running.Rows().AskForIndex();
            builder.Wake();
            await Covered(running, 12_000);
            await Until(() => Index(running)!.Stored);
            Assert.EndsWith("-00002ee0.idx", Assert.Single(running.Directory.Indexes()), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_damaged_or_missing_index_file_is_built_again_and_never_served()
    {
        using var folder = Sample.Folder();
        await using (var running = Running.Open(folder))
        {
            await Fill(running, 5_000);
            using var builder = Builder(running, out var files);
            await Covered(running, 5_000);
            await running.DisposeAsync();
            files.Store(running.Store.State);
        }

        var file = Directory.GetFiles(folder.Path, "index-*.idx").Single();
        var whole = File.ReadAllBytes(file);
        whole[whole.Length / 2] ^= 1;
        File.WriteAllBytes(file, whole);
        for (var start = 0; start < 2; start++)
        {
            await using var running = Running.Open(folder);
            var lines = new Lines();
            var files = new IndexFolder(running.Directory, new Disk(), long.MaxValue, lines);
            files.Load(running.Store.State, CancellationToken.None);
            Assert.Null(Index(running));
            Assert.Equal(start == 0 ? 1 : 0, lines.Said.Count(l => l.Contains(file, StringComparison.Ordinal) && l.Contains("do not match their checksum", StringComparison.Ordinal)));
            Assert.False(File.Exists(file));
        }

        await using var last = Running.Open(folder);
        using var again = Builder(last, out _);
        last.Rows().AskForIndex();
        again.Wake();
        await Covered(last, 5_000);
        await Until(() => Index(last)!.Stored);
    }

    [Fact]
    public async Task Index_files_go_with_their_definition()
    {
        using var folder = Sample.Folder();
        await using (var running = Running.Open(folder))
        {
            await Fill(running, 5_000);
            using var builder = Builder(running, out var files);
            await Covered(running, 5_000);
            await running.DisposeAsync();
            files.Store(running.Store.State);
        }

        await using (var running = Running.Open(folder))
        {
            Assert.Single(running.Directory.Indexes());
            await running.Store.Decide(() => new LogOp { DropIndex = new DropIndexOp { CollectionId = running.Rows().Definition.Id, IndexName = "vec" } });
        }

        Assert.Empty(Directory.GetFiles(folder.Path, "index-*"));
    }

    [Fact]
    public async Task What_does_not_fit_the_budget_is_walked_where_it_is_mapped()
    {
        using var folder = Sample.Folder();
        await using var running = Running.Open(folder);
        await Fill(running, 5_000);
        var files = new IndexFolder(running.Directory, new Disk(), 0, NullLogger.Instance);
        using (var builder = new IndexBuilder(running.Store.State, TimeProvider.System, NullLogger.Instance, 2, files))
        {
            running.Rows().AskForIndex();
            builder.Wake();
            await Covered(running, 5_000);
        }

        Assert.True(Index(running)!.Bytes > 100_000);
        await running.DisposeAsync();
        files.Store(running.Store.State);
        Assert.True(Index(running)!.Bytes < 100_000);
        Assert.Equal(5_000, Index(running)!.Rows);
    }

    private static (VectorSample Sample, VectorIndex Index) Built(DataType type, string indexType, string metric)
    {
        var sample = new VectorSample(type, Rows, 24);
        var state = new EngineState(new HybridClock(TimeProvider.System));
        state.Add(sample.Rows);
        var index = new StoredIndex { Name = "vec", FieldName = "vec", IndexId = VectorSample.IndexId };
        index.Params.Add(Demarc.Engine.Catalog.IndexRules.Complete(sample.Definition.Fields[1], [new Pair { Key = "index_type", Value = indexType }, new Pair { Key = "metric_type", Value = metric }]));
        sample.Rows.Redefine(sample.Definition with { Indexes = [index] });
        sample.Rows.AskForIndex();
        using var builder = new IndexBuilder(state, TimeProvider.System, NullLogger.Instance, threads: 2);
        Assert.True(SpinWait.SpinUntil(() => sample.View.Segments[0].Segment.IndexOf(1)?.Rows == Rows, TimeSpan.FromMinutes(1)));
        return (sample, sample.View.Segments[0].Segment.IndexOf(1)!);
    }

    private static IndexFileName Write(TemporaryFolder folder, VectorSample sample, VectorIndex index)
    {
        var name = new IndexFileName(sample.View.Segments[0].Segment.Id, index.IndexId, index.Rows);
        IndexFile.Write(new Disk(), folder[IndexFile.Name(name)], 9, name.Segment, sample.Column, index);
        Assert.True(IndexFile.TryName(folder[IndexFile.Name(name)], out var read));
        Assert.Equal(name, read);
        return name;
    }

    private static IndexBuilder Builder(Running running, out IndexFolder files)
    {
        files = new IndexFolder(running.Directory, new Disk(), long.MaxValue, NullLogger.Instance);
        return new IndexBuilder(running.Store.State, TimeProvider.System, NullLogger.Instance, 2, files);
    }

    private static async Task Fill(Running running, int rows)
    {
        var id = await running.Create();
        var index = new StoredIndex { IndexId = 99, Name = "vec", FieldName = "vec" };
        index.Params.Add(Demarc.Engine.Catalog.IndexRules.Complete(running.Rows().Definition.Field("vec")!, [new Pair { Key = "index_type", Value = "HNSW" }, new Pair { Key = "metric_type", Value = "L2" }]));
        await running.Store.Decide(() => new LogOp { PutIndex = new PutIndexOp { CollectionId = id, Index = index } });
        await running.Put(id, [.. Enumerable.Range(0, rows).Select(i => (long)i)]);
        running.Rows().AskForIndex();
    }

    private static VectorIndex? Index(Running running) => running.Rows().View.Segments[0].Segment.IndexOf(1);

    private static Task Covered(Running running, int rows) => Until(() => Index(running)?.Rows == rows);

    private static async Task Until(Func<bool> done)
    {
        for (var i = 0; i < 3_000 && !done(); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.True(done(), "it has not come about within a minute");
    }

    private sealed class Lines : Microsoft.Extensions.Logging.ILogger
    {
        public List<string> Said { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(Microsoft.Extensions.Logging.LogLevel logLevel) => true;

        public void Log<TState>(Microsoft.Extensions.Logging.LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Said.Add(formatter(state, exception));
    }
}
