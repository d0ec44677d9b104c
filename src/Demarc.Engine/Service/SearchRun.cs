using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>One row that a search has found, with the score clients see.</summary>
/// <param name="Score">As clients see it.</param>
/// <param name="Segment">Where the row is.</param>
/// <param name="Row">Its number there.</param>
/// <param name="Element">Which element of a struct array was found, in a search of elements; otherwise -1.</param>
internal readonly record struct Ranked(float Score, SegmentView Segment, int Row, int Element = -1);

/// <summary>
/// One search: what a request asks for, read once and checked, and what was found. A hybrid search is several of these over
/// the same view.
/// </summary>
internal sealed class SearchRun
{
    private const int DefaultTopK = 10;
    private readonly CollectionView view;
    private readonly ConditionNode filter;
    private readonly SearchHints hints;

    public SearchRun(CollectionView view, SearchRequest request, RequestParameters parameters, FieldDefinition field, QueryVector[][] queries, ConditionNode filter)
    {
        (this.view, Parameters, Field, Queries, this.filter) = (view, parameters, field, queries, filter);
        (Limit, Offset) = MilvusEndpoint.Page(parameters, "topk");
        Limit = Limit < 0 ? (int)parameters.Whole("limit", DefaultTopK) : Limit;
        if (Limit is < 1 or > Limits.TopK)
        {
            throw Faults.Invalid($"topk [{Limit}] is invalid, it should be in range [1, {Limits.TopK}]");
        }

        (Metric, var lists) = MetricOf(view.Definition, field, parameters.Text("metric_type"));
        FindsElements = field.IsVectorArray && !lists;
        Decimals = parameters.Decimals();
        Grouping = Grouping.Read(view.Definition, parameters);
        Order = OrderBy.Read(view.Definition, parameters);
        hints = IndexParameters.Hints(parameters.Text, Limit + Offset);
        if (Grouping is not null && (parameters.Flag("iterator") || parameters.Flag("search_iter_v2")))
        {
            throw Faults.Invalid("Not allowed to do groupBy when doing iteration");
        }

        if (Grouping is not null && (parameters.Number("radius") is not null || parameters.Number("range_filter") is not null))
        {
            throw Faults.Invalid("Not allowed to do range-search when doing search-group-by");
        }
    }

    public RequestParameters Parameters { get; }

    public FieldDefinition Field { get; }

    /// <summary>The vectors of each query: one, or a list where lists are compared.</summary>
    public QueryVector[][] Queries { get; }

    /// <summary>Whether elements of a struct array are found, each for itself.</summary>
    public bool FindsElements { get; }

    public Metric Metric { get; }

    public int Limit { get; }

    public int Offset { get; }

    public int Decimals { get; }

    public Grouping? Grouping { get; }

    public OrderBy? Order { get; }

    /// <summary>What is found for each query, nearest first, the offset still in it.</summary>
    public List<Ranked>[] Find(CancellationToken cancel)
    {
        if (Grouping is not null)
        {
            return Grouping.Collect(this, view.LiveRows, keep => Nearest(keep, null, cancel), Limit + Offset);
        }

        return Nearest(Limit + Offset, null, cancel);
    }

    /// <summary>The nearest rows, of those beyond a bound if there is one. Nought is added so that a distance of nought has no sign.</summary>
    public List<Ranked>[] Nearest(int keep, double? bound, CancellationToken cancel)
    {
        var field = Field;
        var plan = new SearchPlan(
            view.Definition.FieldIndex(Field.Name),
            view.Definition.IndexOn(Field.Name)?.IndexId ?? 0,
            Metric,
            field.IsVectorArray ? [] : [.. Queries.Select(q => q[0])],
            keep,
            filter,
            Parameters.Number("radius"),
            bound ?? Parameters.Number("range_filter"),
            hints);
        if (field.IsVectorArray)
        {
            return [.. ArraySearch.Run(view, plan, Queries, !FindsElements, cancel).Select(hits => hits.Select(OfArray).ToList())];
        }

        return [.. VectorSearch.Run(view, plan, cancel).Select(hits => hits.Select(h => new Ranked(Metric.Score(h.Nearness) + 0f, view.Segments[h.Segment], h.Row)).ToList())];
    }

    private Ranked OfArray(Hit hit)
    {
        var segment = view.Segments[hit.Segment];
        var score = Metric.Score(hit.Nearness) + 0f;
        if (!FindsElements)
        {
            return new Ranked(score, segment, hit.Row);
        }

        var column = (VectorArrayColumn)segment.Segment.Columns[view.Definition.FieldIndex(Field.Name)];
        var row = column.RowOf(hit.Row);
        return new Ranked(score, segment, row, hit.Row - column.ElementsOf(row).From);
    }

    /// <summary>The metric of the field's index, and whether it compares lists of vectors.</summary>
    public static (Metric Metric, bool Lists) MetricOf(CollectionDefinition definition, FieldDefinition field, string? asked)
    {
        var indexed = definition.IndexOn(field.Name)?.Metric() ?? throw Faults.IndexNotFound(definition.Name);
        var listed = Metrics.OfList(indexed);
        return asked is null || asked.Equals(indexed, StringComparison.OrdinalIgnoreCase) || (listed is not null && Metrics.OfList(asked) == listed)
            ? (listed ?? Metrics.Parse(indexed), listed is not null)
            : throw Faults.Invalid("metric type not match", indexed, asked);
    }
}
