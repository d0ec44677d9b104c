using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;
using Demarc.Engine.Vectors;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Nearest rows to one or more vectors, by one field or by several.</summary>
internal sealed partial class MilvusEndpoint
{
    /// <summary>The placeholder of a list of vectors is that much above the type of one.</summary>
    private const int ListPlaceholders = PlaceholderType.EmbListFloatVector - PlaceholderType.FloatVector;

    private static readonly MapField<string, TemplateValue> NoTemplates = [];

    private readonly IteratorPlaces iterators = new();

    public override Task<SearchResults> Search(SearchRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            RefuseUnserved(request);
            if (request.SubReqs.Count > 0)
            {
                Refuse(request.Highlighter is not null, "highlighting in a hybrid search");
                return await Hybrid(call, Unfolded(request));
            }

            await ExpireRows(Collection(call, request.CollectionName));
            var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames);
            var run = Prepare(request, collection, view, null);
            if (run.Order is not null && request.FunctionScore is { Functions.Count: > 0 } score && !score.Functions.All(ScoreFunctions.IsBoost))
            {
                throw Faults.Invalid("order_by and function rerank cannot be used together: they specify conflicting sort criteria");
            }

            var highlights = request.Highlighter is null ? null : Highlighting.Read(view.Definition, request.Highlighter, run.Field, Texts(request));
            if (run.Parameters.Flag("search_iter_v2"))
            {
                Refuse(highlights is not null, "highlighting in a search iterator");
                Refuse(request.FunctionScore is not null, "a reranking function in a search iterator");
                return Iterate(request, view, run, call.Cancel);
            }

