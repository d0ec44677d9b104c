using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Demarc.Engine.Indexes;

/// <summary>
/// An array whose first element stands at the beginning of a cache line, so that a row of 128 bytes touches two lines and
/// not three. The collector must not move it, hence pinned.
/// </summary>
internal sealed class AlignedArray<T>
    where T : unmanaged
{
    private const int LineBytes = 64;
    private readonly T[] room;
    private readonly int offset;

    public AlignedArray(int length)
    {
        Length = length;
        room = LargePages.Advise(GC.AllocateUninitializedArray<T>(length + (LineBytes / Unsafe.SizeOf<T>()), pinned: true));
        Array.Clear(room);
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(room, 0);
        offset = (int)((LineBytes - (address & (LineBytes - 1))) & (LineBytes - 1)) / Unsafe.SizeOf<T>();
    }

    public int Length { get; }

    public long Bytes => (long)room.Length * Unsafe.SizeOf<T>();

    public Span<T> Span => room.AsSpan(offset, Length);

    /// <summary>Not checked against the length: the inner loops take ids from the structure itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T At(nint index) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(room), offset + index);
}
