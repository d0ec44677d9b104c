using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Console;

/// <summary>One entry as a page shows it.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Entry">The entry.</param>
/// <param name="By">Its author's party and name as far as the environment knows the key, else the key.</param>
public sealed record LedgerLine(long Index, Entry Entry, string By)
{
    // Razor escapes for HTML; here the text only has to be readable.
    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What it says, as a member may see it.</summary>
    public string Data
    {
        get
        {
            var buffer = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(buffer, Readable)) Redaction.Of(Entry, Sensitivity.Sensitive).WriteTo(writer);
            return Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
    }
}

/// <summary>An entry in a list.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="At">When.</param>
/// <param name="By">Its author, in words.</param>
/// <param name="Instance">Which instance it is about; null for none.</param>
public sealed record LedgerRow(long Index, string Kind, DateTimeOffset At, string By, string? Instance);

/// <summary>What a reader of the ledger has asked for.</summary>
/// <param name="Kind">A kind, or the beginning of several with a dot at its end.</param>
/// <param name="Task">A row of the table.</param>
/// <param name="Instance">An instance.</param>
/// <param name="Change">A change.</param>
/// <param name="Text">A text in what entries say.</param>
public sealed record LedgerQuery(string? Kind, string? Task, string? Instance, string? Change, string? Text)
{
    /// <summary>A side: <c>vendor</c>, <c>customer</c> or <c>agent</c>.</summary>
    public string? By { get; init; }

    /// <summary>The first day, by UTC.</summary>
    public DateOnly? Since { get; init; }

    /// <summary>The last day, by UTC.</summary>
    public DateOnly? Until { get; init; }

    /// <summary>Whether anything was asked for.</summary>
    public bool IsAny => All.Any(word => word.Value is not null);

    /// <summary>As the end of an address, for the pages before and after.</summary>
    public string Address => string.Concat(All.Where(word => word.Value is not null).Select(word => $"&{word.Name}={Uri.EscapeDataString(word.Value!)}"));

    /// <summary>A day as forms and addresses write it.</summary>
    public static string? Written(DateOnly? day) => day?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    private IEnumerable<(string Name, string? Value)> All => [("by", By), ("since", Written(Since)), ("until", Written(Until)), ("kind", Kind), ("task", Task), ("instance", Instance), ("change", Change), ("text", Text)];
}
