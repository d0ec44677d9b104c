using System.Runtime.Versioning;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;
using Demarc.Tests.Engine.Buckets;

namespace Demarc.Tests.Engine;

/// <summary>Rows that wait for their index: found through lists, as they were found one by one.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ArrivedRowsTests
{
    private const int Rows = 40_000;

    [Theory]
    [InlineData(nameof(DataType.FloatVector), nameof(Metric.L2))]
    [InlineData(nameof(DataType.FloatVector), nameof(Metric.IP))]
    [InlineData(nameof(DataType.FloatVector), nameof(Metric.Cosine))]
    [InlineData(nameof(DataType.Float16Vector), nameof(Metric.Cosine))]
    [InlineData(nameof(DataType.Bfloat16Vector), nameof(Metric.L2))]
    [InlineData(nameof(DataType.Int8Vector), nameof(Metric.L2))]
    public void The_nearest_are_found_through_the_lists(string typeName, string metricName)
    {
        var (type, metric) = (Enum.Parse<DataType>(typeName), Enum.Parse<Metric>(metricName));
        var sample = new VectorSample(type, Rows, 16);
        var segment = sample.View.Segments[0].Segment;
        var arrived = ArrivedRows.Begin(VectorSample.IndexId, sample.Column.Widener(), sample.Dimension, metric, 0, Rows / 2);
        segment.SetArrived(1, arrived);
        Assert.True(sample.Recall(metric, 10) >= 0.95); // Those behind the lists are compared one by one.
        for (var to = Rows / 2; to <= Rows; to += 5_000)
        {
            arrived = arrived.With(sample.Column.Widener(), to);
        }

        segment.SetArrived(1, arrived);
        Assert.True(sample.Recall(metric, 10) >= 0.95);
        Assert.True(sample.Recall(metric, 10, "id % 3 == 0") >= 0.95);
        Assert.Equal(1, sample.Recall(metric, 10, "id % 5000 == 17")); // So few are compared by themselves.
        Assert.True(sample.Recall(metric, 500) >= 0.95);
    }

    [Fact]
    public void Rows_that_an_index_has_are_found_once_and_not_through_the_lists()
    {
        var sample = new VectorSample(DataType.FloatVector, Rows, 16);
        var segment = sample.View.Segments[0].Segment;
        segment.SetArrived(1, ArrivedRows.Begin(VectorSample.IndexId, sample.Column.Widener(), sample.Dimension, Metric.L2, 0, Rows));
        sample.Index(HnswIndex.Build(VectorSample.IndexId, sample.Column, Metric.L2, 15_000, quantised: false, new HnswPlan(16, 100, 1, 2), CancellationToken.None));
        var found = sample.Search([.. Enumerable.Range(0, 50).Select(_ => sample.Query())], Metric.L2, 100, useIndex: true);
        Assert.All(found, hits => Assert.Equal(100, hits.Select(h => h.Row).Distinct().Count()));
        Assert.Contains(found.SelectMany(hits => hits), hit => hit.Row < 15_000);
        Assert.Contains(found.SelectMany(hits => hits), hit => hit.Row >= 15_000);
        Assert.True(sample.Recall(Metric.L2, 10) >= 0.95);

        // Lists that begin behind what an index has are not enough without it.
        segment.SetArrived(1, ArrivedRows.Begin(VectorSample.IndexId, sample.Column.Widener(), sample.Dimension, Metric.L2, 15_000, Rows));
        Assert.True(sample.Recall(Metric.L2, 10) >= 0.95);
        sample.Index(null);
        Assert.Equal(1, sample.Recall(Metric.L2, 10));
    }

    [Fact]
    public void Rows_that_are_all_alike_are_found_too()
    {
        var sample = new VectorSample(DataType.FloatVector, 20_000, 2, values: row => [(row % 250) - 125, 0]);
        sample.View.Segments[0].Segment.SetArrived(1, ArrivedRows.Begin(VectorSample.IndexId, sample.Column.Widener(), sample.Dimension, Metric.L2, 0, 20_000));
        Assert.True(sample.Recall(Metric.L2, 10) >= 0.95);
    }

    [Fact]
    public async Task They_are_put_into_lists_while_they_come_in_and_the_lists_go_when_the_index_is_there()
    {
        using var lab = new BucketLab();
        using var box = lab.Open(lab.Folder(), indexing: true);
        await BucketLab.ReadyAsync(box, index: "IVF_FLAT");
        await BucketLab.PutAsync(box, 0, 20_000);
        var segment = box.Store.State.Find("default", "things").View.Segments[0].Segment;
        await BucketLab.UntilAsync(() => segment.ArrivedOf(1) is not null || segment.IndexOf(1) is not null);
        await BucketLab.CheckAsync(box, [0, 1, 10_000, 19_999]);
        await BucketLab.PutAsync(box, 20_000, 20_000);
        await BucketLab.CheckAsync(box, [0, 19_999, 20_000, 39_999]);
        ServiceLab.Ok((await box.Client.FlushAsync(new FlushRequest { CollectionNames = { "things" } })).Status);
        await BucketLab.IndexedAsync(() => segment.IndexOf(1)?.Rows == 40_000 && segment.ArrivedOf(1) is null);
        await BucketLab.CheckAsync(box, [0, 19_999, 20_000, 39_999]);
        Assert.Empty(box.Defects);
    }
}
