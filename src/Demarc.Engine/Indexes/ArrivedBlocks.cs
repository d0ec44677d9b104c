using System.Runtime.CompilerServices;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Blocks of rows with their codes, one after another in stretches of memory. One thread adds to them while others read what they were
/// told of before; nothing that was written changes.
/// </summary>
internal sealed class ArrivedBlocks(int stride)
{
    public const int BlockRows = 32;

    /// <summary>Blocks of one stretch: 4,096 rows.</summary>
    private const int StretchBlocks = 128;

    private Stretch[] stretches = [];
    private int used;
    private float longestCode;

    public long Bytes => Volatile.Read(ref stretches).Sum(s => s.Codes.Bytes + s.Rows.Bytes + s.Errors.Bytes);

    /// <summary>The length of the longest code of all, in steps.</summary>
    public float LongestCode => Volatile.Read(ref longestCode);

    public Block this[int block] => new(Volatile.Read(ref stretches)[block / StretchBlocks], block % StretchBlocks * BlockRows, stride);

    /// <summary>A block that nothing is in yet.</summary>
    public int Next()
    {
        if (used % StretchBlocks == 0)
        {
            const int rows = StretchBlocks * BlockRows;
            Volatile.Write(ref stretches, [.. stretches, new Stretch(new FlatMemory<sbyte>(rows * stride, zeroed: false), new FlatMemory<int>(rows), new FlatMemory<float>(rows))]);
        }

        return used++;
    }

    /// <param name="block">Which block.</param>
    /// <param name="at">Which place in it.</param>
    /// <param name="row">The row's number.</param>
    /// <param name="coder">What gives the code.</param>
    /// <param name="wide">The row's values, normalised.</param>
    public void Write(int block, int at, int row, Int8Coder coder, ReadOnlySpan<float> wide)
    {
        var stretch = stretches[block / StretchBlocks];
        var place = (block % StretchBlocks * BlockRows) + at;
        var code = stretch.Codes.AsSpan(place * stride, stride);
        stretch.Errors[place] = coder.EncodeAtDistance(wide, code);
        stretch.Rows[place] = row;
        if (coder.ByDot)
        {
            var length = MathF.Sqrt(Vectors.Kernels.Dot(ref code[0], ref code[0], stride));
            Volatile.Write(ref longestCode, Math.Max(longestCode, length));
        }
    }

    internal sealed record Stretch(FlatMemory<sbyte> Codes, FlatMemory<int> Rows, FlatMemory<float> Errors);

    /// <summary>The places of one block.</summary>
    internal readonly struct Block(Stretch stretch, int first, int stride)
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Row(int at) => stretch.Rows.At(first + at);

        /// <summary>How far the code is from its row, in steps.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Error(int at) => stretch.Errors.At(first + at);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref sbyte Code(int at) => ref stretch.Codes.At((nint)(first + at) * stride);
    }
}
