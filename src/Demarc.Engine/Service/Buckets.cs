using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Service;

/// <summary>Puts what a search has found into the buckets that were asked for.</summary>
internal sealed class Buckets
{
    private readonly CollectionDefinition definition;
    private readonly SearchAggregation aggregation;
    private readonly List<int> shown;

    /// <param name="definition">The collection.</param>
    /// <param name="aggregation">What is asked for.</param>
    /// <param name="output">The fields that hits show.</param>
    public Buckets(CollectionDefinition definition, SearchAggregation aggregation, OutputFields output)
    {
        (this.definition, this.aggregation) = (definition, aggregation);
        shown = [.. output.Indexes.OrderBy(i => definition.Fields[i].Schema.FieldID)];
        if (shown.Select(i => definition.Fields[i]).FirstOrDefault(f => f.IsArray || f.IsSearchable) is { } field)
        {
            throw Faults.NotServed($"output field {field.Name} of type {field.Type} in a search with search_aggregation");
        }
    }

    public SearchResultData Fill(List<Ranked>[] found, long searched)
    {
        var results = new SearchResultData { NumQueries = found.Length, AllSearchCount = searched, PrimaryFieldName = definition.Primary.Name };
        foreach (var hits in found)
        {
            var buckets = Level(0, hits);
            results.Topks.Add(0);
            results.AggTopks.Add(buckets.Count);
            results.AggBuckets.Add(buckets);
        }

        return results;
    }

    private List<AggBucket> Level(int at, List<Ranked> rows)
    {
        var level = aggregation.Levels[at];
        IEnumerable<Bucket> buckets = [.. rows
            .GroupBy(row => new GroupKey([.. level.Fields.Select(field => ValueOf(field, row))]))
            .Select(group => new Bucket(group.Key.Values, [.. group], level.Metrics.ToDictionary(m => m.Alias, m => Worth(m, group))))];
        if (level.Order.Count > 0)
        {
            buckets = buckets.Order(Comparer<Bucket>.Create((a, b) => level.Order.Select(o => o.Descending ? Compare(o.Key, b, a) : Compare(o.Key, a, b)).FirstOrDefault(order => order != 0)));
        }

        return [.. buckets.Take((int)Math.Min(level.Size, int.MaxValue)).Select(bucket => Written(at, bucket))];
    }

    private AggBucket Written(int at, Bucket bucket)
    {
        var level = aggregation.Levels[at];
        var written = new AggBucket { Count = bucket.Rows.Count };
        written.Key.Add(level.Fields.Zip(bucket.Key, KeyEntry));
        foreach (var (alias, worth) in bucket.Metrics)
        {
            if (worth is not null)
            {
                written.Metrics[alias] = MetricValueOf(worth);
            }
        }

        if (level.Hits is { } hits)
        {
            var best = bucket.Rows.Order(Comparer<Ranked>.Create((a, b) => Compare(hits, a, b)));
            written.Hits.Add(best.Take((int)Math.Min(hits.Size, int.MaxValue)).Select(HitOf));
        }

        if (at + 1 < aggregation.Levels.Count)
        {
            written.SubGroups.Add(Level(at + 1, bucket.Rows));
        }

        return written;
    }

    private static int Compare(string key, Bucket a, Bucket b) => key switch
    {
        "_count" => a.Rows.Count.CompareTo(b.Rows.Count),
        "_key" => a.Key.Zip(b.Key, RowValue.Compare).FirstOrDefault(order => order != 0),
        _ => RowValue.Compare(a.Metrics[key], b.Metrics[key]),
    };

    /// <summary>Behind what was asked for comes the greater score, whatever the metric, as in Milvus, then the lesser key.</summary>
    private int Compare(SearchAggregation.TopHits hits, Ranked a, Ranked b)
    {
        foreach (var sort in hits.Sort)
        {
            var (left, right) = (ValueOf(sort.Field, a), ValueOf(sort.Field, b));
            var order = left is null || right is null
                ? (sort.NullsFirst ? (right is null).CompareTo(left is null) : (left is null).CompareTo(right is null))
                : sort.Descending ? RowValue.Compare(right, left) : RowValue.Compare(left, right);
            if (order != 0)
            {
                return order;
            }
        }

        var byScore = b.Score.CompareTo(a.Score);
        return byScore != 0 ? byScore : RowValue.Compare(ValueOf(definition.PrimaryIndex, a), ValueOf(definition.PrimaryIndex, b));
    }

    /// <summary>A figure over rows; null when none of them has a value, unless rows are counted.</summary>
    private static object? Worth(SearchAggregation.Metric metric, IEnumerable<Ranked> rows)
    {
        if (metric.Kind == "count")
        {
            return rows.LongCount(row => metric.Field < 0 || !row.Segment.Segment.Columns[metric.Field].IsNull(row.Row));
        }

        var values = rows.Select(row => ValueOf(metric.Field, row)).Where(value => value is not null).ToList();
        return values.Count == 0 ? null : metric.Kind switch
        {
            "sum" when values[0] is long => values.Aggregate(0L, (sum, value) => unchecked(sum + (long)value!)),
            "sum" => values.Sum(AsDouble),
            "avg" => values.Average(AsDouble),
            "min" => values.Min(Comparer<object?>.Create(RowValue.Compare)),
            _ => values.Max(Comparer<object?>.Create(RowValue.Compare)),
        };
    }

    private static double AsDouble(object? value) => value switch { long whole => whole, float number => number, double number => number, _ => throw new InvalidOperationException("Only numbers are summed.") };

    private static object? ValueOf(int field, Ranked row) => field == SearchAggregation.Score ? row.Score : RowValue.Of(row.Segment.Segment.Columns[field], row.Row);

    private BucketKeyEntry KeyEntry(int field, object? value)
    {
        var entry = new BucketKeyEntry { FieldId = definition.Fields[field].Schema.FieldID, FieldName = definition.Fields[field].Name };
        switch (value)
        {
            case long whole:
                entry.IntVal = whole;
                break;
            case bool truth:
                entry.BoolVal = truth;
                break;
            case string text:
                entry.StringVal = text;
                break;
            default:
                break;
        }

        return entry;
    }

    private static MetricValue MetricValueOf(object worth) => worth switch
    {
        long whole => new MetricValue { IntVal = whole },
        string text => new MetricValue { StringVal = text },
        bool truth => new MetricValue { BoolVal = truth },
        _ => new MetricValue { DoubleVal = AsDouble(worth) },
    };

    private AggHit HitOf(Ranked row)
    {
        var hit = new AggHit { Score = row.Score };
        if (ValueOf(definition.PrimaryIndex, row) is string key)
        {
            hit.StrPk = key;
        }
        else
        {
            hit.IntPk = (long)ValueOf(definition.PrimaryIndex, row)!;
        }

        hit.Fields.Add(shown.Select(field => HitField(field, ValueOf(field, row))));
        return hit;
    }

    private AggHitField HitField(int field, object? value)
    {
        var shownField = new AggHitField { FieldId = definition.Fields[field].Schema.FieldID, FieldName = definition.Fields[field].Name };
        switch (value)
        {
            case long whole:
                shownField.IntVal = whole;
                break;
            case bool truth:
                shownField.BoolVal = truth;
                break;
            case float number:
                shownField.FloatVal = number;
                break;
            case double number:
                shownField.DoubleVal = number;
                break;
            case string text:
                shownField.StringVal = text;
                break;
            case ByteString json:
                shownField.BytesVal = json;
                break;
            default:
                break;
        }

        return shownField;
    }

    private sealed record Bucket(object?[] Key, List<Ranked> Rows, Dictionary<string, object?> Metrics);
}
