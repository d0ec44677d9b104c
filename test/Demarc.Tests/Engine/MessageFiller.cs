using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Demarc.Tests.Engine;

/// <summary>Fills messages of any kind with what their fields can hold, names that mean something among it.</summary>
internal sealed class MessageFiller(Random random)
{
    private const int MostDepth = 5;

    private static readonly string[] Words =
        ["things", "things", "things", "vec", "id", "title", "maybe", "$meta", "info", "default", "_default", "part", "", " ", "root", "admin", "public", "*", "%", "a", "L2", "IP", "FLAT", "topk", "limit", "metric_type", "anns_field", "params", "-1", "0", "1", "1e999", "NaN", "true", "[]", "{}", "{\"a\":[", "id > 0", "id in [1,", "é", "\0", "\ud83d\ude00", "_x", "9x", "{\"type\":\"english\"}"];

    private static readonly long[] Numbers = [0, 1, 2, 3, 4, 5, 10, 100, -1, -2, 16384, 16385, 65536, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue, 1L << 40];

    public IMessage Fill(MessageDescriptor of, int depth = 0)
    {
        var message = of.Parser.ParseFrom(ReadOnlySpan<byte>.Empty.ToArray());
        foreach (var field in of.Fields.InFieldNumberOrder().Where(_ => random.Next(3) > 0))
        {
            Set(message, field, depth);
        }

        return message;
    }

    /// <summary>A good message with one or two of its fields, or of those further down, set to something else.</summary>
    public IMessage Disturb(IMessage sample)
    {
        var copy = sample.Descriptor.Parser.ParseFrom(sample.ToByteArray());
        for (var i = random.Next(1, 3); i > 0; i--)
        {
            var at = copy;
            for (var step = random.Next(4); step > 0; step--)
            {
                var inner = Inner(at).ToList();
                if (inner.Count > 0) at = inner[random.Next(inner.Count)];
            }

            var fields = at.Descriptor.Fields.InFieldNumberOrder();
            if (fields.Count > 0) Set(at, fields[random.Next(fields.Count)], 2);
        }

        return copy;
    }

    private static IEnumerable<IMessage> Inner(IMessage message) =>
        message.Descriptor.Fields.InFieldNumberOrder().Where(f => f.FieldType == FieldType.Message && !f.IsMap).SelectMany(f => f.Accessor.GetValue(message) switch
        {
            IMessage one => [one],
            IList many => many.Cast<IMessage>(),
            _ => [],
        });

    private void Set(IMessage message, FieldDescriptor field, int depth)
    {
        if (field.IsMap)
        {
            return;
        }

        if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            if (random.Next(3) == 0) list.Clear();
            for (var i = random.Next(4); i > 0; i--)
            {
                if (Value(field, depth) is { } value) list.Add(value);
            }
        }
        else if (Value(field, depth) is { } value)
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private object? Value(FieldDescriptor field, int depth)
    {
        var number = Numbers[random.Next(Numbers.Length)];
        switch (field.FieldType)
        {
            case FieldType.Message:
                return depth < MostDepth ? Fill(field.MessageType, depth + 1) : null;
            case FieldType.String:
                return random.Next(200) == 0 ? new string('x', 70_000) : Words[random.Next(Words.Length)];
            case FieldType.Bytes:
                var bytes = new byte[random.Next(40)];
                random.NextBytes(bytes);
                return ByteString.CopyFrom(bytes);
            case FieldType.Bool:
                return random.Next(2) == 0;
            case FieldType.Enum:
                var kind = random.Next(5) == 0 ? random.Next(-2, 200) : field.EnumType.Values[random.Next(field.EnumType.Values.Count)].Number;
                return Enum.ToObject(field.EnumType.ClrType, kind);
            case FieldType.Float:
                return random.Next(4) == 0 ? float.NaN : (float)number;
            case FieldType.Double:
                return random.Next(4) == 0 ? double.PositiveInfinity : number / 4.0;
            case FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64:
                return number;
            case FieldType.UInt64 or FieldType.Fixed64:
                return (ulong)number;
            case FieldType.UInt32 or FieldType.Fixed32:
                return (uint)number;
            default:
                return (int)number;
        }
    }
}
