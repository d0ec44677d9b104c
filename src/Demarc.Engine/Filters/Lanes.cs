using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Demarc.Engine.Filters;

/// <summary>Comparisons of many values with one at a time: 64 results are one word of the set. A word without rows is skipped.</summary>
internal static class Lanes
{
    private interface IRelation<T>
    {
        static abstract Vector256<T> Of(Vector256<T> a, Vector256<T> b);

        static abstract bool Of(T a, T b);
    }

    public static void Keep<T>(ReadOnlySpan<T> values, T value, Comparison operation, Span<ulong> rows)
        where T : struct, INumber<T>
    {
        switch (operation)
        {
            case Comparison.Equal:
                Keep<T, Equal<T>>(values, value, 0, rows);
                break;
            case Comparison.NotEqual:
                Keep<T, Equal<T>>(values, value, ulong.MaxValue, rows);
                break;
            case Comparison.Less:
                Keep<T, Less<T>>(values, value, 0, rows);
                break;
            case Comparison.GreaterOrEqual:
                Keep<T, Less<T>>(values, value, ulong.MaxValue, rows);
                break;
            case Comparison.LessOrEqual:
                Keep<T, LessOrEqual<T>>(values, value, 0, rows);
                break;
            case Comparison.Greater:
                Keep<T, LessOrEqual<T>>(values, value, ulong.MaxValue, rows);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(operation));
        }
    }

    public static void KeepListed(ReadOnlySpan<long> values, ReadOnlySpan<long> list, bool wanted, Span<ulong> rows)
    {
        for (var word = 0; word < rows.Length; word++)
        {
            if (rows[word] == 0)
            {
                continue;
            }

            var found = 0UL;
            foreach (var value in list)
            {
                found |= Word<long, Equal<long>>(values, value, word << 6);
            }

            rows[word] &= wanted ? found : ~found;
        }
    }

    private static void Keep<T, TRelation>(ReadOnlySpan<T> values, T value, ulong turned, Span<ulong> rows)
        where T : struct, INumber<T>
        where TRelation : struct, IRelation<T>
    {
        for (var word = 0; word < rows.Length; word++)
        {
            if (rows[word] != 0)
            {
                rows[word] &= Word<T, TRelation>(values, value, word << 6) ^ turned;
            }
        }
    }

    /// <summary>One bit per value from <paramref name="from"/>, up to 64; beyond the end of the values the bits are clear.</summary>
    private static ulong Word<T, TRelation>(ReadOnlySpan<T> values, T value, int from)
        where T : struct, INumber<T>
        where TRelation : struct, IRelation<T>
    {
        var result = 0UL;
        var some = values.Slice(from, Math.Min(64, values.Length - from));
        var lane = 0;
        var wide = Vector256.Create(value);
        ref var first = ref MemoryMarshal.GetReference(some);
        for (; lane + Vector256<T>.Count <= some.Length; lane += Vector256<T>.Count)
        {
            result |= (ulong)TRelation.Of(Vector256.LoadUnsafe(ref first, (nuint)lane), wide).ExtractMostSignificantBits() << lane;
        }

        for (; lane < some.Length; lane++)
        {
            result |= TRelation.Of(some[lane], value) ? 1UL << lane : 0;
        }

        return result;
    }

    private readonly struct Equal<T> : IRelation<T>
        where T : struct, INumber<T>
    {
        public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b);

        public static bool Of(T a, T b) => a == b;
    }

    private readonly struct Less<T> : IRelation<T>
        where T : struct, INumber<T>
    {
        public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);

        public static bool Of(T a, T b) => a < b;
    }

    private readonly struct LessOrEqual<T> : IRelation<T>
        where T : struct, INumber<T>
    {
        public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b);

        public static bool Of(T a, T b) => a <= b;
    }
}
