using System.Globalization;
using System.Text;
using Demarc.Core;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf.Reflection;

namespace Demarc.Agent.Monitoring;

/// <summary>The schema as the customer reads it: generated from what the gate checks, so that it cannot say anything else.</summary>
public static class EgressSchemaText
{
    /// <summary>All of it.</summary>
    public static string Write()
    {
        var text = new StringBuilder();
        text.Append("# Everything that leaves the customer's account for the vendor's plane. What is not named here does not leave.\n");
        text.Append("# public: for everyone who may see that the environment exists. sensitive: for members of the environment. sealed: only as an age file for the customer's own key.\n");
        foreach (var which in EgressClasses.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{which.Word()}: {EgressLimits.Default(which) / 1024 / 1024} MiB a day unless the charter says otherwise; beyond it, what comes is {(which.Waits() ? "held" : "dropped, the newest kept")}\n");
            foreach (var (frame, schema) in EgressSchema.Frames.Where(pair => pair.Value.Class == which).OrderBy(pair => (int)pair.Key)) Frame(text, frame, schema);
            if (which == EgressClass.Control) Requests(text);
            if (which == EgressClass.Ledger) Entries(text);
            if (which == EgressClass.Observation) Fields(text, "    ", EgressFields.Of(LedgerJson.Default.Observation));
        }

        return text.ToString();
    }

    private static void Frame(StringBuilder text, AgentFrame.FrameOneofCase frame, FrameSchema schema)
    {
        var message = AgentFrame.Descriptor.FindFieldByNumber((int)frame);
        text.Append(CultureInfo.InvariantCulture, $"  frame {message.Name}\n");
        foreach (var field in message.MessageType.Fields.InFieldNumberOrder())
        {
            if (schema.Fields.TryGetValue(field.Name, out var known)) Line(text, "    ", field.Name, Word(field), known);
        }
    }

    private static void Requests(StringBuilder text)
    {
        foreach (var (request, fields) in EgressSchema.Requests.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"  request {request}\n");
            foreach (var (name, field) in fields.OrderBy(pair => pair.Key, StringComparer.Ordinal)) Line(text, "    ", name, "text", field);
        }
    }

    private static void Entries(StringBuilder text)
    {
        text.Append("  every entry names its id, environment, kind, time and author, and is signed by the agent; by kind it says\n");
        foreach (var kind in EntryKind.All.Where(kind => kind.Author != EntryAuthor.Person))
        {
            text.Append(CultureInfo.InvariantCulture, $"    {kind.Name}\n");
            Fields(text, "      ", EgressFields.Of(kind.Type));
        }
    }

    private static void Fields(StringBuilder text, string indent, IEnumerable<EgressField> fields)
    {
        foreach (var field in fields) text.Append(CultureInfo.InvariantCulture, $"{indent}{field.Path} | {field.Type} | {(field.Sensitivity == Sensitivity.Secret ? "sealed" : field.Sensitivity.ToString().ToLowerInvariant())}\n");
    }

    private static void Line(StringBuilder text, string indent, string name, string type, FrameField field) =>
        text.Append(CultureInfo.InvariantCulture, $"{indent}{name} | {type}{(field.MaxBytes > 0 ? $", at most {field.MaxBytes} bytes" : "")} | {field.Sensitivity.ToString().ToLowerInvariant()} | {field.Meaning}\n");

    private static string Word(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => "text",
        FieldType.Bytes => "bytes",
        FieldType.Message => "object",
        FieldType.Bool => "yes or no",
        FieldType.Enum => "word",
        FieldType.Double or FieldType.Float or FieldType.Int32 or FieldType.Int64 or FieldType.UInt32 or FieldType.UInt64 or FieldType.SInt32 or FieldType.SInt64
            or FieldType.Fixed32 or FieldType.Fixed64 or FieldType.SFixed32 or FieldType.SFixed64 => "number",
        FieldType.Group => "object",
    };
}
