using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Indexes;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>
/// The loose key-value parameters of a search or query, read strictly: what would change the answer and is not served is
/// refused; hints for index structures this engine does not need are let through.
/// </summary>
internal sealed class RequestParameters
{
    private static readonly string[] Unserved = ["reducer", "rerank"];

    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    // The names that stand beside `params` and not in it.
    private readonly HashSet<string> outer = new(StringComparer.Ordinal);

    // What stands in `params` as anything but a text, as it is written there.
    private readonly Dictionary<string, string> written = new(StringComparer.Ordinal);

    public RequestParameters(IEnumerable<Pair> pairs)
    {
        foreach (var pair in pairs)
        {
            values[pair.Key] = pair.Value;
            outer.Add(pair.Key);
        }

        // Older clients put radius and the like inside `params`, newer ones beside it; the outer one wins.
        if (values.TryGetValue("params", out var nested) && nested.Length > 0)
        {
            ReadNested(nested);
        }

        if (Text("ignore_growing") is { } growing && !bool.TryParse(growing, out _) && growing is not ("0" or "1"))
        {
            throw Faults.Invalid("parse ignore growing field failed");
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

    /// <summary>A parameter that stands beside `params`.</summary>
    public string? Outer(string name) => outer.Contains(name) ? Text(name) : null;

    /// <summary>A setting of an index, which says whether it was written as a text or as JSON.</summary>
    public SettingText? Setting(string name) =>
        written.TryGetValue(name, out var json) ? new SettingText(json, true) : values.TryGetValue(name, out var text) ? new SettingText(text, false) : null;

    /// <summary>In which zone the request reads and shows times: one it names, or the collection's.</summary>
    public TimeZoneInfo Zone(CollectionDefinition definition) => Text(CollectionDefinition.TimezoneProperty) is { } name ? PropertyRules.CheckZone(name) : definition.Zone;

    public bool Flag(string name) => Text(name) is { } text && (bool.TryParse(text, out var set) ? set : throw Faults.Invalid($"{name} [{text}] is invalid, it should be true or false"));

    /// <summary>How many digits a score is rounded to; -1 for none.</summary>
    public int Decimals()
    {
        var text = Text("round_decimal") ?? "-1";
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var digits) && digits is >= -1 and <= 6
            ? (int)digits
            : throw Faults.Invalid($"round_decimal [{text}] is invalid, should be -1 or an integer in range [0, 6]");
    }

    public long Whole(string name, long absent)
    {
        var text = Text(name);
        return text is null ? absent
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value
            : throw Faults.Invalid($"{name} [{text.Trim()}] is invalid, it should be a whole number");
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
                var isText = property.Value.ValueKind == JsonValueKind.String;
                if (values.TryAdd(property.Name, isText ? property.Value.GetString()! : property.Value.GetRawText()) && !isText)
                {
                    written[property.Name] = property.Value.GetRawText();
                }
            }
        }
        catch (JsonException)
        {
            throw Faults.Invalid("params is not valid JSON");
        }
    }
}
