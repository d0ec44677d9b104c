using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>
/// The rows of one segment as a file of blocks: column by column, vectors as they stand in memory, so that they are mapped
/// and not read. The description names type and dimension of each field; a field that was added later is not in the file, and one
/// that was dropped may be in it with its values or as a place without any.
/// </summary>
internal static class SegmentFile
{
    /// <summary>How such a file is called; one of format 2 and older ends in .dat and is a message.</summary>
    public const string Extension = ".seg";

    /// <summary>The description belongs to no field.</summary>
    private const int NoField = ushort.MaxValue;

    public static void Write(Disk disk, string path, SegmentView view, CollectionDefinition definition)
    {
        // The segment may have got fields since the checkpoint was taken; what is written is what its manifest tells of.
        var columns = view.Segment.Columns.AsSpan(0, Math.Min(view.Segment.Columns.Length, definition.Fields.Count));
        using var writer = new BlockWriter(disk, path);
        var described = new int[2 * columns.Length];
        for (var i = 0; i < columns.Length; i++)
        {
            (described[2 * i], described[(2 * i) + 1]) = Describe(columns[i].Field);
        }

        writer.Block<int>(BlockKind.Description, NoField, described);
        for (var i = 0; i < columns.Length; i++)
        {
            columns[i].WriteTo(writer, i, view.Count);
        }

        writer.Commit(BlockFormat.SegmentMagic, new BlockFileIdentity(definition.Id, view.Segment.Id, view.Count));
    }

    /// <summary>The name of the file with a segment's first rows, under one version of the schema. Rows never change, so one file of that name has the content of any other.</summary>
    public static string Name(long segment, int rows, int schema) =>
        string.Create(CultureInfo.InvariantCulture, $"segment-{segment:x16}-{rows:x8}") + (schema == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"-{schema:x4}")) + Extension;

    /// <summary>Whose rows the file that a manifest names says it holds.</summary>
    public static BlockFileIdentity IdentityOf(CollectionDefinition definition, StoredSegment stored) => stored.OriginSegmentId == 0
        ? new BlockFileIdentity(definition.Id, stored.SegmentId, stored.RowCount)
        : new BlockFileIdentity(stored.OriginCollectionId, stored.OriginSegmentId, stored.RowCount);

    /// <summary>Opens a file and holds it against what the manifest and the schema say.</summary>
    public static BlockFile Open(string path, CollectionDefinition definition, StoredSegment stored, IWholeFiles? bucket = null)
    {
        var file = BlockFile.Open(path, BlockFormat.SegmentMagic, bucket);
        if (file.Identity != IdentityOf(definition, stored))
        {
            throw new DamagedDataException(path, 0, "the segment is not the one its manifest names");
        }

        var described = file.Read<int>(BlockKind.Description, NoField);
        var fields = described.Length / 2;
        if (described.Length % 2 != 0)
        {
            throw new DamagedDataException(path, 0, "the segment's description of its fields is cut short");
        }

        // A snapshot, or a checkpoint that was taken before the last field was added, may name a file that was written after
        // it: such fields stand at the end and hold nothing but defaults, and what adds them is still to be done again.
        for (var i = 0; i < Math.Min(fields, definition.Fields.Count); i++)
        {
            if (!definition.Fields[i].IsDropped && (described[2 * i], described[(2 * i) + 1]) != Describe(definition.Fields[i]))
            {
                throw new DamagedDataException(path, 0, $"the segment's field {i} is not {definition.Fields[i].Name} as its collection has it");
            }
        }

        file.Lacks(IsDense(described));
        return file;
    }

    /// <summary>Which fields of a file are dense vectors: what a part is without. All others stand in memory, and a start reads them.</summary>
    public static Func<int, bool> IsDense(BlockFile file) => IsDense(file.Read<int>(BlockKind.Description, NoField));

    public static int Fields(BlockFile file) => (int)file.Count(BlockKind.Description, NoField) / 2;

    /// <summary>Whether the file has a field's values, and not only its place.</summary>
    public static bool Holds(BlockFile file, int field) => file.Read<int>(BlockKind.Description, NoField) is var described && (2 * field) + 1 < described.Length && described[2 * field] != 0;

    private static Func<int, bool> IsDense(int[] described) =>
        field => (2 * field) + 1 < described.Length && (DataType)(described[2 * field] & ushort.MaxValue) is DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector;

    /// <summary>The type, of arrays with that of their elements in the upper half, and the dimension.</summary>
    private static (int Type, int Dimension) Describe(FieldDefinition field) => ((int)field.Type | ((int)field.ElementType << 16), field.Dimension);
}
