namespace Demarc.Engine.Imports;

/// <summary>How a value is written in a Parquet file; the numbers are the format's.</summary>
internal enum ParquetType
{
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Int96 = 3,
    Float = 4,
    Double = 5,
    Bytes = 6,
    FixedBytes = 7,
}

/// <summary>One leaf of a Parquet schema.</summary>
/// <param name="Path">The names from the top to it.</param>
/// <param name="Type">How its values are written.</param>
/// <param name="Width">Of values of fixed length: their bytes.</param>
/// <param name="Definition">The level of a value that is there.</param>
/// <param name="Lists">The definition level from which each list on the way has an element, outermost first.</param>
/// <param name="TopOptional">Whether the outermost name may be null as a whole.</param>
internal sealed record ParquetLeaf(IReadOnlyList<string> Path, ParquetType Type, int Width, int Definition, IReadOnlyList<int> Lists, bool TopOptional);

/// <summary>The values of one leaf in one row group, and where they stand: a level of repetition and one of definition for each place.</summary>
internal sealed class ParquetColumn(ParquetLeaf leaf)
{
    public ParquetLeaf Leaf => leaf;

    /// <summary>0 where a row begins, otherwise the list that goes on; empty for leaves in no list.</summary>
    public List<byte> Repetitions { get; } = [];

    /// <summary>How much of the path is there; empty for leaves that always are.</summary>
    public List<byte> Definitions { get; } = [];

    /// <summary>Booleans and whole numbers.</summary>
    public List<long> Whole { get; } = [];

    /// <summary>Fractions of either width.</summary>
    public List<double> Fractions { get; } = [];

    public List<byte[]> Bytes { get; } = [];

    public int Places { get; set; }

    public bool Present(int place) => Definitions.Count == 0 || Definitions[place] == leaf.Definition;
}
