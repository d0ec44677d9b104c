using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Demarc.Engine.Indexes;

/// <summary>Asks for memory before it is needed. Where the processor has no such instruction nothing happens.</summary>
internal static unsafe class Cache
{
    private const int LineBytes = 64;

    /// <summary>Lines asked for at most, of a row of 512 floats; what follows them the processor's own prefetcher finds. Measured: with 8 a walk at 768 dimensions is a seventh slower, with 48 no quicker.</summary>
    private const int MostLines = 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch<T>(ref T first, int bytes)
    {
        if (Sse.IsSupported)
        {
            var address = (byte*)Unsafe.AsPointer(ref first);
            var most = Math.Min(bytes, MostLines * LineBytes);
            for (var at = 0; at < most; at += LineBytes)
            {
                Sse.Prefetch0(address + at);
            }
        }
    }
}
