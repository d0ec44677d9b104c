using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;

namespace Demarc.Engine.Service;

/// <summary>
/// Shows where in the texts of an answer the words stand that were looked for: those of a full-text search, those of queries
/// given beside it, or both. Done over the answer alone; it changes neither hits nor scores.
/// </summary>
internal sealed class Highlighting
{
    private const int DefaultFragmentSize = 100;
    private const int DefaultFragments = 5;

    private readonly List<Highlighted> fields = [];
    private readonly List<string> before;
    private readonly List<string> after;
    private readonly int lead;
    private readonly int size;
    private readonly int most;

    private Highlighting(Dictionary<string, string> parameters)
    {
        before = Tags(parameters, "pre_tags", "<em>");
        after = Tags(parameters, "post_tags", "</em>");
        lead = Whole(parameters, "fragment_offset", 0, 0);
        size = Whole(parameters, "fragment_size", DefaultFragmentSize, 1);
        most = Whole(parameters, "num_of_fragments", DefaultFragments, 0);
    }

    /// <summary>What a request asks to be shown.</summary>
    public static Highlighting Read(CollectionDefinition definition, Highlighter asked, FieldDefinition searched, IReadOnlyList<string> texts)
    {
        if (asked.Type != HighlightType.Lexical)
        {
            throw Faults.NotServed("semantic highlighting");
        }

        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in asked.Params)
        {
            parameters[pair.Key] = pair.Value;
        }

        var highlighting = new Highlighting(parameters);
        if (parameters.GetValueOrDefault("highlight_search_text")?.Equals("true", StringComparison.OrdinalIgnoreCase) == true)
        {
            if (!searched.Schema.IsFunctionOutput || texts.Count == 0)
            {
                throw Faults.Invalid("Search highlight only support with metric type \"BM25\"");
            }

            var input = FunctionRules.InputOf(definition, searched);
            highlighting.Add(definition, input, [.. texts.Select(t => WordsOf(input, t))]);
        }

        highlighting.AddQueries(definition, parameters.GetValueOrDefault("highlight_query"));
        return highlighting.fields.Count > 0 ? highlighting : throw Faults.Invalid("a lexical highlighter needs highlight_search_text or a highlight_query");
    }

    /// <summary>A column for each field, with what one hit has to show.</summary>
    public void AddTo(List<HighlightResult> results, int query, Ranked hit)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            if (results.Count == i)
            {
                results.Add(new HighlightResult { FieldName = fields[i].Field.Name });
            }

            var column = (TextColumn)hit.Segment.Segment.Columns[fields[i].Index];
            var data = new HighlightData();
            if (!column.IsNull(hit.Row))
            {
                var words = fields[i].Words;
                data.Fragments.Add(Fragments(fields[i].Field.Analyzer, column.Values[hit.Row], words[Math.Min(query, words.Count - 1)]));
            }

            results[i].Datas.Add(data);
        }
    }

    /// <summary>The parts of a text around its words: each begins a little before the first that is in none yet, and is so long or less.</summary>
    private List<string> Fragments(Analyzer analyzer, string text, HashSet<string> words)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        var places = analyzer.Analyze(text).Where(t => words.Contains(t.Text))
            .Select(t => (From: System.Text.Encoding.UTF8.GetCharCount(bytes, 0, t.Start), To: System.Text.Encoding.UTF8.GetCharCount(bytes, 0, t.End)))
            .Distinct().OrderBy(p => p.From).ToList();
        var fragments = new List<string>();
        var number = 0;
        for (var next = 0; next < places.Count && fragments.Count < most;)
        {
            var from = Whole(text, Math.Max(0, places[next].From - lead));
            var end = Whole(text, Math.Max(places[next].To, (int)Math.Min(text.Length, from + (long)size)));
            var shown = new System.Text.StringBuilder();
            var at = from;
            for (; next < places.Count && places[next].To <= end; next++)
            {
                if (places[next].From >= at)
                {
                    shown.Append(text, at, places[next].From - at).Append(before[number % before.Count]).Append(text, places[next].From, places[next].To - places[next].From).Append(after[number % after.Count]);
                    at = places[next].To;
                    number++;
                }
            }

            fragments.Add(shown.Append(text, at, end - at).ToString());
        }

        return fragments;
    }

    /// <summary>No character is cut in two.</summary>
    private static int Whole(string text, int at) => at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;

    private static HashSet<string> WordsOf(FieldDefinition field, string text) => [.. field.Analyzer.Analyze(text).Select(t => t.Text)];

    private void Add(CollectionDefinition definition, FieldDefinition field, List<HashSet<string>> words)
    {
        if (fields.Find(f => f.Field.Name == field.Name) is not { } known)
        {
            fields.Add(new Highlighted(field, definition.FieldIndex(field.Name), words));
            return;
        }

        // Words of the search differ from query to query, those beside it are the same for all.
        foreach (var set in known.Words)
        {
            set.UnionWith(words[0]);
        }
    }

    private void AddQueries(CollectionDefinition definition, string? json)
    {
        if (json is null or "")
        {
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var query in document.RootElement.EnumerateArray())
            {
                if (query.GetProperty("type").GetString() is var type && type != "TextMatch")
                {
                    throw Faults.Invalid($"unknown highlight query type: {type}");
                }

                var name = query.GetProperty("field").GetString()!;
                var field = definition.Field(name) ?? throw Faults.FieldNotFound(name);
                if (field.Type != DataType.VarChar || !FieldDefinition.IsOn(field.Schema, "enable_analyzer"))
                {
                    throw Faults.Invalid($"field {name} has no analyzer, it cannot be highlighted");
                }

                Add(definition, field, [WordsOf(field, query.GetProperty("text").GetString() ?? "")]);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentNullException)
        {
            throw Faults.Invalid("highlight_query should be a JSON array of objects with type, field and text");
        }
    }

    private static List<string> Tags(Dictionary<string, string> parameters, string name, string absent)
    {
        if (parameters.GetValueOrDefault(name) is not { Length: > 0 } json)
        {
            return [absent];
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            var tags = document.RootElement.EnumerateArray().Select(t => t.GetString()!).ToList();
            return tags.Count > 0 ? tags : throw Faults.Invalid($"{name} cannot be empty list");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Faults.Invalid($"{name} should be a JSON array of texts");
        }
    }

    private static int Whole(Dictionary<string, string> parameters, string name, int absent, int least) =>
        parameters.GetValueOrDefault(name) is not { Length: > 0 } text ? absent
        : int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value) && value >= least ? value
        : throw Faults.Invalid($"{name} [{text}] is invalid, it should be a whole number from {least}");

    /// <param name="Field">The text field.</param>
    /// <param name="Index">Its place in the schema.</param>
    /// <param name="Words">The words to show, of each query, or one set for all.</param>
    private sealed record Highlighted(FieldDefinition Field, int Index, List<HashSet<string>> Words);
}
