using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// One point of a space, asked how far each row is from it; smaller is nearer. A struct, so that the graph's loops are
/// compiled for each kind with the distance inside them.
/// </summary>
internal interface IPoint
{
    float To(int row);

    void Prefetch(int row);
}

/// <summary>The rows of one index as a space in which distances are asked for.</summary>
internal interface ISpace<TPoint>
    where TPoint : struct, IPoint
{
    TPoint At(int row);
}

/// <summary>Squared distance over the column's own float32 rows.</summary>
internal readonly struct FloatL2Point(float[] query, int at, float[] rows, int dimension) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row) => Kernels.SquaredDistance(ref Floats.At(query, at), ref Floats.At(rows, (nint)row * dimension), dimension);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref Floats.At(rows, (nint)row * dimension), dimension * sizeof(float));
}

internal readonly struct FloatL2Space(float[] rows, int dimension) : ISpace<FloatL2Point>
{
    public FloatL2Point At(int row) => new(rows, row * dimension, rows, dimension);

    public FloatL2Point At(float[] query) => new(query, 0, rows, dimension);
}

/// <summary>Negated inner product over float32 rows; with norms it is the negated cosine.</summary>
internal readonly struct FloatDotPoint(float[] query, int at, float scale, float[] rows, float[]? norms, int dimension) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row)
    {
        var dot = Kernels.Dot(ref Floats.At(query, at), ref Floats.At(rows, (nint)row * dimension), dimension);
        return norms is null ? -dot : -dot * scale / Math.Max(norms[row], float.Epsilon);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref Floats.At(rows, (nint)row * dimension), dimension * sizeof(float));
}

internal readonly struct FloatDotSpace(float[] rows, float[]? norms, int dimension) : ISpace<FloatDotPoint>
{
    public FloatDotPoint At(int row) => new(rows, row * dimension, norms is null ? 1 : 1 / Math.Max(norms[row], float.Epsilon), rows, norms, dimension);

    /// <summary>A query's own length changes no order, so it is left out.</summary>
    public FloatDotPoint At(float[] query) => new(query, 0, 1, rows, norms, dimension);
}

/// <summary>Squared distance or negated inner product over int8 codes.</summary>
internal readonly struct CodePoint(AlignedArray<sbyte> query, int at, AlignedArray<sbyte> codes, int stride, bool dot) : IPoint
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float To(int row) => dot
        ? -Kernels.Dot(ref query.At(at), ref codes.At((nint)row * stride), stride)
        : Kernels.SquaredDistance(ref query.At(at), ref codes.At((nint)row * stride), stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row) => Cache.Prefetch(ref codes.At((nint)row * stride), stride);
}

internal readonly struct CodeSpace(AlignedArray<sbyte> codes, int stride, bool dot) : ISpace<CodePoint>
{
    public CodePoint At(int row) => new(codes, row * stride, codes, stride, dot);

    public CodePoint At(AlignedArray<sbyte> query) => new(query, 0, codes, stride, dot);
}

internal static class Floats
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref float At(float[] values, nint index) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(values), index);
}
