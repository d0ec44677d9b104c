using System.Runtime.CompilerServices;

namespace Demarc.Engine.Vectors;

/// <summary>The plainest forms, for machines without wide vectors and for what is left over at the end of a row.</summary>
internal static class KernelsPortable
{
    public static float Dot(ref float a, ref float b, int length)
    {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        var i = 0;
        for (; i + 4 <= length; i += 4)
        {
            s0 += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
            s1 += Unsafe.Add(ref a, i + 1) * Unsafe.Add(ref b, i + 1);
            s2 += Unsafe.Add(ref a, i + 2) * Unsafe.Add(ref b, i + 2);
            s3 += Unsafe.Add(ref a, i + 3) * Unsafe.Add(ref b, i + 3);
        }

        for (; i < length; i++)
        {
            s0 += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        }

        return s0 + s1 + (s2 + s3);
    }

    public static float SquaredDistance(ref float a, ref float b, int length)
    {
        float s0 = 0, s1 = 0;
        var i = 0;
        for (; i + 2 <= length; i += 2)
        {
            var d0 = Unsafe.Add(ref a, i) - Unsafe.Add(ref b, i);
            var d1 = Unsafe.Add(ref a, i + 1) - Unsafe.Add(ref b, i + 1);
            s0 += d0 * d0;
            s1 += d1 * d1;
        }

        for (; i < length; i++)
        {
            var d = Unsafe.Add(ref a, i) - Unsafe.Add(ref b, i);
            s0 += d * d;
        }

        return s0 + s1;
    }

    public static int Dot(ref sbyte a, ref sbyte b, int length)
    {
        var sum = 0;
        for (var i = 0; i < length; i++)
        {
            sum += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        }

        return sum;
    }

    public static int SquaredDistance(ref sbyte a, ref sbyte b, int length)
    {
        var sum = 0;
        for (var i = 0; i < length; i++)
        {
            var d = Unsafe.Add(ref a, i) - Unsafe.Add(ref b, i);
            sum += d * d;
        }

        return sum;
    }
}
