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
    private const string CountField = "count(*)";

    public override Task<QueryResults> Query(QueryRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            Refuse(request.HasNamespace, "namespace");
            var parameters = new RequestParameters(request.QueryParams);
            await ExpireRows(Collection(call, request.CollectionName));

            // Here Milvus speaks of a parameter, in a search only of an error.
            var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames, Faults.Invalid);
            var filter = ParseFilter(view.Definition, request.Expr, request.ExprTemplateValues);
            var (limit, offset) = Page(parameters, "limit");
            var count = request.OutputFields.Any(f => f.Equals(CountField, StringComparison.OrdinalIgnoreCase));
            var answer = count
                ? Count(request, view, filter, limit)
                : Rows(request, collection, view, filter, OrderBy.Read(view.Definition, parameters), limit, offset, call.Cancel);
            answer.SessionTs = Now();
            return answer;
        });

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

    private static QueryResults Count(QueryRequest request, CollectionView view, ConditionNode filter, int limit)
    {
        if (request.OutputFields.Count > 1)
        {
            throw Faults.Invalid("count(*) cannot be combined with other output fields");
        }

        if (limit > 0)
        {
            throw Faults.Invalid("count entities with pagination is not allowed");
        }

        long total = 0;
        if (filter is ConstantNode { Value: true })
        {
            total = view.LiveRows;
        }
        else
        {
            foreach (var segment in view.Segments)
            {
                total += Evaluator.Matching(filter, segment).Sum(w => System.Numerics.BitOperations.PopCount(w));
            }
        }

        var answer = new QueryResults { Status = Success(), CollectionName = request.CollectionName, OutputFields = { CountField } };
        answer.FieldsData.Add(new FieldData
        {
            Type = DataType.Int64,
            FieldName = CountField,
            Scalars = new ScalarField { LongData = new LongArray { Data = { total } } },
        });
        return answer;
    }

    private static QueryResults Rows(
        QueryRequest request, CollectionRows collection, CollectionView view, ConditionNode filter, OrderBy? order, int limit, int offset, CancellationToken cancel)
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
        var output = new OutputFields(definition, request.OutputFields, withPrimary: true);
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