            var found = Scored(view, run, request.FunctionScore, run.Find(call.Cancel));
            return new SearchAnswer(view, request.OutputFields, run.Limit, run.Offset, run.Decimals) { Grouping = run.Grouping, Order = run.Order, Highlights = highlights, FindsElements = run.FindsElements, Zone = run.Parameters.Zone(view.Definition) }.Build(found, request.CollectionName, Now());
        });

    public override Task<SearchResults> HybridSearch(HybridSearchRequest request, ServerCallContext context) =>
        Run(request, context, call => Hybrid(call, request));

    private ulong Now() => (ulong)store.Clock.Last;

    private async Task<SearchResults> Hybrid(Call call, HybridSearchRequest request)
    {
        Refuse(request.HasNamespace, "namespace");
        Refuse(request.FunctionChains.Count > 0, "a function chain");
        if (request.Requests.Count > Limits.SubSearches)
        {
            throw Faults.Invalid($"maximum of ann search requests is {Limits.SubSearches}");
        }

        await ExpireRows(Collection(call, request.CollectionName));
        var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames);
        CheckQueryCount(request.Requests.Count == 0 ? 0 : 1);
        var parameters = new RequestParameters(request.RankParams);
        var rescoring = request.FunctionScore is { } asked ? ScoreFunctions.Read(view.Definition, asked, filter => ParseFilter(view.Definition, filter, NoTemplates)) : null;
        Refuse(rescoring is BoostFunctions, "a boost over a hybrid search; name it in its parts");
        var ranker = rescoring is DecayFunction decay ? Ranker.ByDecay(decay)
            : request.FunctionScore is { Functions.Count: > 0 } score ? Ranker.Read(score, request.Requests.Count) : Ranker.Read(parameters, request.Requests.Count);
        var (limit, offset) = RankWindow(parameters);
        var grouping = Grouping.Read(view.Definition, parameters);
        var scorer = Grouping.Scorer(parameters);
        if (OrderBy.Read(view.Definition, parameters) is not null)
        {
            throw Faults.Invalid("order_by is not supported for hybrid search");
        }

        var searches = new List<(SearchRun Run, List<Ranked>[] Found)>();
        foreach (var sub in request.Requests)
        {
            RefuseUnserved(sub);
            Refuse(sub.Highlighter is not null, "highlighting in a hybrid search");
            var run = Prepare(sub, collection, view, new HybridPage((limit < 0 ? SearchRun.DefaultTopK : limit) + offset, grouping));
            searches.Add((run, Scored(view, run, sub.FunctionScore, run.Find(call.Cancel))));
        }

        if (searches.Find(s => s.Found.Length != searches[0].Found.Length) is { Run: not null } other)
        {
            throw Faults.Invalid("sub search request nq should be the same", searches[0].Found.Length, other.Found.Length);
        }

        var combined = ranker.Combine(searches);
        if (grouping is not null)
        {
            combined = [.. combined.Select(hits => grouping.Rank(hits, ranker.GivesDistances(searches), scorer))];
        }

        return new SearchAnswer(view, request.OutputFields, limit < 0 ? searches[0].Run.Limit : limit, offset, parameters.Decimals()) { Grouping = grouping, Zone = parameters.Zone(view.Definition) }
            .Build(combined, request.CollectionName, Now());
    }

    /// <summary>limit and offset of a hybrid search; without a limit that of its first part is taken, and -1 stands for it.</summary>
    private static (int Limit, int Offset) RankWindow(RequestParameters parameters)
    {
        var (limit, offset) = (parameters.Whole("limit", -1), parameters.Whole("offset", 0));
        var why = offset < 0 ? $"offset [{offset}] is invalid, should be gte than 0"
            : parameters.Text("limit") is not null && limit <= 0 ? $"limit [{limit}] is invalid, should be greater than 0"
            : limit > Limits.TopK || offset > Limits.TopK - Math.Max(limit, 1) ? $"(offset+limit) should be in range [1, {Limits.TopK}], but got {unchecked(limit + offset)}"
            : null;
        return why is null ? ((int)limit, (int)offset) : throw Faults.Invalid(Faults.Invalid($"invalid max query result window, {why}").Message);
    }

    private static void CheckQueryCount(int queries)
    {
        if (queries is < 1 or > Limits.QueryVectors)
        {
            throw Faults.Invalid(Faults.Invalid($"nq [{queries}] is invalid, nq (number of search vector per search request) should be in range [1, {Limits.QueryVectors}], but got {queries}").Message);
        }
    }

    /// <summary>What was found, in the order that functions of the request give it.</summary>
    private static List<Ranked>[] Scored(CollectionView view, SearchRun run, FunctionScore? score, List<Ranked>[] found)
    {
        if (score is null or { Functions.Count: 0 })
        {
            return found;
        }

        var functions = ScoreFunctions.Read(view.Definition, score, filter => ParseFilter(view.Definition, filter, NoTemplates));
        if (functions is BoostFunctions && run.Grouping is not null)
        {
            throw Faults.Invalid("failed to create query plan: don't support use segment scorer with group_by or search_iterator: query plan failed");
        }

        var ranker = functions is null ? Ranker.Read(score, 1) : null;
        var scored = ranker?.Combine([(run, found)]) ?? [.. found.Select(hits => functions!.Apply(hits, run.Metric))];
        return run.Grouping is { } grouping ? [.. scored.Select(hits => grouping.Rank(hits, ranker?.GivesDistances([(run, found)]) ?? false, Grouping.Scorer(run.Parameters)))] : scored;
    }

    /// <summary>A hybrid search in the form that puts its parts into a search.</summary>
    private static HybridSearchRequest Unfolded(SearchRequest request)
    {
        var hybrid = new HybridSearchRequest { DbName = request.DbName, CollectionName = request.CollectionName, FunctionScore = request.FunctionScore };
        hybrid.PartitionNames.Add(request.PartitionNames);
        hybrid.OutputFields.Add(request.OutputFields);
        hybrid.RankParams.Add(request.SearchParams);
        foreach (var sub in request.SubReqs)
        {
            Refuse(sub.HasNamespace, "namespace");
            var one = new SearchRequest { CollectionName = request.CollectionName, Dsl = sub.Dsl, DslType = sub.DslType, PlaceholderGroup = sub.PlaceholderGroup, Nq = sub.Nq };
            one.SearchParams.Add(sub.SearchParams);
            one.ExprTemplateValues.Add(sub.ExprTemplateValues);
            hybrid.Requests.Add(one);
        }

        return hybrid;
    }

    private SearchRun Prepare(SearchRequest request, CollectionRows collection, CollectionView view, HybridPage? whole)
    {
        var parameters = new RequestParameters(request.SearchParams);
        var field = SearchField(view.Definition, parameters.Text("anns_field"));
        var queries = Queries(request, field, collection);
        metrics.Searched(queries.Length);
        var filter = ParseFilter(view.Definition, request.Dsl, request.ExprTemplateValues, zone: parameters.Zone(view.Definition));
        KeyIsolation.Check(view.Definition, filter);
        var run = new SearchRun(view, parameters, field, queries, filter, whole);
        if (Evaluator.ElementFilter(filter) is { } elements && !(run.FindsElements && StructRules.Split(field.Name).Array == elements.Array))
        {
            throw Faults.Invalid("element_filter is only supported for element-level search on vector sub-fields of the same struct array; use MATCH_ANY/MATCH_* for row-level vector search");
        }

        return run;
    }

    private SearchResults Iterate(SearchRequest request, CollectionView view, SearchRun run, CancellationToken cancel)
    {
        Refuse(run.FindsElements, "a search iterator over elements of a struct array");
        if (run.Queries.Length != 1)
        {
            throw Faults.Invalid("search iterator only support nq = 1");
        }

        if (run.Offset > 0)
        {
            throw Faults.Invalid(Faults.Invalid("parse iterator v2 info failed: Setting an offset is not permitted when using a search iterator v2", "", "").Message);
        }

        var batch = (int)run.Parameters.Whole("search_iter_batch_size", run.Limit);
        if (batch is < 1 or > Limits.TopK)
        {
            throw Faults.Invalid(Faults.Invalid(Faults.Invalid($"parse iterator v2 info failed: batch size is invalid, it should be in range [1, {Limits.TopK}], but got {batch}").Message).Message);
        }

        var token = run.Parameters.Text("search_iter_id");
        var place = token is null ? null : iterators.Find(token);
        var bound = place is not null ? place.Bound : (float?)run.Parameters.Number("search_iter_last_bound");
        var given = place?.KeysAtBound ?? new HashSet<object>();
        var rows = run.Nearest((int)Math.Min(batch + (long)given.Count, Math.Max(1, view.LiveRows)), bound, cancel)[0]
            .Where(hit => hit.Score != bound || !given.Contains(KeyOf(view.Definition, hit))).Take(batch).ToList();
        if (rows.Count > 0)
        {
            var last = rows[^1].Score;
            var keys = rows.Where(r => r.Score == last).Select(r => KeyOf(view.Definition, r)).Concat(last == bound ? given : []).ToHashSet();
            place = new IteratorPlace(last, keys);
        }

        place ??= new IteratorPlace(bound ?? (run.Metric.IsDistance() ? 0 : float.MaxValue), given);
        token = iterators.Keep(token, place, store.Clock.NextId);
        var answer = new SearchAnswer(view, request.OutputFields, batch, 0, run.Decimals) { Zone = run.Parameters.Zone(view.Definition) }.Build([rows], request.CollectionName, Now());
        answer.Results.SearchIteratorV2Results = new SearchIteratorV2Results { Token = token, LastBound = place.Bound };
        return answer;
    }

    private static object KeyOf(CollectionDefinition definition, Ranked hit) => hit.Segment.Segment.Columns[definition.PrimaryIndex] switch
    {
        IntegerColumn integers => integers.Values[hit.Row],
        TextColumn texts => texts.Values[hit.Row],
        var other => throw new InvalidOperationException($"No primary key of type {other.Field.Type}."),
    };

    private static void RefuseUnserved(SearchRequest request)
    {
        Refuse(request.HasNamespace, "namespace");
        Refuse(request.FunctionChains.Count > 0, "a function chain");
        Refuse(request.SearchAggregation is not null, "search aggregation");
        Refuse(request.TravelTimestamp != 0, "time travel");
    }

    /// <summary>The texts that a search is by, if it is by texts.</summary>
    private static List<string> Texts(SearchRequest request) =>
        request.SearchInputCase != SearchRequest.SearchInputOneofCase.PlaceholderGroup ? []
        : [.. Parsed(PlaceholderGroup.Parser, request.PlaceholderGroup, "placeholder_group").Placeholders.Where(p => p.Type == PlaceholderType.VarChar).SelectMany(p => p.Values).Select(v => v.ToStringUtf8())];

    private static FieldDefinition SearchField(CollectionDefinition definition, string? name)
    {
        if (name is not null)
        {
            return definition.Field(name) switch
            {
                null => throw Faults.Invalid(Faults.Invalid($"failed to create query plan: failed to get field schema by name: fieldName({name}) not found").Message),
                { IsSearchable: true } found => found,
                _ => throw Faults.Invalid($"failed to create query plan: field ({name}) to search is not of vector data type: query plan failed"),
            };
        }

        var vectors = definition.Fields.Where(f => f.IsSearchable).ToList();
        return vectors.Count == 1 ? vectors[0] : throw Faults.Invalid("multiple anns_fields exist, please specify a anns_field in search_params");
    }

    private static QueryVector[][] Queries(SearchRequest request, FieldDefinition field, CollectionRows collection)
    {
        if (request.SearchInputCase == SearchRequest.SearchInputOneofCase.Ids)
        {
            Refuse(field.IsVectorArray, "a search of a struct array by ids");
            Refuse(field.Schema.IsFunctionOutput, "a BM25 search by ids");
            var (_, rows) = ByKeys(collection, request.Ids);
            var index = collection.View.Definition.FieldIndex(field.Name);
            var wanted = (request.Ids.IntId?.Data.Count ?? 0) + (request.Ids.StrId?.Data.Count ?? 0);
            return rows.Count == wanted && wanted > 0
                ? Single(rows.Select(r => ((VectorColumn)r.Segment.Segment.Columns[index]).Query(r.Row)))
                : throw Faults.Invalid($"{wanted - rows.Count} of {wanted} ids to search by do not exist");
        }

        var group = Parsed(PlaceholderGroup.Parser, request.PlaceholderGroup, "placeholder_group");
        CheckQueryCount(group.Placeholders.Count == 1 ? group.Placeholders[0].Values.Count : 0);

        var placeholder = group.Placeholders[0];
        if (field.Schema.IsFunctionOutput)
        {
            return placeholder.Type == PlaceholderType.VarChar
                ? Single(placeholder.Values.Select(text => Bm25.Query(collection.View, field, text.ToStringUtf8())))
                : throw Faults.Invalid($"please provide varchar/text for BM25 Function based search, got {placeholder.Type}");
        }

        if (field.IsVectorArray && SearchRun.MetricOf(collection.View.Definition, field, null).Lists)
        {
            return (int)placeholder.Type == ListPlaceholders + (int)field.ElementType
                ? [.. placeholder.Values.Select(bytes => List(field.Element, bytes))]
                : throw Faults.Invalid("vector type must be the same", $"a list of {field.ElementType} for field {field.Name}", placeholder.Type);
        }

        var one = field.IsVectorArray ? field.Element : field;
        return (int)placeholder.Type == (int)one.Type
            ? Single(placeholder.Values.Select(bytes => VectorReader.Query(one, bytes)))
            : throw Faults.Invalid("vector type must be the same", $"{one.Type} field {field.Name}", placeholder.Type);
    }

    private static QueryVector[][] Single(IEnumerable<QueryVector> queries) => [.. queries.Select(q => new[] { q })];

    /// <summary>The vectors of a list, which follow each other on the wire.</summary>
    private static QueryVector[] List(FieldDefinition element, ByteString bytes)
    {
        if (bytes.Length == 0 || bytes.Length % element.VectorBytes != 0)
        {
            throw Faults.Invalid($"vector dimension mismatch, expected a list of vectors of {element.VectorBytes} bytes, actual {bytes.Length} bytes");
        }

        return [.. Enumerable.Range(0, bytes.Length / element.VectorBytes).Select(i => VectorReader.Query(element, ByteString.CopyFrom(bytes.Span.Slice(i * element.VectorBytes, element.VectorBytes))))];
    }
}
