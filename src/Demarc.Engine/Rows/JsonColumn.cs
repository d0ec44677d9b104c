using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>JSON as the UTF-8 the client sent: what comes out is byte for byte what went in.</summary>
internal sealed class JsonColumn(FieldDefinition field) : ValueColumn<ByteString>(field, sizeof(long))
{
    private const int ObjectBytes = 64;

    protected override void AppendValues(FieldData source, int from, int count)
    {
        var room = Room(count);
        for (var i = 0; i < count; i++)
        {
            room[i] = source.Scalars.JsonData.Data[from + i];
            Bytes += ObjectBytes + room[i].Length;
        }
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        base.AppendValueFrom(source, row);
        Bytes += ObjectBytes + ((JsonColumn)source).Values[row].Length;
    }

    protected override void WriteValue(FieldData target, int row) => target.Scalars.JsonData.Data.Add(Values[row]);

    protected override void WriteValues(BlockWriter to, int field, int rows) => TextBlocks.Write(to, field, Values[..rows]);

    protected override void ReadValues(BlockFile from, int field, int rows)
    {
        var texts = TextBlocks.Open(from, BlockKind.Offsets, field, rows);
        TakeLater(texts.ToByteStrings, (rows * (long)(sizeof(long) + ObjectBytes)) + texts.Bytes);
    }
}
