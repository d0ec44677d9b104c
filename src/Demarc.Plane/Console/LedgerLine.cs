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
