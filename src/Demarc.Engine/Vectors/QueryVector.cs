using Demarc.Engine.Text;

namespace Demarc.Engine.Vectors;

/// <summary>One vector to search by. Which parts are filled follows from the field's type.</summary>
/// <param name="Floats">The values of a dense vector, whatever its width on the wire; empty for binary and sparse ones.</param>
/// <param name="Bytes">A binary vector's bits, an int8 vector's values; otherwise empty.</param>
/// <param name="Indexes">A sparse vector's indexes, ascending; otherwise empty.</param>
/// <param name="Values">A sparse vector's values; otherwise empty.</param>
internal sealed record QueryVector(float[] Floats, byte[] Bytes, uint[] Indexes, float[] Values)
{
    /// <summary>Set when the values weigh words of a text and rows hold word counts.</summary>
    public Bm25Shape? Shape { get; init; }

    public static QueryVector Dense(float[] floats) => new(floats, [], [], []);

    public static QueryVector Binary(byte[] bits) => new([], bits, [], []);

    public static QueryVector Sparse(uint[] indexes, float[] values) => new([], [], indexes, values);
}
