using System.Globalization;
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

/// <summary>What a hybrid search says about all of its parts.</summary>
/// <param name="Rows">How many rows or groups it is to answer with and to leave out before them.</param>
/// <param name="Grouping">What it groups rows by.</param>
internal sealed record HybridPage(long Rows, Grouping? Grouping);

/// <summary>
/// One search: what a request asks for, read once and checked, and what was found. A hybrid search is several of these over
/// the same view.
/// </summary>
internal sealed class SearchRun
{
    public const int DefaultTopK = 10;
    private readonly CollectionView view;
    private readonly ConditionNode filter;
    private readonly SearchHints hints;

    /// <param name="view">What is searched.</param>
    /// <param name="parameters">What the request asks for.</param>
    /// <param name="field">By which vectors.</param>
    /// <param name="queries">The vectors of each query.</param>
    /// <param name="filter">Which rows may be found.</param>
    /// <param name="whole">The hybrid search that this is a part of: it has the say about groups, order and offset.</param>
    public SearchRun(CollectionView view, RequestParameters parameters, FieldDefinition field, QueryVector[][] queries, ConditionNode filter, HybridPage? whole)
    {
        (this.view, Parameters, Field, Queries, this.filter) = (view, parameters, field, queries, filter);
        (Limit, Offset) = Page(parameters, whole);
        (Metric, var lists) = MetricOf(view.Definition, field, parameters.Text("metric_type"));
        FindsElements = field.IsVectorArray && !lists;
        Decimals = parameters.Decimals();
        Grouping = whole is null ? Grouping.Read(view.Definition, parameters) : whole.Grouping;
        Order = whole is null ? OrderBy.Read(view.Definition, parameters) : null;
        hints = IndexParameters.Hints(field, view.Definition.IndexOn(field.Name)!, parameters.Setting, Limit + Offset);
        CheckTogether();
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
            Bound("radius"),
            bound ?? Bound("range_filter"),
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

    private static (int Limit, int Offset) Page(RequestParameters parameters, HybridPage? whole)
    {
        var text = parameters.Text("topk") ?? parameters.Text("limit");
        var limit = whole is not null && !long.TryParse(text, out _) ? whole.Rows : Number(text ?? $"{DefaultTopK}", "topk");
        if (parameters.Text("iterator")?.ToUpperInvariant() is "TRUE" && limit is < 1 or > Limits.TopK)
        {
            limit = Limits.TopK;
        }

        var offset = whole is null ? Number(parameters.Text("offset") ?? "0", "offset") : 0;
        CheckRows("topk", limit);
        if (offset != 0)
        {
            CheckRows("offset", offset);
            CheckRows("offset+topk", limit + offset);
        }

        return ((int)limit, (int)offset);
    }

    private double? Bound(string name)
    {
        var text = Parameters.Text(name);
        return text is null ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
            : throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: [json.exception.type_error.302] type must be number, but is {(text[0] == '[' ? "array" : text[0] == '{' ? "object" : "string")}");
    }

    private static long Number(string text, string name) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Faults.Invalid($"{name} [{text}] is invalid");

    private static void CheckRows(string name, long rows)
    {
        if (rows is < 1 or > Limits.TopK)
        {
            throw Faults.Invalid(Faults.Invalid($"{name} [{rows}] is invalid, it should be in range [1, {Limits.TopK}], but got {rows}").Message);
        }
    }

    /// <summary>Refuses what cannot be asked for together.</summary>
    private void CheckTogether()
    {
        var iterates = Parameters.Flag("iterator") || Parameters.Flag("search_iter_v2");
        var isRange = Parameters.Text("radius") is not null;
        if (iterates && Grouping is not null)
        {
            throw Faults.Invalid("Not allowed to do groupBy when doing iteration", "", "");
        }

        if (!isRange && Parameters.Text("range_filter") is not null)
        {
            throw Faults.Invalid("range_filter requires radius to be set; range_filter alone is not a valid range search parameter", "range_filter", "");
        }

        if (isRange && Grouping is not null)
        {
            throw Faults.Invalid("Not allowed to do range-search when doing search-group-by", "", "");
        }

        if (iterates && Order is not null)
        {
            throw Faults.Invalid("order_by is not supported when using search iterator", "", "");
        }
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
