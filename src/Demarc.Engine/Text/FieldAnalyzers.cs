using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Text;

/// <summary>How the texts of one field are split: all in one way (`analyzer_params`), or each as another field of its row says (`multi_analyzer_params`).</summary>
internal sealed class FieldAnalyzers
{
    public const string ManyParameter = "multi_analyzer_params";

    private const string Fallback = "default";

    private readonly Dictionary<string, Analyzer> named;
    private readonly Dictionary<string, string> aliases;

    private FieldAnalyzers(Analyzer usual, string? byField, Dictionary<string, Analyzer> named, Dictionary<string, string> aliases) =>
        (Usual, ByField, this.named, this.aliases) = (usual, byField, named, aliases);

    /// <summary>What a text is split by that nothing is said about.</summary>
    public Analyzer Usual { get; }

    /// <summary>The field whose value names a row's analyzer; null where all rows have the same.</summary>
    public string? ByField { get; }

    /// <summary>The analyzer of a name or of another name for it; one that is not known is the usual one.</summary>
    public Analyzer Of(string? name) => name is null ? Usual : named.GetValueOrDefault(aliases.GetValueOrDefault(name, name), Usual);

    public static FieldAnalyzers Of(FieldSchema field) =>
        FieldDefinition.Parameter(field, ManyParameter) is { Length: > 0 } json ? Read(json) : new FieldAnalyzers(AnalyzerReader.Read(FieldDefinition.Parameter(field, "analyzer_params")), null, [], []);

    /// <summary>Refuses what Milvus refuses when a collection is made with such a field.</summary>
    public static void Check(CollectionSchema schema, FieldSchema field)
    {
        var analyzers = Of(field);
        var matched = FieldDefinition.IsOn(field, "enable_match");
        var counted = schema.Functions.Any(f => f.Type == FunctionType.Bm25 && f.InputFieldNames.Contains(field.Name));
        if ((matched || counted) && !FieldDefinition.IsOn(field, "enable_analyzer"))
        {
            throw Faults.Invalid($"field {field.Name} which has enable_match or is input of BM25 function must also enable_analyzer");
        }

        if (analyzers.ByField is not { } other)
        {
            return;
        }

        if (matched)
        {
            throw Faults.Invalid($"multi analyzer now only support for bm25, but now field {field.Name} enable match");
        }

        if (FieldDefinition.Parameter(field, "analyzer_params") is not null)
        {
            throw Faults.Invalid($"field {field.Name} analyzer params should be none if has multi analyzer params");
        }

        if (schema.Fields.FirstOrDefault(f => f.Name == other) is not { } deciding)
        {
            throw Faults.Invalid($"multi analyzer dependent field \"{other}\" not exist in collection {schema.Name}");
        }

        if (deciding.DataType != DataType.VarChar)
        {
            throw Faults.Invalid($"multi analyzer params now only support by string field, but field {other} is not string");
        }
    }

    private static FieldAnalyzers Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Faults.Invalid("multi_analyzer_params should be a JSON object");
            }

            if (!root.TryGetProperty("by_field", out var byField))
            {
                throw Faults.Invalid("multi analyzer params now must set by_field to specify with field decide analyzer");
            }

            if (byField.ValueKind != JsonValueKind.String)
            {
                throw Faults.Invalid($"multi analyzer params by_field must be string but now: {byField.GetRawText()}");
            }

            var aliases = root.TryGetProperty("alias", out var alias) ? Aliases(alias) : [];
            if (!root.TryGetProperty("analyzers", out var analyzers))
            {
                throw Faults.Invalid("multi analyzer params must set analyzers ");
            }

            if (analyzers.ValueKind != JsonValueKind.Object)
            {
                throw Faults.Invalid($"unmarshal analyzers failed: json: cannot unmarshal {analyzers.ValueKind.ToString().ToLowerInvariant()} into Go value of type map[string]json.RawMessage");
            }

            var named = new Dictionary<string, Analyzer>(StringComparer.Ordinal);
            foreach (var one in analyzers.EnumerateObject())
            {
                named[one.Name] = AnalyzerReader.Read(one.Value.GetRawText());
            }

            return named.TryGetValue(Fallback, out var usual)
                ? new FieldAnalyzers(usual, byField.GetString()!, named, aliases)
                : throw Faults.Invalid("multi analyzer must set default analyzer for all unknown value");
        }
        catch (JsonException)
        {
            throw Faults.Invalid("multi_analyzer_params is not valid JSON");
        }
    }

    private static Dictionary<string, string> Aliases(JsonElement given) =>
        given.ValueKind == JsonValueKind.Object && given.EnumerateObject().All(a => a.Value.ValueKind == JsonValueKind.String)
            ? given.EnumerateObject().DistinctBy(a => a.Name).ToDictionary(a => a.Name, a => a.Value.GetString()!, StringComparer.Ordinal)
            : throw Faults.Invalid($"multi analyzer alias must be string map but now: {given.GetRawText()}");
}
