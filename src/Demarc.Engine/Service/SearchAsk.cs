using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Service;

/// <summary>What a hybrid search says about all of its parts.</summary>
/// <param name="Rows">How many rows or groups it is to answer with and to leave out before them.</param>
/// <param name="Grouping">What it groups rows by.</param>
internal sealed record HybridPage(long Rows, Grouping? Grouping);

/// <summary>
/// What the parameters of one search ask for beside the vectors and the filter, read once and checked against each other,
/// in Milvus's order: of several mistakes the same one is told.
/// </summary>
internal sealed record SearchAsk(RequestParameters Parameters, int Limit, int Offset, int Decimals)
{
    /// <summary>Groups of rows, those of an aggregation too.</summary>
    public Grouping? Grouping { get; private init; }

    public OrderBy? Order { get; private init; }

    public SearchAggregation? Aggregation { get; private init; }

    /// <summary>Whether it is one step of an iterator, of either kind.</summary>
    public bool Iterates { get; private init; }

    /// <summary>What an iterator of the second kind asks for.</summary>
    public IteratorAsk? Iterator { get; private init; }

    public bool IsRange => Parameters.Text("radius") is not null;

    /// <param name="definition">The collection.</param>
    /// <param name="parameters">What the request says.</param>
    /// <param name="whole">The hybrid search that this is a part of: it has the say about groups, order and offset.</param>
    /// <param name="aggregation">The buckets that are asked for instead of rows.</param>
    public static SearchAsk Read(CollectionDefinition definition, RequestParameters parameters, HybridPage? whole, SearchAggregation? aggregation)
    {
        var iterates = parameters.Text("iterator") is "True" or "true";
        var (limit, offset) = Page(parameters, whole, iterates);
        var decimals = parameters.Decimals();
        var grouping = whole is null ? Grouping.Read(definition, parameters) : whole.Grouping;
        CheckTogether(parameters, iterates, grouping);
        var iterator = IteratorAsk.Read(parameters, iterates, grouping, offset);
        var order = whole is null ? OrderBy.Read(definition, parameters) : null;
        if (order is not null && grouping?.Places.Count > 1)
        {
            throw Faults.Invalid("order_by_fields is not supported with multi-field group_by_fields");
        }

        if (order is not null && iterates)
        {
            throw Faults.Invalid("order_by is not supported when using search iterator", "", "");
        }

        if (aggregation is not null && (iterates || offset > 0))
        {
            throw Faults.Invalid(iterates ? "search iterator is not supported with search_aggregation" : "offset is not supported with search_aggregation");
        }

        return new SearchAsk(parameters, aggregation?.Groups ?? limit, offset, decimals)
        {
            Grouping = aggregation?.Grouping ?? grouping,
            Order = aggregation is null ? order : null,
            Aggregation = aggregation,
            Iterates = iterates,
            Iterator = iterator,
        };
    }

    /// <summary>What groups cannot be made of, once the field that is searched is known.</summary>
    public void CheckField(FieldDefinition field)
    {
        if (Grouping is not null && Aggregation is null && field.Type == DataType.BinaryVector)
        {
            throw Faults.Invalid("not support search_group_by operation based on binary vector column");
        }
    }

    /// <summary>What a search of vectors in arrays does not do: by a list of vectors, or by one, which finds elements.</summary>
    public void CheckArray(CollectionDefinition definition, bool lists)
    {
        const string OfLists = "is not supported for multi-search-multi on embedding list fields";
        var why = lists && IsRange ? $"range search {OfLists}"
            : lists && Iterates ? $"search iterator {OfLists}"
            : Iterates && Iterator is null ? "legacy search iterator is not supported for element-level search; use search iterator v2"
            : lists && Grouping is not null ? $"group by {OfLists}"
            : Grouping?.Places.Any(p => p.Field != definition.PrimaryIndex) is true ? "only group by primary key is supported for element-level search"
            : null;
        if (why is not null)
        {
            throw Faults.Invalid(why, "", "");
        }
    }

    private static (int Limit, int Offset) Page(RequestParameters parameters, HybridPage? whole, bool iterates)
    {
        var text = parameters.Text("topk") ?? parameters.Text("limit");
        if (text is null && whole is null)
        {
            throw Faults.MissingSaid("topk is required");
        }

        var limit = whole is not null && !long.TryParse(text, out _) ? whole.Rows : Number(text!, "topk");
        if (iterates && limit is < 1 or > Limits.TopK)
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
    private static void CheckTogether(RequestParameters parameters, bool iterates, Grouping? grouping)
    {
        if (iterates && grouping is not null)
        {
            throw Faults.Invalid("Not allowed to do groupBy when doing iteration", "", "");
        }

        var isRange = parameters.Text("radius") is not null;
        if (!isRange && parameters.Text("range_filter") is not null)
        {
            throw Faults.Invalid("range_filter requires radius to be set; range_filter alone is not a valid range search parameter", "range_filter", "");
        }

        if (isRange && grouping is not null)
        {
            throw Faults.Invalid("Not allowed to do range-search when doing search-group-by", "", "");
        }
    }
}

/// <summary>One step of an iterator.</summary>
/// <param name="Batch">Rows of the step at most.</param>
/// <param name="Token">Which iterator; null for the first step.</param>
/// <param name="Bound">The score that was reached, as the client remembers it.</param>
internal sealed record IteratorAsk(int Batch, string? Token, float? Bound)
{
    private const string Failed = "parse iterator v2 info failed: ";

    /// <summary>Null when the request is none.</summary>
    public static IteratorAsk? Read(RequestParameters parameters, bool iterates, Grouping? grouping, int offset)
    {
        if (parameters.Text("search_iter_v2") is not ("1" or "t" or "T" or "TRUE" or "true" or "True"))
        {
            return null;
        }

        if (!iterates)
        {
            throw Refused(Faults.MissingSaid("both iterator and search_iter_v2 must be set in the SDK"));
        }

        if (grouping is not null || offset > 0)
        {
            throw Refused(Faults.Invalid(grouping is not null ? "GroupBy is not permitted when using a search iterator" : "Setting an offset is not permitted when using a search iterator v2", "", ""));
        }

        var token = parameters.Text("search_iter_id");
        if (token is not null && !Guid.TryParse(token, out _))
        {
            throw Refused(Faults.Invalid("invalid token format"));
        }

        var text = parameters.Text("search_iter_batch_size") ?? throw Refused(Faults.MissingSaid("batch size is required"));
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var batch))
        {
            throw Refused(Faults.Invalid($"batch size is invalid, {text}"));
        }

        if (batch is < 1 or > Limits.TopK)
        {
            throw Refused(Faults.Invalid(Faults.Invalid($"batch size is invalid, it should be in range [1, {Limits.TopK}], but got {batch}").Message));
        }

        return new IteratorAsk((int)batch, token, BoundOf(parameters.Text("search_iter_last_bound")));
    }

    private static float? BoundOf(string? text) =>
        text is null ? null
        : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var bound) && !float.IsNaN(bound) ? bound
        : throw Refused(Faults.Invalid($"failed to parse input last bound, {text}"));

    private static Fault Refused(Fault why) => Faults.Invalid(Failed + why.Message);
}
