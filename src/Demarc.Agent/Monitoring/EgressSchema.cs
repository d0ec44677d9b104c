using System.Collections.Frozen;
using System.Text.Json;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Demarc.Agent.Monitoring;

/// <summary>A field of a frame: how far it may be shown, the most bytes it may have, and what the customer should know of it.</summary>
public sealed record FrameField(Sensitivity Sensitivity, int MaxBytes, string Meaning);

/// <summary>A frame: its class and its fields by path.</summary>
public sealed record FrameSchema(EgressClass Class, FrozenDictionary<string, FrameField> Fields);

/// <summary>
/// What may leave, field by field. The protocol's own description says which fields there are; this table says of each how far it may be shown. A field
/// that the table does not name does not leave, so that a protocol that grows tells the customer nothing less.
/// </summary>
public static class EgressSchema
{
    private const int Words = 64;
    private const int Line = 1024;

    /// <summary>Each frame of the stream; one that is not here does not leave.</summary>
    public static FrozenDictionary<AgentFrame.FrameOneofCase, FrameSchema> Frames { get; } = new Dictionary<AgentFrame.FrameOneofCase, FrameSchema>
    {
        [AgentFrame.FrameOneofCase.Hello] = Frame(EgressClass.Control,
            ("protocol", Sensitivity.Public, 0, "number of the protocol that the agent speaks"),
            ("environment", Sensitivity.Public, Words, "name of the environment"),
            ("agent_version", Sensitivity.Public, Words, "version of the agent"),
            ("size", Sensitivity.Public, 0, "how many entries it has verified"),
            ("root", Sensitivity.Public, 32, "root hash over them")),
        [AgentFrame.FrameOneofCase.Submit] = Frame(EgressClass.Ledger,
            ("entry_id", Sensitivity.Public, Words, "id of the entry"),
            ("envelope", Sensitivity.Sensitive, Entry.MaxBytes, "the signed entry; its fields by kind are below")),
        [AgentFrame.FrameOneofCase.Countersign] = Frame(EgressClass.Countersignature,
            ("checkpoint", Sensitivity.Public, LedgerLimits.NoteBytes, "the plane's checkpoint with the agent's signature added")),
        [AgentFrame.FrameOneofCase.Progress] = Frame(EgressClass.Progress,
            ("change", Sensitivity.Public, Words, "id of the running change"),
            ("step", Sensitivity.Public, 0, "number of the step"),
            ("steps", Sensitivity.Public, 0, "how many there are"),
            ("fraction", Sensitivity.Public, 0, "how far it is, 0 to 1"),
            ("message", Sensitivity.Sensitive, Line, "what it does, in a line")),
        [AgentFrame.FrameOneofCase.Status] = Frame(EgressClass.Observation,
            ("observation_json", Sensitivity.Sensitive, MaxObservation, "what the agent sees; its fields are below")),
        [AgentFrame.FrameOneofCase.Refuse] = Frame(EgressClass.Control,
            ("reason", Sensitivity.Public, Line, "why the agent follows this plane no longer"),
            ("detail", Sensitivity.Sensitive, Line * 4, "what it met, in words")),
        [AgentFrame.FrameOneofCase.Ping] = Frame(EgressClass.Control,
            ("unix_ms", Sensitivity.Public, 0, "the agent's clock")),
        [AgentFrame.FrameOneofCase.SessionOutput] = Frame(EgressClass.Session,
            ("session", Sensitivity.Public, Words, "id of the emergency session"),
            ("seq", Sensitivity.Public, 0, "which line of its recording"),
            ("line", Sensitivity.Sensitive, SessionLimits.MaxLineBytes, "what was typed or shown in it, as asciicast v2"),
            ("head", Sensitivity.Public, 32, "head of the recording's hash chain after it")),
        [AgentFrame.FrameOneofCase.BundlePart] = Frame(EgressClass.Bundle,
            ("session", Sensitivity.Public, Words, "id of the emergency session"),
            ("part", Sensitivity.Public, 0, "which part"),
            ("parts", Sensitivity.Public, 0, "of how many"),
            ("data", Sensitivity.Sensitive, MaxBundlePart, "a piece of a diagnostic bundle that the customer has seen and released")),
    }.ToFrozenDictionary();

    /// <summary>The largest observation; the plane takes no more either.</summary>
    internal const int MaxObservation = 256 * 1024;

    /// <summary>A piece of a bundle.</summary>
    internal const int MaxBundlePart = 64 * 1024;

    /// <summary>What leaves beside the stream: the words to the plane's front door and the request for another certificate.</summary>
    public static FrozenDictionary<string, FrozenDictionary<string, FrameField>> Requests { get; } = new Dictionary<string, FrozenDictionary<string, FrameField>>
    {
        ["join"] = Fields(
            ("environment", Sensitivity.Public, Words, "name of the environment"),
            ("envelope", Sensitivity.Sensitive, Entry.MaxBytes, "the agent's signed agent.joined entry"),
            ("csr", Sensitivity.Public, Line * 8, "request for a certificate: a public key"),
            ("proof", Sensitivity.Public, Line, "signature that shows that the agent itself asks")),
        ["renew"] = Fields(("csr_der", Sensitivity.Public, Line * 8, "request for a certificate: a public key")),
    }.ToFrozenDictionary();

