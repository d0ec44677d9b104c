using System.Runtime.CompilerServices;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// One point of a space, asked how far each row is from it; smaller is nearer. A struct, so that the graph's loops are
/// compiled for each kind with the distance inside them.
/// </summary>
internal interface IPoint
{
    float To(int row);

    /// <summary>The same for a row that is wanted only if it is nearer: what is above the bound may be told as any other number above it.</summary>
    float To(int row, float bound);

    void Prefetch(int row);
}

/// <summary>The rows of one index as a space in which distances are asked for.</summary>
internal interface ISpace<TPoint>
    where TPoint : struct, IPoint
{
    TPoint At(int row);
}

/// <summary>Squared distance over the column's own float32 rows.</summary>
internal readonly struct FloatL2Point(FlatMemory<float> query, nint at, FlatMemory<float> rows, int dimension) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row) => Kernels.SquaredDistance(ref query.At(at), ref rows.At((nint)row * dimension), dimension);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row, float bound) => Kernels.SquaredDistance(ref query.At(at), ref rows.At((nint)row * dimension), dimension, bound);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref rows.At((nint)row * dimension), dimension * sizeof(float));
}

internal readonly struct FloatL2Space(FlatMemory<float> rows, int dimension) : ISpace<FloatL2Point>
{
    public FloatL2Point At(int row) => new(rows, (nint)row * dimension, rows, dimension);

    public FloatL2Point At(FlatMemory<float> query) => new(query, 0, rows, dimension);
}

/// <summary>Negated inner product over float32 rows; with norms it is the negated cosine.</summary>
internal readonly struct FloatDotPoint(FlatMemory<float> query, nint at, float scale, FlatMemory<float> rows, FlatMemory<float>? norms, int dimension) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row)
    {
        var dot = Kernels.Dot(ref query.At(at), ref rows.At((nint)row * dimension), dimension);
        return norms is null ? -dot : -dot * scale / Math.Max(norms.At(row), float.Epsilon);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row, float bound) => To(row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref rows.At((nint)row * dimension), dimension * sizeof(float));
}

internal readonly struct FloatDotSpace(FlatMemory<float> rows, FlatMemory<float>? norms, int dimension) : ISpace<FloatDotPoint>
{
    public FloatDotPoint At(int row) => new(rows, (nint)row * dimension, norms is null ? 1 : 1 / Math.Max(norms.At(row), float.Epsilon), rows, norms, dimension);

    /// <summary>A query's own length changes no order, so it is left out.</summary>
    public FloatDotPoint At(FlatMemory<float> query) => new(query, 0, 1, rows, norms, dimension);
}

/// <summary>Squared distance or negated inner product over int8 codes.</summary>
internal readonly struct CodePoint(FlatMemory<sbyte> query, nint at, FlatMemory<sbyte> codes, int stride, bool dot) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row) => dot
        ? -Kernels.Dot(ref query.At(at), ref codes.At((nint)row * stride), stride)
        : Kernels.SquaredDistance(ref query.At(at), ref codes.At((nint)row * stride), stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row, float bound) => To(row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref codes.At((nint)row * stride), stride);
}

internal readonly struct CodeSpace(FlatMemory<sbyte> codes, int stride, bool dot) : ISpace<CodePoint>
{
    public CodePoint At(int row) => new(codes, (nint)row * stride, codes, stride, dot);

    public CodePoint At(FlatMemory<sbyte> query) => new(query, 0, codes, stride, dot);
}
