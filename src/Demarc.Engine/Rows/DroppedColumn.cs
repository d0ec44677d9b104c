using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>The place of a dropped field, so that the columns behind it keep theirs. It takes whatever comes and holds nothing.</summary>
internal sealed class DroppedColumn(FieldDefinition field) : Column(field)
{
    protected override void AppendValues(FieldData source, int from, int count)
    {
        // A write that was made ready before the drop brings values; nobody asks for them.
    }

    protected override void AppendValueFrom(Column source, int row)
    {
        // Moved rows leave them behind.
    }

    protected override void WriteValue(FieldData target, int row) => throw new InvalidOperationException("A dropped field has no values to show.");

    protected override void WriteValues(BlockWriter to, int field, int rows)
    {
        // Its description says that there are none.
    }

    protected override void ReadValues(BlockFile from, int field, int rows)
    {
        // Those in the file are passed over.
    }
}
