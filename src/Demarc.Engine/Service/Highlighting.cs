using System.Globalization;
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
    private readonly string? analyzer;
    private readonly HighlightFragments fragments;

    private Highlighting(Dictionary<string, string> parameters, string? analyzer)
    {
        this.analyzer = analyzer;
        var (before, after) = (Tags(parameters, "pre_tags", "<em>"), Tags(parameters, "post_tags", "</em>"));
        var (size, most) = (Whole(parameters, "fragment_size", DefaultFragmentSize, 1), Whole(parameters, "num_of_fragments", DefaultFragments, 0));
        fragments = new HighlightFragments(Whole(parameters, "fragment_offset", 0, 0), size, most, before, after);
    }

    /// <summary>What a request asks to be shown.</summary>
    public static Highlighting Read(CollectionDefinition definition, SearchRequest request, IReadOnlyList<string> texts)
    {
        var asked = request.Highlighter;
        if (asked.Type != HighlightType.Lexical)
        {
            throw Faults.NotServed("semantic highlighting");
        }

        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in asked.Params)
        {
            parameters[pair.Key] = pair.Value;
        }

        var search = new RequestParameters(request.SearchParams);
        var highlighting = new Highlighting(parameters, search.Text(MilvusEndpoint.AnalyzerParameter));
        if (Flag(parameters, "highlight_search_text"))
        {
            highlighting.AddSearch(definition, search, texts);
        }

        highlighting.AddQueries(definition, parameters.GetValueOrDefault("highlight_query"));
        return highlighting;
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
                var (text, looked) = (column.Values[hit.Row], words[Math.Min(query, words.Count - 1)]);
                data.Fragments.Add(fragments.Of(text, AnalyzerOf(fields[i], hit).Analyze(text).Where(t => looked.Contains(t.Text))));
            }

            results[i].Datas.Add(data);
        }
    }

    /// <summary>What splits the text of one hit, which another of its fields may say.</summary>
    private static Analyzer AnalyzerOf(Highlighted field, Ranked hit) =>
        field.Deciding >= 0 && (TextColumn)hit.Segment.Segment.Columns[field.Deciding] is var names && !names.IsNull(hit.Row)
            ? field.Field.Analyzers.Of(names.Values[hit.Row])
            : field.Field.Analyzer;

    private HashSet<string> WordsOf(FieldDefinition field, string text) => [.. field.Analyzers.Of(analyzer).Analyze(text).Select(t => t.Text)];

    private void AddSearch(CollectionDefinition definition, RequestParameters search, IReadOnlyList<string> texts)
    {
        var searched = MilvusEndpoint.SearchField(definition, search.Text("anns_field"));
        var metric = search.Text("metric_type") ?? (searched.IsCounted ? "BM25" : "");
        if (metric != "BM25")
        {
            throw Faults.Invalid("Search highlight only support with metric type \"BM25\" but was: ");
        }

        if (!searched.IsCounted)
        {
            throw new Fault(5, "service internal error: Search with highlight failed, input field of BM25 annsField not found");
        }

        if (texts.Count > 0)
        {
            var input = FunctionRules.InputOf(definition, searched);
            Add(definition, input, [.. texts.Select(t => WordsOf(input, t))]);
        }
    }

    private void Add(CollectionDefinition definition, FieldDefinition field, List<HashSet<string>> words)
    {
        if (fields.Find(f => f.Field.Name == field.Name) is not { } known)
        {
            fields.Add(new Highlighted(field, definition.FieldIndex(field.Name), field.Analyzers.ByField is { } name ? definition.FieldIndex(name) : -1, words));
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

        using var document = Parsed(json);
        if (document?.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw Faults.Invalid("unmarshal highlight queries as json array failed");
        }

        foreach (var query in document.RootElement.EnumerateArray())
        {
            if (query.ValueKind != JsonValueKind.Object)
            {
                throw Faults.Invalid("unmarshal highlight queries failed: item in array is not json object");
            }

            var (text, type, name) = (Part(query, "text"), Part(query, "type"), Part(query, "field"));
            if (type != "TextMatch")
            {
                throw Faults.Invalid($"unmarshal highlight queries failed: invalid highlight query type: {type}");
            }

            var field = definition.Field(name) ?? throw Faults.Invalid($"highlight field not found in schema: {name}");
            if (!field.IsText || !FieldDefinition.IsOn(field.Schema, "enable_analyzer"))
            {
                throw Faults.Invalid($"get highlight failed, the highlight field not found, {name}:{field.Schema.FieldID}");
            }

            Add(definition, field, [WordsOf(field, text)]);
        }
    }

    private static string Part(JsonElement query, string name) =>
        !query.TryGetProperty(name, out var value) ? throw Faults.Invalid($"unmarshal highlight queries failed: must set `{name}` in query")
        : value.ValueKind == JsonValueKind.String ? value.GetString()!
        : throw Faults.Invalid($"unmarshal highlight queries failed: `{name}` must be string");

    private static JsonDocument? Parsed(string json)
    {
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static List<string> Tags(Dictionary<string, string> parameters, string name, string absent)
    {
        if (parameters.GetValueOrDefault(name) is not { Length: > 0 } json)
        {
            return [absent];
        }

        using var document = Parsed(json);
        if (document?.RootElement is not { ValueKind: JsonValueKind.Array } list || list.EnumerateArray().Any(t => t.ValueKind != JsonValueKind.String))
        {
            throw Faults.Invalid($"unmarshal {name} as string array failed");
        }

        return list.GetArrayLength() > 0 ? [.. list.EnumerateArray().Select(t => t.GetString()!)] : throw Faults.Invalid($"{name} cannot be empty list");
    }

    private static bool Flag(Dictionary<string, string> parameters, string name) => parameters.GetValueOrDefault(name) switch
    {
        null or "0" or "f" or "F" or "false" or "False" or "FALSE" => false,
        "1" or "t" or "T" or "true" or "True" or "TRUE" => true,
        var other => throw Faults.Invalid($"unmarshal {name} as bool failed: strconv.ParseBool: parsing \"{other}\": invalid syntax"),
    };

    private static long Whole(Dictionary<string, string> parameters, string name, int absent, int least) =>
        parameters.GetValueOrDefault(name) is not { } text ? absent
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least ? value
        : throw Faults.Invalid($"invalid {name}: {text}");

    /// <param name="Field">The text field.</param>
    /// <param name="Index">Its place in the schema.</param>
    /// <param name="Deciding">The place of the field that names a row's analyzer; -1 for none.</param>
    /// <param name="Words">The words to show, of each query, or one set for all.</param>
    private sealed record Highlighted(FieldDefinition Field, int Index, int Deciding, List<HashSet<string>> Words);
}
