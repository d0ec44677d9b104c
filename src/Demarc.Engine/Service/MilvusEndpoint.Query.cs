using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Rows by filter or key, in the order of the key.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<QueryResults> Query(QueryRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            Refuse(request.HasNamespace, "namespace");
            var parameters = new RequestParameters(request.QueryParams);
            await ExpireRows(Collection(call, NameRules.Collection(request.CollectionName)));

            // Here Milvus speaks of a parameter, in a search only of an error.
            var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames, Faults.Invalid);
            var page = Window(parameters);
            CheckOrder(parameters, page.Limit);
            var filter = ParseFilter(view.Definition, request.Expr, request.ExprTemplateValues, zone: parameters.Zone(view.Definition));
            var aggregation = Aggregation.Read(view.Definition, request.OutputFields, parameters);
            var answer = aggregation is null
                ? Rows(request, parameters.Zone(view.Definition), collection, view, filter, OrderBy.ReadForQuery(view.Definition, parameters), page.Limit, page.Offset, call.Cancel)
                : Aggregated(request, view, filter, aggregation, page);
            answer.SessionTs = Now();
            return answer;
        });

    /// <summary>limit and offset of a query: without a limit there is no page, and so no offset. A limit of -1 is none.</summary>
    private static (int Limit, int Offset) Window(RequestParameters parameters)
    {
        if (parameters.Text("limit") is null)
        {
            return (-1, 0);
        }

        var limit = parameters.Whole("limit", 0);
        var offset = parameters.Whole("offset", 0);
        var why = offset < 0 ? $"offset [{offset}] is invalid, should be gte than 0"
            : limit <= 0 ? $"limit [{limit}] is invalid, should be greater than 0"
            : limit > Limits.TopK || offset > Limits.TopK - limit ? $"(offset+limit) should be in range [1, {Limits.TopK}], but got {unchecked(limit + offset)}"
            : null;
        return why is null ? ((int)limit, (int)offset) : throw Faults.Invalid($"invalid max query result window, {why}");
    }

    private static void CheckOrder(RequestParameters parameters, int limit)
    {
        if (OrderBy.IsAsked(parameters) && (limit < 0 || parameters.Flag("iterator")))
        {
            throw Faults.Invalid(limit < 0 ? "ORDER BY requires explicit limit" : "ORDER BY with iterator is not supported");
        }
    }

    /// <summary>limit and offset of a request; a limit of -1 is none.</summary>
    internal static (int Limit, int Offset) Page(RequestParameters parameters, string limitName)
    {
        var limit = parameters.Whole(limitName, -1);
        var offset = parameters.Whole("offset", 0);
        if (limit is 0 or < -1 || limit > Limits.TopK)
        {
            throw Faults.Invalid($"{(limitName == "topk" ? "topk" : "limit")} [{limit}] is invalid, it should be in range [1, {Limits.TopK}]");
        }

        if (offset < 0 || offset > Limits.TopK)
        {
            throw Faults.Invalid($"offset [{offset}] is invalid, it should be in range [0, {Limits.TopK}]");
        }

        return limit + offset > Limits.TopK
            ? throw Faults.Invalid($"offset+limit [{limit + offset}] is invalid, it should be in range [1, {Limits.TopK}]")
            : ((int)limit, (int)offset);
    }

    private static QueryResults Aggregated(QueryRequest request, CollectionView view, ConditionNode filter, Aggregation aggregation, (int Limit, int Offset) page)
    {
        var all = filter is ConstantNode { Value: true };
        if (all && page.Limit < 0 && !aggregation.HasMeasures)
        {
            throw Faults.Invalid("empty expression should be used with limit");
        }

        if (aggregation.IsOneCount && page.Limit > 0)
        {
            throw Faults.Invalid("count entities with pagination is not allowed");
        }

        // A mere count needs no look at rows.
        var answer = aggregation.IsMereCount
            ? Aggregation.Counted(request.OutputFields, all ? view.LiveRows : view.Segments.Sum(s => Evaluator.Matching(filter, s).Sum(w => (long)System.Numerics.BitOperations.PopCount(w))))
            : aggregation.Answer(Matches(view, filter), request.OutputFields, page.Limit, page.Offset);
        answer.Status = Success();
        answer.CollectionName = request.CollectionName;
        answer.PrimaryFieldName = view.Definition.Primary.Name;
        return answer;
    }

    private static QueryResults Rows(
        QueryRequest request, TimeZoneInfo zone, CollectionRows collection, CollectionView view, ConditionNode filter, OrderBy? order, int limit, int offset, CancellationToken cancel)
    {
        if (filter is ConstantNode { Value: true } && limit < 0)
        {
            throw Faults.Invalid("empty expression should be used with limit");
        }

        var definition = view.Definition;
        List<(SegmentView Segment, int Row)> rows;
        if (KeysOf(definition, filter) is { } keys)
        {
            (var seen, rows) = ByKeys(collection, keys);
            var partitions = view.Segments.Select(s => s.Segment.PartitionId).ToHashSet();
            rows = view.Segments.Length == seen.Segments.Length ? rows : [.. rows.Where(r => partitions.Contains(r.Segment.Segment.PartitionId))];
        }
        else
        {
            rows = [.. Matches(view, filter)];
        }

        cancel.ThrowIfCancellationRequested();
        SortByKey(definition, rows);
        rows = order?.Sort(rows, r => r) ?? rows;
        var output = new OutputFields(definition, request.OutputFields, withPrimary: true) { Zone = zone };
        var answer = new QueryResults { Status = Success(), CollectionName = request.CollectionName, PrimaryFieldName = definition.Primary.Name };
        var elements = Evaluator.ElementFilter(filter);
        foreach (var (segment, row) in rows.Skip(offset).Take(limit < 0 ? Limits.RowsPerRequest : limit))
        {
            output.Add(segment, row);
            if (elements is not null)
            {
                answer.ElementIndices.Add(new ElementIndices { Indices = new LongArray { Data = { new Evaluator(segment).Meeting(elements, row).Select(e => (long)e) } } });
            }
        }

        answer.FieldsData.Add(output.Columns);
        answer.OutputFields.Add(output.Names);
        return answer;
    }

    /// <summary>A few keys need no scan.</summary>
    private static (CollectionView View, List<(SegmentView Segment, int Row)> Rows) ByKeys(CollectionRows collection, IDs keys)
    {
        var (view, places) = collection.Find((IReadOnlyCollection<long>?)keys.IntId?.Data ?? [], (IReadOnlyCollection<string>?)keys.StrId?.Data ?? []);
        var segments = view.Segments.ToDictionary(s => s.Segment.Ordinal);
        return (view, [.. places.Select(p => (segments[p.Ordinal], p.Row))]);
    }

    private static void SortByKey(CollectionDefinition definition, List<(SegmentView Segment, int Row)> rows)
    {
        var key = definition.PrimaryIndex;
        if (definition.Primary.Type == DataType.VarChar)
        {
            rows.Sort((a, b) => string.CompareOrdinal(((TextColumn)a.Segment.Segment.Columns[key]).Values[a.Row], ((TextColumn)b.Segment.Segment.Columns[key]).Values[b.Row]));
        }
        else
        {
            rows.Sort((a, b) => ((IntegerColumn)a.Segment.Segment.Columns[key]).Values[a.Row].CompareTo(((IntegerColumn)b.Segment.Segment.Columns[key]).Values[b.Row]));
        }
    }
}
