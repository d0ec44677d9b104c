using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Engine;

/// <summary>What the indexes find, held against comparing every row.</summary>
public class VectorIndexTests
{
    private static readonly HnswPlan Plan = new(16, 120, 42, 2);

    public static TheoryData<string, string, bool> Graphs => new()
    {
        { "FloatVector", "L2", false }, { "FloatVector", "L2", true },
        { "FloatVector", "IP", true }, { "FloatVector", "COSINE", false }, { "FloatVector", "COSINE", true },
        { "Float16Vector", "L2", true }, { "Bfloat16Vector", "COSINE", true }, { "Int8Vector", "L2", true },
    };

    [Theory, MemberData(nameof(Graphs))]
    public void A_graph_finds_nearly_all_of_the_nearest_at_every_selectivity(string typeName, string metricName, bool quantised)
    {
        var type = Enum.Parse<DataType>(typeName);
        var sample = new VectorSample(type, 12_000, 32);
        var metric = Metrics.Parse(metricName);
        var index = HnswIndex.Build(VectorSample.IndexId, sample.Column, metric, 12_000, quantised, Plan, CancellationToken.None)!;
        Assert.Equal(quantised, index.Quantised);
        sample.Index(index);
        foreach (var filter in new[] { "", "id % 100 < 99", "id % 2 == 0", "id % 10 == 3", "id % 100 == 7", "id % 1000 == 1", "id < 3000", "id == 5", "id < 0" })
        {
            var recall = sample.Recall(metric, 10, filter, new SearchHints(100, null, 0));
            Assert.True(recall >= 0.95, $"{type} {metric} '{filter}': recall {recall:F3}");
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_graph_and_another_one_does_not()
    {
        var sample = new VectorSample(DataType.FloatVector, 3_000, 16);
        var alone = Plan with { Threads = 1 };
        var (a, b, c) = (Links(sample, alone), Links(sample, alone), Links(sample, alone with { Seed = 43 }));
        Assert.Equal(a, b);
        Assert.NotEqual(a, c);
    }

    [Fact]
    public void Links_are_valid_and_every_row_can_be_reached()
    {
        var sample = new VectorSample(DataType.FloatVector, 6_000, 16);
        var graph = HnswIndex.Build(1, sample.Column, Metric.L2, 6_000, true, Plan, CancellationToken.None)!.Graph;
        var reached = new HashSet<int> { graph.Entry };
        var waiting = new Queue<int>(reached);
        while (waiting.TryDequeue(out var node))
        {
            var links = graph.LinksOf(node, 0);
            links = links[..HnswGraph.CountOf(links)];
            Assert.Equal(links.Length, links.ToArray().Distinct().Count());
            foreach (var next in links)
            {
                Assert.InRange(next, 0, 5_999);
                Assert.NotEqual(node, next);
                if (reached.Add(next))
                {
                    waiting.Enqueue(next);
                }
            }
        }

        Assert.True(reached.Count > 5_980, $"only {reached.Count} of 6,000 rows are reached");
    }

    [Fact]
    public void Walking_allocates_nothing()
    {
        var sample = new VectorSample(DataType.FloatVector, 6_000, 32);
        var index = HnswIndex.Build(1, sample.Column, Metric.L2, 6_000, true, Plan, CancellationToken.None)!;
        var query = sample.Query();
        var plan = new SearchPlan(1, 1, Metric.L2, [query], 10, Demarc.Engine.Filters.Parser.Parse(sample.Definition, ""), null, null, SearchHints.None);
        var heap = new NearestHeap(10);
        var search = new IndexSearch(query, sample.Column.Scorer(query, Metric.L2), sample.Column, null, 6_000, 10, SearchHints.None);
        Assert.True(index.Search(search, new HitCollector(heap, plan, 0)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            _ = index.Search(search, new HitCollector(heap, plan, 0));
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Deleted_rows_are_not_found_and_rows_behind_the_index_are()
    {
        var sample = new VectorSample(DataType.FloatVector, 8_000, 32);
        sample.Index(HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, 5_000, true, Plan, CancellationToken.None));
        var ids = new IDs { IntId = new() };
        ids.IntId.Data.Add(Enumerable.Range(0, 8_000).Where(i => i % 5 == 2).Select(i => (long)i));
        sample.Rows.Delete(ids);
        sample.Rows.Put(sample.Batch(8_000, 500));
        Assert.True(sample.Recall(Metric.L2, 20) >= 0.95);
        var hits = sample.Search([.. Enumerable.Range(0, 50).Select(_ => sample.Query())], Metric.L2, 100, useIndex: true);
        Assert.DoesNotContain(hits.SelectMany(h => h), h => h.Row % 5 == 2 && h.Row < 8_000);
        Assert.Contains(hits.SelectMany(h => h), h => h.Row >= 8_000);
    }

    [Fact]
    public void Several_segments_answer_as_one()
    {
        var sample = new VectorSample(DataType.Int8Vector, 265_000, 8);
        Assert.Equal(2, sample.View.Segments.Length);
        var query = sample.Query();
        var scored = sample.View.Segments.SelectMany((s, i) =>
        {
            var scorer = ((VectorColumn)s.Segment.Columns[1]).Scorer(query, Metric.L2);
            return Enumerable.Range(0, s.Count).Select(row => new Hit(scorer.Nearness(row), i, row));
        });
        var expected = scored.OrderByDescending(h => h.Nearness).ThenBy(h => h.Segment).ThenBy(h => h.Row).Take(100);
        Assert.Equal(expected, sample.Search([query], Metric.L2, 100, useIndex: true)[0]);
    }

    [Fact]
    public void A_range_search_keeps_to_its_range()
    {
        var sample = new VectorSample(DataType.FloatVector, 8_000, 32);
        sample.Index(HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, 8_000, true, Plan, CancellationToken.None));
        var query = sample.Query();
        var all = sample.Search([query], Metric.L2, 200, useIndex: false)[0];
        var (near, far) = (-all[20].Nearness, -all[120].Nearness);
        Assert.Equal(all[20..120], sample.Search([query], Metric.L2, 200, useIndex: true, radius: far, near: near)[0]);
        Assert.True(sample.Search([query], Metric.L2, 200, useIndex: true, radius: far)[0].Intersect(all[..120]).Count() >= 114);
    }

    [Fact]
    public void Rows_whose_codes_are_all_alike_are_walked_by_value()
    {
        // One dimension is a thousand times larger than the others, which decide what is near.
        var sample = new VectorSample(DataType.FloatVector, 6_000, 16);
        var values = ((FloatVectorColumn)sample.Column).Values;
        for (var row = 0; row < 6_000; row++)
        {
            values[row * 16] = row % 2 == 0 ? 200_000 : -200_000;
        }

        var index = HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, 6_000, true, Plan, CancellationToken.None)!;
        Assert.False(index.Quantised);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Many_equal_rows_hide_no_others_and_are_all_found(bool quantised)
    {
        var sample = new VectorSample(DataType.FloatVector, 8_000, 32);
        var values = ((FloatVectorColumn)sample.Column).Values;
        for (var row = 1_000; row < 4_000; row++)
        {
            values.AsSpan(0, 32).CopyTo(values.AsSpan(row * 32, 32));
        }

        sample.Index(HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, 8_000, quantised, Plan, CancellationToken.None));
        foreach (var filter in new[] { "", "id >= 4000 or (id > 0 and id < 1000)", "id >= 2000", "id % 2 == 1" })
        {
            Assert.True(sample.Recall(Metric.L2, 10, filter, new SearchHints(100, null, 0)) >= 0.95, filter);
        }

        var same = sample.Search([sample.Column.Query(0)], Metric.L2, 500, useIndex: true, "id > 1500");
        Assert.Equal(500, same[0].Count(h => h.Nearness == 0));
    }

    [Theory]
    [InlineData("FloatVector", "L2", false)]
    [InlineData("FloatVector", "IP", true)]
    [InlineData("Bfloat16Vector", "COSINE", true)]
    public void Lists_find_more_the_more_of_them_are_looked_through(string typeName, string metricName, bool quantised)
    {
        var type = Enum.Parse<DataType>(typeName);
        var sample = new VectorSample(type, 10_000, 32);
        var metric = Metrics.Parse(metricName);
        sample.Index(IvfIndex.Build(VectorSample.IndexId, sample.Column, metric, 10_000, 64, quantised, CancellationToken.None));
        Assert.True(sample.Recall(metric, 10, "", new SearchHints(null, 64, 0)) >= (quantised ? 0.99 : 1));
        Assert.True(sample.Recall(metric, 10, "", new SearchHints(null, 16, 0)) >= 0.9);
        Assert.True(sample.Recall(metric, 10, "id % 10 == 1", new SearchHints(null, 16, 0)) >= 0.9);
        Assert.Equal(1, sample.Recall(metric, 10, "id % 200 == 1", new SearchHints(null, 2, 0)));
    }

    [Theory]
    [InlineData("HAMMING")]
    [InlineData("JACCARD")]
    public void Lists_of_bit_vectors_find_all_when_all_are_looked_through(string metricName)
    {
        var sample = new VectorSample(DataType.BinaryVector, 6_000, 64);
        var metric = Metrics.Parse(metricName);
        sample.Index(BinaryIvfIndex.Build(VectorSample.IndexId, (ByteVectorColumn)sample.Column, metric, 6_000, 32, CancellationToken.None));
        Assert.Equal(1, sample.Recall(metric, 10, "", new SearchHints(null, 32, 0)));
        Assert.True(sample.Recall(metric, 10, "id % 3 == 0", new SearchHints(null, 12, 0)) >= 0.9);
    }

    [Fact]
    public void Inverted_lists_find_what_comparing_finds()
    {
        var sample = new VectorSample(DataType.SparseFloatVector, 6_000, 60);
        sample.Index(SparseIndex.Build(VectorSample.IndexId, (SparseVectorColumn)sample.Column, 6_000));
        foreach (var filter in new[] { "", "id % 2 == 0", "id % 500 == 0" })
        {
            Assert.Equal(1, sample.Recall(Metric.IP, 20, filter));
        }

        Assert.True(sample.Recall(Metric.IP, 10, "", new SearchHints(null, null, 0.3)) > 0.5);
    }

    private static int[] Links(VectorSample sample, HnswPlan plan)
    {
        var graph = HnswIndex.Build(1, sample.Column, Metric.L2, sample.View.Segments[0].Count, true, plan, CancellationToken.None)!.Graph;
        return [.. Enumerable.Range(0, graph.Count).SelectMany(n => graph.LinksOf(n, 0).ToArray())];
    }

    // Codes of one step for all dimensions tell such rows apart only where they are few; links that were found by code led past two thirds of them.
    [Fact]
    public void Rows_that_lie_close_along_one_large_dimension_are_found_through_a_graph()
    {
        const int rows = 60_000;
        var sample = new VectorSample(DataType.FloatVector, rows, 8, values: row => [row, row % 97, row % 31, row % 7, 0, 1, 0, -row % 13]);
        var index = HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, rows, quantised: true, new HnswPlan(16, 200, 1, 2), CancellationToken.None)!;
        Assert.False(index.Quantised);
        sample.Index(index);
        var asked = Enumerable.Range(0, rows / 61).Select(i => i * 61).ToList();
        var found = sample.Search([.. asked.Select(row => sample.Column.Query(row))], Metric.L2, 1, useIndex: true);
        Assert.True(found.Where((hits, i) => hits[0].Row != asked[i]).Count() <= rows / 61 / 100);
    }
}
