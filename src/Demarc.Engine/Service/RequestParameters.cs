using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Errors;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>
/// The loose key-value parameters of a search or query, read strictly: what would change the answer and is not served is
/// refused; hints for index structures this engine does not need are let through.
/// </summary>
internal sealed class RequestParameters
{
    private static readonly string[] Unserved =
        ["group_by_field", "group_by_fields", "order_by_fields", "order_by", "group_size", "strict_group_size", "search_iter_v2", "reducer", "rerank", "expr_cache"];

    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    public RequestParameters(IEnumerable<Pair> pairs)
    {
        foreach (var pair in pairs)
        {
            values[pair.Key] = pair.Value;
        }

        // Older clients put radius and the like inside `params`, newer ones beside it; the outer one wins.
        if (values.TryGetValue("params", out var nested) && nested.Length > 0)
        {
            ReadNested(nested);
        }

        foreach (var name in Unserved)
        {
            if (values.TryGetValue(name, out var value) && value.Length > 0 && !value.Equals("false", StringComparison.OrdinalIgnoreCase) && value != "[]")
            {
                throw Faults.NotServed($"parameter {name}");
            }
        }
    }

    public string? Text(string name) => values.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    public long Whole(string name, long absent)
    {
        var text = Text(name);
        return text is null ? absent
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value
            : throw Faults.Invalid($"{name} [{text}] is invalid, it should be a whole number");
    }

    public double? Number(string name)
    {
        var text = Text(name);
        return text is null ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
            : throw Faults.Invalid($"{name} [{text}] is invalid, it should be a number");
    }

    private void ReadNested(string nested)
    {
        try
        {
            using var document = JsonDocument.Parse(nested, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Faults.Invalid($"params should be a JSON object, not {document.RootElement.ValueKind}");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                values.TryAdd(property.Name, property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText());
            }
        }
        catch (JsonException)
        {
            throw Faults.Invalid("params is not valid JSON");
        }
    }
}
