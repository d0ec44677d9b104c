using System.Globalization;
using Demarc.Engine.Protocol;

namespace Demarc.Sim.Engine;

/// <summary>Asks the engine, works the answer out by hand, and compares.</summary>
internal sealed class ModelChecks(ModelCalls calls, Action<string> note)
{
    private static readonly string[] AllFields = ["*"];

    /// <summary>The keys that numbers stand for: the key itself, or where the engine makes keys, that of a row that is there.</summary>
    public static List<object> Keys(ModelState state, IReadOnlyList<int> numbers)
    {
        if (!state.Schema.AutoId) return [.. numbers.Select(n => state.Schema.Key.Type == DataType.Int64 ? (object)(long)n : $"k{n}")];
        var there = Sorted(state.Rows.Values).ConvertAll(r => r.Key);
        return there.Count == 0 ? [] : [.. numbers.Select(n => there[n % there.Count]).Distinct()];
    }

    public static string InKeys(ModelState state, IEnumerable<object> keys) =>
        $"{state.Schema.Key.Name} in [{string.Join(',', keys.Select(k => k is string s ? $"\"{s}\"" : ModelValues.Show(k)))}]";

    public void Read(ModelState state, ModelOp op, bool wide)
    {
        switch (op)
        {
            case QueryOp query:
                Query(state, query);
                break;
            case CountOp count:
                Count(state, count);
                break;
            case GetOp get:
                var keys = Keys(state, get.Keys);
                var rows = Sorted(state.Visible(null).Where(r => keys.Contains(r.Key)));
                Compare(state, "get", calls.Query(InKeys(state, keys), AllFields, null, 0, null, get.Level), state.Loaded, rows, AllFields);
                break;
            case HybridOp hybrid when !wide:
                Hybrid(state, hybrid);
                break;
            case WalkRowsOp walk:
                WalkRows(state, walk);
                break;
            case WalkHitsOp walk when !wide:
                WalkHits(state, walk);
                break;
            default:
                break;
        }
    }

    /// <summary>Gives the recall when an index answers that need not find all.</summary>
    public double? Search(ModelState state, SearchOp op, bool wide)
    {
        var metric = state.Indexes[op.Field].Metric;
        var range = ModelSearch.RangeOf(metric, op.Range);
        var answer = calls.Search(ModelCalls.SearchRequest(state, op, range));
        if (!Served(state, op.Partition))
        {
            Refused(answer.Status, "a search of what is not loaded");
            return null;
        }

        Accepted(answer.Status, "the search");
        var rows = state.Visible(op.Partition).Where(op.Filter.Takes).ToList();
        var hits = ModelCalls.Hits(answer.Results);
        if (hits.Length != op.Queries.Count) throw new ModelMismatchException($"{hits.Length} answers to {op.Queries.Count} queries");
        double recall = 0;
        for (var q = 0; q < hits.Length; q++)
        {
            var ranked = ModelSearch.Ranked(metric, op.Field, op.Queries[q], rows, range);
            if (wide)
            {
                recall += ModelSearch.CheckApproximate($"query {q}", metric, ranked, op.Limit, hits[q]) / hits.Length;
            }
            else
            {
                ModelSearch.CheckExact($"query {q}", metric, ranked, op.Offset, op.Limit, hits[q]);
                note(string.Join(' ', hits[q]));
            }
        }

        return wide ? recall : null;
    }

    /// <summary>All rows, indexes and partitions are as they should be.</summary>
    public void Everything(ModelState state)
    {
        var count = calls.RowCount();
        if (count != state.Rows.Count) throw new ModelMismatchException($"{count} rows are there, {state.Rows.Count} should be");
        var answer = calls.Query(state.Schema.Key.Type == DataType.Int64 ? $"{state.Schema.Key.Name} > -1" : $"{state.Schema.Key.Name} >= \"\"", AllFields, null, 0, null, ConsistencyLevel.Strong);
        Compare(state, "all rows", answer, state.Loaded, Sorted(state.Visible(null)), AllFields);
        var indexes = state.Indexes.Select(i => $"{i.Key} {i.Value.Type} {i.Value.Metric}").Concat(state.ScalarIndexes.Select(f => $"{f} AUTOINDEX ")).Order(StringComparer.Ordinal).ToList();
        Same("indexes", indexes, calls.Indexes());
        if (state.Schema.Spread == Spread.Named) Same("partitions", [.. state.Partitions.Order(StringComparer.Ordinal)], calls.Partitions());
    }

    /// <summary>After a crash under a change: as before it or as after it, wholly. Loads the collection, to see its rows.</summary>
    public ModelState Either(ModelState before, ModelState after)
    {
        Accepted(calls.Do(before, new PlainOp(Plain.Load, 0), "", null), "load");
        before = before with { Loaded = true, LoadedPartitions = null };
        after = after with { Loaded = true, LoadedPartitions = null };
        try
        {
            Everything(before);
            return before;
        }
        catch (ModelMismatchException unlike)
        {
            try
            {
                Everything(after);
                return after;
            }
            catch (ModelMismatchException too)
            {
                throw new ModelMismatchException($"after the crash it is neither as before ({unlike.Message}) nor as after ({too.Message})");
            }
        }
    }

    private static bool Served(ModelState state, string? partition) =>
        state.Loaded && (partition is null || (state.Partitions.Contains(partition) && state.IsLoaded(partition)));

    private static List<ModelRow> Sorted(IEnumerable<ModelRow> rows)
    {
        var all = rows.ToList();
        all.Sort((a, b) => a.Key is long x ? x.CompareTo((long)b.Key) : string.CompareOrdinal((string)a.Key, (string)b.Key));
        return all;
    }

    private void Query(ModelState state, QueryOp query)
    {
        var answer = calls.Query(query.Filter.Text, query.Fields, query.Limit, query.Offset, query.Partition, query.Level);

        // Without a limit there is no page, and so no offset.
        var rows = Sorted(state.Visible(query.Partition).Where(query.Filter.Takes)).Skip(query.Limit is null ? 0 : query.Offset).Take(query.Limit ?? int.MaxValue).ToList();
        Compare(state, "query", answer, Served(state, query.Partition), rows, query.Fields);
    }

    private void Count(ModelState state, CountOp count)
    {
        var answer = calls.Query(count.Filter.Text, ["count(*)"], null, 0, count.Partition, count.Level);
        if (!Served(state, count.Partition))
        {
            Refused(answer.Status, "a count of what is not loaded");
            return;
        }

        Accepted(answer.Status, "the count");
        var found = answer.FieldsData.Single().Scalars.LongData.Data.Single();
        var expected = state.Visible(count.Partition).Count(count.Filter.Takes);
        if (found != expected) throw new ModelMismatchException($"{found} rows are counted, {expected} are there");
    }

    private void Hybrid(ModelState state, HybridOp hybrid)
    {
        var parts = hybrid.Parts.Select(p => p with { Queries = [p.Queries[0]] }).ToList();
        var requests = parts.ConvertAll(p => ModelCalls.SearchRequest(state, p, new ModelRange(null, null)));
        var answer = calls.Hybrid(requests, hybrid.Limit, hybrid.Weighted);
        if (!state.Loaded)
        {
            Refused(answer.Status, "a hybrid search of what is not loaded");
            return;
        }

        Accepted(answer.Status, "the hybrid search");
        var scores = new Dictionary<object, double>();
        for (var p = 0; p < parts.Count; p++)
        {
            // Each part is held against the model by itself; how the engine orders its ties is taken from it.
            Search(state, parts[p], wide: false);
            var part = calls.Search(ModelCalls.SearchRequest(state, parts[p], new ModelRange(null, null)));
            var hits = ModelCalls.Hits(part.Results)[0];
            for (var rank = 0; rank < hits.Count; rank++)
            {
                var share = hybrid.Weighted ? (p == 0 ? 0.25 : 0.75) * ModelSearch.Normalised(state.Indexes[parts[p].Field].Metric, hits[rank].Score) : 1.0 / (60 + rank + 1);
                scores[hits[rank].Key] = scores.GetValueOrDefault(hits[rank].Key) + share;
            }
        }

        var ranked = scores.Select(s => new Scored(s.Key, s.Value)).OrderByDescending(s => s.Score).ToList();
        var found = ModelCalls.Hits(answer.Results)[0];
        ModelSearch.CheckExact("fused", "IP", ranked, 0, hybrid.Limit, found);
        note(string.Join(' ', found));
    }

    /// <summary>As a client's query iterator does: a page, then what has greater keys than its last.</summary>
    private void WalkRows(ModelState state, WalkRowsOp walk)
    {
        if (!state.Loaded) return;
        var key = state.Schema.Key.Name;
        var seen = new List<object>();
        for (var last = ""; ;)
        {
            var answer = calls.Query(last.Length == 0 ? walk.Filter.Text : $"({walk.Filter.Text}) and {key} > {last}", [key], walk.Batch, 0, null, ConsistencyLevel.Bounded);
            Accepted(answer.Status, "a page");
            var field = answer.FieldsData.Single(f => f.FieldName == key);
            var page = ModelValues.FromColumn(state.Schema.Key, field, field.Scalars.LongData?.Data.Count ?? field.Scalars.StringData?.Data.Count ?? 0);
            if (page.Count == 0) break;
            seen.AddRange(page!);
            last = page[^1] is string s ? $"\"{s}\"" : ModelValues.Show(page[^1]);
        }

        var expected = Sorted(state.Visible(null).Where(walk.Filter.Takes)).ConvertAll(r => r.Key);
        if (!seen.SequenceEqual(expected)) throw new ModelMismatchException($"the walk saw {string.Join(' ', seen)}, expected {string.Join(' ', expected)}");
    }

    private void WalkHits(ModelState state, WalkHitsOp walk)
    {
        if (!state.Loaded) return;
        var metric = state.Indexes[walk.Field].Metric;
        var search = new SearchOp(walk.Field, [walk.Query], walk.Filter, walk.Batch, 0, 0, null, ConsistencyLevel.Bounded);
        var seen = new List<Scored>();
        var place = new List<(string, string)> { ("iterator", "True"), ("search_iter_v2", "True"), ("search_iter_batch_size", walk.Batch.ToString(CultureInfo.InvariantCulture)) };
        for (var more = true; more;)
        {
            var answer = calls.Search(ModelCalls.SearchRequest(state, search, new ModelRange(null, null), [.. place]));
            Accepted(answer.Status, "a page of hits");
            var hits = ModelCalls.Hits(answer.Results)[0];
            seen.AddRange(hits);
            more = hits.Count > 0;
            var at = answer.Results.SearchIteratorV2Results;
            place = [.. place.Take(3), ("search_iter_id", at.Token), ("search_iter_last_bound", at.LastBound.ToString("R", CultureInfo.InvariantCulture))];
        }

        var ranked = ModelSearch.Ranked(metric, walk.Field, walk.Query, state.Visible(null).Where(walk.Filter.Takes), new ModelRange(null, null));
        ModelSearch.CheckExact("the walk", metric, ranked, 0, int.MaxValue, seen);
    }

    private void Compare(ModelState state, string what, QueryResults answer, bool served, List<ModelRow> expected, IReadOnlyList<string> asked)
    {
        if (!served)
        {
            Refused(answer.Status, $"{what} of what is not loaded");
            return;
        }

        Accepted(answer.Status, what);
        var names = asked.Contains("*") ? state.Fields.Select(f => f.Name).ToHashSet() : asked.Append(state.Schema.Key.Name).ToHashSet();
        var columns = answer.FieldsData.ToDictionary(f => f.FieldName);
        var fields = state.Fields.Where(f => names.Contains(f.Name)).ToList();
        var missing = fields.Find(f => !columns.ContainsKey(f.Name));
        if (missing is not null) throw new ModelMismatchException($"{what}: field {missing.Name} is not answered");
        var keyData = columns[state.Schema.Key.Name];
        var count = keyData.Scalars.LongData?.Data.Count ?? keyData.Scalars.StringData?.Data.Count ?? 0;
        var keys = ModelValues.FromColumn(state.Schema.Key, keyData, count);
        note(string.Join(' ', keys));
        if (!keys.SequenceEqual(expected.Select(r => (object?)r.Key)))
        {
            throw new ModelMismatchException($"{what}: rows {string.Join(' ', keys.Select(ModelValues.Show))}, expected {string.Join(' ', expected.Select(r => ModelValues.Show(r.Key)))}");
        }

        foreach (var field in fields)
        {
            var values = ModelValues.FromColumn(field, columns[field.Name], count);
            for (var at = 0; at < count; at++)
            {
                if (!ModelValues.Same(values[at], expected[at][field.Name])) throw new ModelMismatchException($"{what}: {field.Name} of {ModelValues.Show(expected[at].Key)} is {ModelValues.Show(values[at])}, expected {ModelValues.Show(expected[at][field.Name])}");
            }
        }

        if (!state.Schema.Dynamic || !asked.Contains("*")) return;
        var metas = columns[ModelSchema.Meta].Scalars.JsonData.Data;
        for (var row = 0; row < count; row++)
        {
            if (!ModelState.SameJson(metas[row].ToStringUtf8(), expected[row].Meta)) throw new ModelMismatchException($"{what}: the dynamic field of {ModelValues.Show(expected[row].Key)} is {metas[row].ToStringUtf8()}, expected {expected[row].Meta}");
        }
    }

    private static void Same(string what, List<string> expected, List<string> found)
    {
        if (!expected.SequenceEqual(found)) throw new ModelMismatchException($"{what}: {string.Join(", ", found)}, expected {string.Join(", ", expected)}");
    }

    private static void Accepted(Demarc.Engine.Protocol.Status status, string what)
    {
        if (status.Code != 0) throw new ModelMismatchException($"{what} was refused: {status.Code} {status.Reason}");
    }

    private static void Refused(Demarc.Engine.Protocol.Status status, string what)
    {
        if (status.Code == 0) throw new ModelMismatchException($"{what} was answered");
    }
}
