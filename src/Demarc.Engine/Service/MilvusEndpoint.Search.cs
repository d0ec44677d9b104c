using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;
using Demarc.Engine.Vectors;
using Google.Protobuf;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Nearest rows to one or more vectors.</summary>
internal sealed partial class MilvusEndpoint
{
    private const int DefaultTopK = 10;

    public override Task<SearchResults> Search(SearchRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                RefuseUnserved(request);
                var parameters = new RequestParameters(request.SearchParams);
                var collection = Loaded(request.DbName, request.CollectionName, request.PartitionNames);
                var view = collection.View;
                var definition = view.Definition;
                var field = SearchField(definition, parameters.Text("anns_field"));
                var (limit, offset) = Page(parameters, "topk");
                limit = limit < 0 ? (int)parameters.Whole("limit", DefaultTopK) : limit;
                if (limit is < 1 or > Limits.TopK)
                {
                    throw Faults.Invalid($"topk [{limit}] is invalid, it should be in range [1, {Limits.TopK}]");
                }

                var queries = Queries(request, field, collection);
                metrics.Searched(queries.Length);
                var plan = new SearchPlan(
                    definition.FieldIndex(field.Name),
                    definition.IndexOn(field.Name)?.IndexId ?? 0,
                    MetricOf(definition, field, parameters.Text("metric_type")),
                    queries,
                    limit + offset,
                    ParseFilter(definition, request.Dsl, request.ExprTemplateValues),
                    parameters.Number("radius"),
                    parameters.Number("range_filter"),
                    IndexParameters.Hints(parameters.Text, limit + offset));
                var hits = VectorSearch.Run(view, plan, context.CancellationToken);
                return Answer(request, view, plan, hits, offset, limit, (int)parameters.Whole("round_decimal", -1));
            },
            status => new SearchResults { Status = status, Results = new SearchResultData() });

    private static void RefuseUnserved(SearchRequest request)
    {
        Refuse(request.HasNamespace, "namespace");
        Refuse(request.SubReqs.Count > 0, "a search with several sub-requests");
        Refuse(request.FunctionScore is not null || request.FunctionChains.Count > 0, "a reranking function");
        Refuse(request.Highlighter is not null, "highlighting");
        Refuse(request.SearchAggregation is not null, "search aggregation");
        Refuse(request.TravelTimestamp != 0, "time travel");
    }

    private static FieldDefinition SearchField(CollectionDefinition definition, string? name)
    {
        if (name is not null)
        {
            return definition.Field(name) is { IsVector: true } found ? found
                : throw Faults.Invalid($"failed to create query plan: field ({name}) to search is not of vector type or does not exist");
        }

        var vectors = definition.Fields.Where(f => f.IsVector).ToList();
        return vectors.Count == 1 ? vectors[0] : throw Faults.Invalid("multiple anns_fields exist, please specify a anns_field in search_params");
    }

    private static Metric MetricOf(CollectionDefinition definition, FieldDefinition field, string? asked)
    {
        var indexed = definition.IndexOn(field.Name)?.Metric() ?? throw Faults.IndexNotFound(definition.Name);
        return asked is null || asked.Equals(indexed, StringComparison.OrdinalIgnoreCase)
            ? Metrics.Parse(indexed)
            : throw Faults.Invalid("metric type not match", indexed, asked);
    }

    private static QueryVector[] Queries(SearchRequest request, FieldDefinition field, CollectionRows collection)
    {
        if (request.SearchInputCase == SearchRequest.SearchInputOneofCase.Ids)
        {
            Refuse(field.Schema.IsFunctionOutput, "a BM25 search by ids");
            var (_, rows) = ByKeys(collection, request.Ids);
            var index = collection.View.Definition.FieldIndex(field.Name);
            var wanted = (request.Ids.IntId?.Data.Count ?? 0) + (request.Ids.StrId?.Data.Count ?? 0);
            return rows.Count == wanted && wanted > 0
                ? [.. rows.Select(r => ((VectorColumn)r.Segment.Segment.Columns[index]).Query(r.Row))]
                : throw Faults.Invalid($"{wanted - rows.Count} of {wanted} ids to search by do not exist");
        }

        PlaceholderGroup group;
        try
        {
            group = PlaceholderGroup.Parser.ParseFrom(request.PlaceholderGroup);
        }
        catch (InvalidProtocolBufferException)
        {
            throw Faults.Invalid("placeholder_group cannot be read");
        }

        if (group.Placeholders.Count != 1 || group.Placeholders[0].Values.Count is 0 or > Limits.QueryVectors)
        {
            throw Faults.Invalid($"nq [{group.Placeholders.Sum(p => p.Values.Count)}] is invalid, it should be in range [1, {Limits.QueryVectors}]");
        }

        var placeholder = group.Placeholders[0];
        if (field.Schema.IsFunctionOutput)
        {
            return placeholder.Type == PlaceholderType.VarChar
                ? [.. placeholder.Values.Select(text => Bm25.Query(collection.View, field, text.ToStringUtf8()))]
                : throw Faults.Invalid($"please provide varchar/text for BM25 Function based search, got {placeholder.Type}");
        }

        return (int)placeholder.Type == (int)field.Type
            ? [.. placeholder.Values.Select(bytes => VectorReader.Query(field, bytes))]
            : throw Faults.Invalid("vector type must be the same", $"{field.Type} field {field.Name}", placeholder.Type);
    }

    private static SearchResults Answer(SearchRequest request, CollectionView view, SearchPlan plan, Hit[][] hits, int offset, int limit, int decimals)
    {
        var definition = view.Definition;
        var output = new OutputFields(definition, request.OutputFields, withPrimary: false);
        var keys = Column.NewData(definition.Primary);
        var results = new SearchResultData
        {
            NumQueries = hits.Length,
            TopK = limit,
            PrimaryFieldName = definition.Primary.Name,
            AllSearchCount = view.LiveRows,
        };
        foreach (var found in hits)
        {
            var page = found.AsSpan(Math.Min(offset, found.Length));
            results.Topks.Add(page.Length);
            foreach (var hit in page)
            {
                var segment = view.Segments[hit.Segment];
                var score = plan.Metric.Score(hit.Nearness);
                results.Scores.Add(decimals is >= 0 and <= 6 ? MathF.Round(score, decimals) : score);
                segment.Segment.Columns[definition.PrimaryIndex].Write(keys, hit.Row);
                output.Add(segment, hit.Row);
            }
        }

        results.Ids = Ids(keys);
        results.FieldsData.Add(output.Columns);
        results.OutputFields.Add(output.Names);
        return new SearchResults { Status = Success(), CollectionName = request.CollectionName, Results = results };
    }
}
