using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Nearest rows to one or more vectors, by one field or by several.</summary>
internal sealed partial class MilvusEndpoint
{
    private static readonly MapField<string, TemplateValue> NoTemplates = [];

    private readonly IteratorPlaces iterators = new();

    public override Task<SearchResults> Search(SearchRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            RefuseUnserved(request);
            if (request.SubReqs.Count > 0)
            {
                Refuse(request.Highlighter is not null, "highlighting in a hybrid search");
                if (request.SearchAggregation is not null)
                {
                    throw Faults.Invalid("search aggregation is not supported for hybrid search");
                }

                return await Hybrid(call, Unfolded(request));
            }

            await ExpireRows(Collection(call, request.CollectionName));
            var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames);
            var highlights = request.Highlighter is null ? null : Highlighting.Read(view.Definition, request, Texts(request));
            var run = Prepare(request, collection, view, null);
            return run.Ask.Aggregation is null ? Search(request, view, run, highlights, call.Cancel) : Aggregate(request, view, run, call.Cancel);
        });

    private SearchResults Search(SearchRequest request, CollectionView view, SearchRun run, Highlighting? highlights, CancellationToken cancel)
    {
        var ask = run.Ask;
        var (ofRows, ofAnswer) = Chains(request, view.Definition);
        var chained = ofRows is not null || ofAnswer is not null;
        if (ask.Order is not null && (chained || (request.FunctionScore is { Functions.Count: > 0 } score && !score.Functions.All(ScoreFunctions.IsBoost))))
        {
            throw Faults.Invalid("order_by and function rerank cannot be used together: they specify conflicting sort criteria");
        }

        if (ask.Iterator is not null)
        {
            Refuse(highlights is not null, "highlighting in a search iterator");
            Refuse(request.FunctionScore is not null || chained, "a reranking function in a search iterator");
            return Iterate(request, view, run, ask.Iterator, cancel);
        }

        Refuse(chained && ask.Grouping is not null, "a function chain in a grouping search");
        var found = Scored(view, run, request.FunctionScore, run.Find(cancel));
        found = ofRows is null ? found : [.. found.Select(hits => ofRows.OfRows(hits, run.Metric))];
        found = ofAnswer is null ? found : [.. found.Select(hits => ofAnswer.OfAnswer(hits.Skip(ask.Offset).Take(ask.Limit)))];
        return new SearchAnswer(view, request.OutputFields, ask.Limit, ofAnswer is null ? ask.Offset : 0, ask.Decimals)
        {
            Grouping = ask.Grouping,
            Order = ask.Order,
            Highlights = highlights,
            FindsElements = run.FindsElements,
            Zone = ask.Parameters.Zone(view.Definition),
        }.Build(found, request.CollectionName, Now());
    }

    private static (RerankChain? OfRows, RerankChain? OfAnswer) Chains(SearchRequest request, CollectionDefinition definition) =>
        request.FunctionChains.Count > 0 && request.FunctionScore is not null
            ? throw Faults.Invalid("function_score and function_chains cannot be used together")
            : RerankChain.Read(definition, request.FunctionChains);

    /// <summary>Buckets of what is found, in place of rows.</summary>
    private SearchResults Aggregate(SearchRequest request, CollectionView view, SearchRun run, CancellationToken cancel)
    {
        Refuse(request.FunctionScore is { Functions.Count: > 0 } || request.FunctionChains.Count > 0, "a function that scores in a search with search_aggregation");
        var buckets = new Buckets(view.Definition, run.Ask.Aggregation!, new OutputFields(view.Definition, request.OutputFields, withPrimary: false));
        return new SearchResults
        {
            Status = new Protocol.Status(),
            CollectionName = request.CollectionName,
            Results = buckets.Fill(run.Find(cancel), view.LiveRows),
            SessionTs = Now(),
        };
    }

    public override Task<SearchResults> HybridSearch(HybridSearchRequest request, ServerCallContext context) =>
        Run(request, context, call => Hybrid(call, request));

    private ulong Now() => (ulong)store.Clock.Last;

    private async Task<SearchResults> Hybrid(Call call, HybridSearchRequest request)
    {
        Refuse(request.HasNamespace, "namespace");
        if (request.FunctionChains.Count > 0)
        {
            throw Faults.Invalid(request.FunctionScore is not null ? "function_score and function_chains cannot be used together" : "function_chains is not supported for hybrid search yet");
        }

        if (request.Requests.Count > Limits.SubSearches)
        {
            throw Faults.Invalid($"maximum of ann search requests is {Limits.SubSearches}");
        }

        await ExpireRows(Collection(call, request.CollectionName));
        var (collection, view) = Loaded(call, request.CollectionName, request.PartitionNames);
        CheckQueryCount(request.Requests.Count == 0 ? 0 : 1);
        var parameters = new RequestParameters(request.RankParams);
        var rescoring = request.FunctionScore is { } asked ? ScoreFunctions.Read(view.Definition, asked, filter => ParseFilter(view.Definition, filter, NoTemplates, "failed to create query plan: parse expr failed")) : null;
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
            Refuse(sub.FunctionChains.Count > 0 || sub.SearchAggregation is not null, "a function chain or an aggregation in a part of a hybrid search");
            var run = Prepare(sub, collection, view, new HybridPage(limit + offset, grouping));
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

        return new SearchAnswer(view, request.OutputFields, limit, offset, parameters.Decimals()) { Grouping = grouping, Zone = parameters.Zone(view.Definition) }
            .Build(combined, request.CollectionName, Now());
    }

    /// <summary>limit and offset of a hybrid search.</summary>
    private static (int Limit, int Offset) RankWindow(RequestParameters parameters)
    {
        if (parameters.Text("limit") is null)
        {
            throw Faults.Invalid("limit not found in rank_params");
        }

        var (limit, offset) = (parameters.Whole("limit", 0), parameters.Whole("offset", 0));
        var why = offset < 0 ? $"offset [{offset}] is invalid, should be gte than 0"
            : limit <= 0 ? $"limit [{limit}] is invalid, should be greater than 0"
            : limit > Limits.TopK || offset > Limits.TopK - limit ? $"(offset+limit) should be in range [1, {Limits.TopK}], but got {unchecked(limit + offset)}"
            : null;
        return why is null ? ((int)limit, (int)offset) : throw Faults.Invalid(Faults.Invalid($"invalid max query result window, {why}").Message);
    }

    /// <summary>What was found, in the order that functions of the request give it.</summary>
    private static List<Ranked>[] Scored(CollectionView view, SearchRun run, FunctionScore? score, List<Ranked>[] found)
    {
        if (score is null or { Functions.Count: 0 })
        {
            return found;
        }

        var functions = ScoreFunctions.Read(view.Definition, score, filter => ParseFilter(view.Definition, filter, NoTemplates, "failed to create query plan: parse expr failed"));
        if (functions is BoostFunctions && run.Ask.Grouping is not null)
        {
            throw Faults.Invalid("failed to create query plan: don't support use segment scorer with group_by or search_iterator: query plan failed");
        }

        var ranker = functions is null ? Ranker.Read(score, 1) : null;
        var scored = ranker?.Combine([(run, found)]) ?? [.. found.Select(hits => functions!.Apply(hits, run.Metric))];
        return run.Ask.Grouping is { } grouping ? [.. scored.Select(hits => grouping.Rank(hits, ranker?.GivesDistances([(run, found)]) ?? false, Grouping.Scorer(run.Ask.Parameters)))] : scored;
    }

    /// <summary>A hybrid search in the form that puts its parts into a search.</summary>
    private static HybridSearchRequest Unfolded(SearchRequest request)
    {
        var hybrid = new HybridSearchRequest { DbName = request.DbName, CollectionName = request.CollectionName, FunctionScore = request.FunctionScore };
        hybrid.FunctionChains.Add(request.FunctionChains);
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
        var count = QueryCount(request);
        var aggregation = SearchAggregation.Read(view.Definition, request.SearchAggregation, parameters, count);
        if (aggregation is not null && request.Highlighter is not null)
        {
            throw Faults.Invalid("highlighter and search_aggregation cannot be used simultaneously");
        }

        var field = SearchField(view.Definition, parameters.Text("anns_field"));
        var ask = SearchAsk.Read(view.Definition, parameters, whole, aggregation);
        ask.CheckField(field);
        var filter = ParseFilter(view.Definition, request.Dsl, request.ExprTemplateValues, zone: parameters.Zone(view.Definition));
        KeyIsolation.Check(view.Definition, filter);
        var queries = Queries(request, field, collection, view, parameters.Text(AnalyzerParameter));
        metrics.Searched(queries.Length);
        var run = new SearchRun(view, ask, field, queries, filter);
        if (Evaluator.ElementFilter(filter) is { } elements && !(run.FindsElements && StructRules.Split(field.Name).Array == elements.Array))
        {
            throw Faults.Invalid("element_filter is only supported for element-level search on vector sub-fields of the same struct array; use MATCH_ANY/MATCH_* for row-level vector search");
        }

        return run;
    }

    private SearchResults Iterate(SearchRequest request, CollectionView view, SearchRun run, IteratorAsk ask, CancellationToken cancel)
    {
        if (run.Queries.Length != 1)
        {
            throw Faults.Invalid("search iterator only support nq = 1");
        }

        var place = ask.Token is null ? null : iterators.Find(ask.Token);
        var bound = place?.Bound ?? ask.Bound;
        var given = place?.KeysAtBound ?? new HashSet<object>();
        var most = run.FindsElements ? long.MaxValue : Math.Max(1, view.LiveRows);
        var rows = run.Nearest((int)Math.Min(ask.Batch + (long)given.Count, most), bound, cancel)[0]
            .Where(hit => hit.Score != bound || !given.Contains(KeyOf(view.Definition, hit))).Take(ask.Batch).ToList();
        if (rows.Count > 0)
        {
            var last = rows[^1].Score;
            var keys = rows.Where(r => r.Score == last).Select(r => KeyOf(view.Definition, r)).Concat(last == bound ? given : []).ToHashSet();
            place = new IteratorPlace(last, keys);
        }

        place ??= new IteratorPlace(bound ?? (run.Metric.IsDistance() ? float.MinValue : float.MaxValue), given);
        var token = iterators.Keep(ask.Token, place, store.Clock.NextId);
        var answer = new SearchAnswer(view, request.OutputFields, ask.Batch, 0, run.Ask.Decimals) { FindsElements = run.FindsElements, Zone = run.Ask.Parameters.Zone(view.Definition) }
            .Build([rows], request.CollectionName, Now());
        answer.Results.SearchIteratorV2Results = new SearchIteratorV2Results { Token = token, LastBound = place.Bound };
        return answer;
    }

    /// <summary>What tells one hit from another: its key, and the element in it.</summary>
    private static object KeyOf(CollectionDefinition definition, Ranked hit) => (RowValue.Of(hit.Segment.Segment.Columns[definition.PrimaryIndex], hit.Row), hit.Element);

    private static void RefuseUnserved(SearchRequest request)
    {
        Refuse(request.HasNamespace, "namespace");
        Refuse(request.TravelTimestamp != 0, "time travel");
    }
}
