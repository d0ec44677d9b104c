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

/// <summary>
/// One search: what a request asks for, read once and checked, and what was found. A hybrid search is several of these over
/// the same view.
/// </summary>
internal sealed class SearchRun
{
    private readonly CollectionView view;
    private readonly ConditionNode filter;
    private readonly SearchHints hints;

    // Of each query that was asked, whether there is a vector to search by.
    private readonly bool[] present;

    /// <param name="view">What is searched.</param>
    /// <param name="ask">What the request asks for.</param>
    /// <param name="field">By which vectors.</param>
    /// <param name="queries">The vectors of each query; a query without any finds nothing.</param>
    /// <param name="filter">Which rows may be found.</param>
    public SearchRun(CollectionView view, SearchAsk ask, FieldDefinition field, QueryVector[][] queries, ConditionNode filter)
    {
        (this.view, Ask, Field, this.filter) = (view, ask, field, filter);
        Queries = [.. queries.Where(q => q.Length > 0)];
        present = [.. queries.Select(q => q.Length > 0)];
        (Metric, var lists) = MetricOf(view.Definition, field, ask.Parameters.Text("metric_type"));
        if (Metric == Metric.MhJaccard && ask.IsRange)
        {
            throw Faults.Invalid("minhash signatures do not support range search: not support range search");
        }

        FindsElements = field.IsVectorArray && !lists;
        if (field.IsVectorArray)
        {
            ask.CheckArray(view.Definition, lists);
        }

        var filtersAsItGoes = CheckHints(ask);

        // Where rows are taken one after the other until there are enough, how many are asked for bounds no setting of the index.
        var most = filtersAsItGoes || ask.Grouping is not null || ask.Iterator is not null ? 1 : ask.Limit + ask.Offset;
        hints = IndexParameters.Hints(field, view.Definition.IndexOn(field.Name)!, ask.Parameters.Setting, most);
    }

    public SearchAsk Ask { get; }

    public FieldDefinition Field { get; }

    /// <summary>The vectors of each query: one, or a list where lists are compared.</summary>
    public QueryVector[][] Queries { get; }

    /// <summary>Whether elements of a struct array are found, each for itself.</summary>
    public bool FindsElements { get; }

    public Metric Metric { get; }

    /// <summary>What is found for each query, nearest first, the offset still in it.</summary>
    public List<Ranked>[] Find(CancellationToken cancel)
    {
        var found = Queries.Length == 0 ? []
            : Ask.Grouping is { } grouping ? grouping.Collect(this, view.LiveRows, keep => Nearest(keep, null, cancel), Ask.Limit + Ask.Offset)
            : Nearest(Ask.Limit + Ask.Offset, null, cancel);
        var next = 0;
        return [.. present.Select(there => there ? found[next++] : [])];
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

    private double? Bound(string name)
    {
        var text = Ask.Parameters.Text(name);
        return text is null ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
            : throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: [json.exception.type_error.302] type must be number, but is {(text[0] == '[' ? "array" : text[0] == '{' ? "object" : "string")}");
    }

    /// <summary>Ways of filtering that clients may ask for; they change how long a search takes and never its answer. Whether it is to filter row by row.</summary>
    private static bool CheckHints(SearchAsk ask)
    {
        var outer = ask.Parameters.Outer("hints");
        var named = outer ?? ask.Parameters.Text("hints");
        if (ask.IsRange)
        {
            return false;
        }

        if (named is not null && named != "iterative_filter" && (outer is null || named != "disable"))
        {
            throw Faults.Unexpected($"fail to search on QueryNode {MilvusEndpoint.NodeId}: hints: {(outer is null ? $"\"{named}\"" : named)} not supported");
        }

        return named == "iterative_filter";
    }

    /// <summary>The metric of the field's index, and whether it compares lists of vectors.</summary>
    public static (Metric Metric, bool Lists) MetricOf(CollectionDefinition definition, FieldDefinition field, string? asked)
    {
        // What was loaded had indexes on all its vectors: a field without one came later.
        var indexed = definition.IndexOn(field.Name)?.Metric()
            ?? throw (definition is { Loaded: true, LoadFields.Count: 0 } ? Faults.FieldNotLoaded(field.Name) : Faults.IndexNotFound(definition.Name));
        var listed = Metrics.OfList(indexed);
        return asked is null || asked.Equals(indexed, StringComparison.OrdinalIgnoreCase) || (listed is not null && Metrics.OfList(asked) == listed)
            ? (listed ?? Metrics.Parse(indexed), listed is not null)
            : throw Faults.Invalid("metric type not match", indexed, asked);
    }
}
