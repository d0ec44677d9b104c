using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;
using Microsoft.Extensions.Logging.Abstractions;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Indexes come behind the service's back, follow the rows, and go with their definition.</summary>
public sealed class IndexBuilderTests : IDisposable
{
    private readonly EngineState state = new(new HybridClock(TimeProvider.System));
    private readonly IndexBuilder builder;

    public IndexBuilderTests() => builder = new IndexBuilder(state, TimeProvider.System, NullLogger.Instance, threads: 2);

    public void Dispose() => builder.Dispose();

    [Fact]
    public async Task An_open_segment_is_indexed_when_asked_and_again_after_it_has_grown_by_half()
    {
        var sample = new VectorSample(DataType.FloatVector, 6_000, 24);
        state.Add(sample.Rows);
        var index = Define(sample, "HNSW", "L2");
        await Covered(sample, 6_000);
        Assert.Equal(new IndexProgress(6_000, 6_000, 0), IndexBuilder.Progress(sample.View, index));

        // A little more is compared row by row, and is found at once.
        sample.Rows.Put(sample.Batch(6_000, 1_000));
        Ask(sample);
        Assert.True(sample.Recall(Metric.L2, 10) >= 0.95);
        Assert.Equal(0, IndexBuilder.Progress(sample.View, index).Pending);
        sample.Rows.Put(sample.Batch(7_000, 5_000));
        Ask(sample);
        await Covered(sample, 12_000);
        Assert.True(sample.Recall(Metric.L2, 10) >= 0.95);
    }

    [Theory]
    [InlineData("FloatVector", "IVF_FLAT", "COSINE", "IvfIndex")]
    [InlineData("FloatVector", "DISKANN", "L2", "HnswIndex")]
    [InlineData("Float16Vector", "AUTOINDEX", "COSINE", "HnswIndex")]
    [InlineData("Bfloat16Vector", "IVF_SQ8", "L2", "IvfIndex")]
    [InlineData("Int8Vector", "HNSW", "IP", "HnswIndex")]
    [InlineData("BinaryVector", "BIN_IVF_FLAT", "JACCARD", "BinaryIvfIndex")]
    [InlineData("SparseFloatVector", "SPARSE_WAND", "IP", "SparseIndex")]
    public async Task Each_type_is_answered_by_its_structure(string type, string indexType, string metric, string structure)
    {
        var sample = new VectorSample(Enum.Parse<DataType>(type), 5_000, 64, nullable: true);
        state.Add(sample.Rows);
        Define(sample, indexType, metric);
        await Covered(sample, 5_000);
        Assert.Equal(structure, sample.View.Segments[0].Segment.IndexOf(1)!.GetType().Name);
        Assert.True(sample.Recall(Metrics.Parse(metric), 10, "", new SearchHints(200, 64, 0)) >= 0.9);
        var hits = sample.Search([sample.Query()], Metrics.Parse(metric), 100, useIndex: true);
        Assert.DoesNotContain(hits[0], h => sample.Nulls.Contains(h.Row));
    }

    [Fact]
    public async Task A_dropped_definition_takes_its_index_along_and_flat_has_none()
    {
        var sample = new VectorSample(DataType.FloatVector, 5_000, 16);
        state.Add(sample.Rows);
        Define(sample, "HNSW_SQ", "IP");
        await Covered(sample, 5_000);
        sample.Rows.Redefine(sample.Definition with { Indexes = [] });
        builder.Wake();
        await Until(() => sample.View.Segments[0].Segment.IndexOf(1) is null);
        var flat = Define(sample, "FLAT", "IP");
        Assert.Equal(0, IndexBuilder.Progress(sample.View, flat).Pending);
    }

    [Fact]
    public async Task Searches_go_on_while_rows_come_and_indexes_are_built()
    {
        var sample = new VectorSample(DataType.FloatVector, 5_000, 16);
        state.Add(sample.Rows);
        Define(sample, "HNSW", "L2");
        var query = sample.Query();
        for (var batch = 0; batch < 12; batch++)
        {
            sample.Rows.Put(sample.Batch(5_000 + (batch * 1_000), 1_000));
            Ask(sample);
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal(50, sample.Search([query], Metric.L2, 50, useIndex: true)[0].Select(h => h.Row).Distinct().Count());
            }
        }

        await Until(() => sample.View.Segments[0].Segment.IndexOf(1) is { Rows: > 10_000 });
    }

    private StoredIndex Define(VectorSample sample, string type, string metric)
    {
        var index = new StoredIndex { Name = "vec", FieldName = "vec", IndexId = VectorSample.IndexId };
        index.Params.Add(Demarc.Engine.Catalog.IndexRules.Complete(sample.Definition.Fields[1], [new Pair { Key = "index_type", Value = type }, new Pair { Key = "metric_type", Value = metric }]));
        sample.Rows.Redefine(sample.Definition with { Indexes = [index] });
        Ask(sample);
        return index;
    }

    private void Ask(VectorSample sample)
    {
        sample.Rows.AskForIndex();
        builder.Wake();
    }

    private static Task Covered(VectorSample sample, int rows) => Until(() => sample.View.Segments[0].Segment.IndexOf(1)?.Rows == rows);

    private static async Task Until(Func<bool> done)
    {
        for (var i = 0; i < 3_000 && !done(); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.True(done(), "it has not come about within a minute");
    }
}