    /// <summary>What is wrong with a frame as the protocol describes it; null when it fits.</summary>
    internal static string? Fault(AgentFrame frame)
    {
        if (!Frames.TryGetValue(frame.FrameCase, out var schema)) return $"frame '{frame.FrameCase}' is in no class";
        var bytes = frame.ToByteArray();
        if (Known.ParseFrom(bytes).CalculateSize() != bytes.Length) return $"{Name(frame)}: it has fields that this protocol does not know";
        return FieldFault(AgentFrame.Descriptor.FindFieldByNumber((int)frame.FrameCase).Accessor.GetValue(frame) as IMessage, schema.Fields, Name(frame), "");
    }

    /// <summary>The frame's name in the protocol.</summary>
    internal static string Name(AgentFrame frame) => AgentFrame.Descriptor.FindFieldByNumber((int)frame.FrameCase)?.Name ?? "nothing";

    /// <summary>What is wrong with an entry that wants to leave; null when nothing is. It has to be whole, the agent's own, of a known kind, classified in every field, and its secrets sealed.</summary>
    internal static string? Fault(Submit submit, PublicKey agent)
    {
        var read = Entry.Read(submit.Envelope.Memory);
        if (read.Entry is not { } entry) return $"submit.envelope: {read.Fault}";
        if (entry.Id != submit.EntryId) return $"submit.entry_id: it is not {entry.Id}, the id in the entry";
        if (entry.Author != agent) return $"submit.envelope: the entry is by {entry.Author.KeyId}, not by this agent";
        if (entry.Kind is not { } kind) return $"submit.envelope: kind '{entry.Body.Kind}' is not known";
        if (kind.Author == EntryAuthor.Person) return $"submit.envelope: kind {kind.Name} is a person's to write";
        var unclassified = EgressFields.Unclassified(entry.Body.Data, kind.Type, out var secrets);
        if (unclassified.Length > 0) return $"submit.envelope: {kind.Name}.{unclassified[0]} is not classified";
        foreach (var (path, value) in secrets)
        {
            if (value.ValueKind != JsonValueKind.String || !AgeFile.IsSealed(value.GetString()!)) return $"submit.envelope: {kind.Name}.{path} is secret and not sealed";
        }

        return null;
    }

    private static string? FieldFault(IMessage? message, FrozenDictionary<string, FrameField> table, string frame, string path)
    {
        if (message is null) return $"{frame}: it is empty";
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            var name = path + field.Name;
            var value = field.Accessor.GetValue(message);
            if (IsDefault(value)) continue;
            if (!table.TryGetValue(name, out var known) || known.Sensitivity == Sensitivity.Secret) return $"{frame}.{name}: it is not classified";
            if (field.IsRepeated || field.FieldType == FieldType.Message)
            {
                foreach (var each in field.IsRepeated ? ((System.Collections.IEnumerable)value).Cast<object>() : [value])
                {
                    if (each is IMessage inner && FieldFault(inner, table, frame, name + ".") is { } fault) return fault;
                    if (Length(each) > known.MaxBytes) return $"{frame}.{name}: it has {Length(each)} bytes, at most {known.MaxBytes} may leave";
                }
            }
            else if (Length(value) > known.MaxBytes)
            {
                return $"{frame}.{name}: it has {Length(value)} bytes, at most {known.MaxBytes} may leave";
            }
        }

        return null;
    }

    private static bool IsDefault(object? value) => value switch
    {
        null or "" or 0 or 0L or 0UL or 0u or 0.0 or false => true,
        ByteString bytes => bytes.IsEmpty,
        System.Collections.ICollection many => many.Count == 0,
        _ => false,
    };

    // Numbers have no length to speak of.
    private static int Length(object? value) => value switch
    {
        string text => System.Text.Encoding.UTF8.GetByteCount(text),
        ByteString bytes => bytes.Length,
        _ => 0,
    };

    private static MessageParser<AgentFrame> Known { get; } = AgentFrame.Parser.WithDiscardUnknownFields(true);

    private static FrameSchema Frame(EgressClass which, params (string Name, Sensitivity Sensitivity, int MaxBytes, string Meaning)[] fields) => new(which, Fields(fields));

    private static FrozenDictionary<string, FrameField> Fields(params (string Name, Sensitivity Sensitivity, int MaxBytes, string Meaning)[] fields) =>
        fields.ToFrozenDictionary(field => field.Name, field => new FrameField(field.Sensitivity, field.MaxBytes, field.Meaning));
}
