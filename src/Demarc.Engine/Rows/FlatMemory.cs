using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;

namespace Demarc.Engine.Rows;

/// <summary>
/// Numbers end to end that stand still: in an array that the collector does not move, or in a mapped file, which only can
/// be read. Both are reached by the same pointer, so that the inner loops do not know which it is. The first one stands at
/// the beginning of a cache line, so that a row of 128 bytes touches two lines and not three.
/// </summary>
/// <remarks>
/// What the pointer points to lives as long as this object. A loop that only has the pointer in its hands must keep the
/// object alive to its end (<see cref="GC.KeepAlive"/>).
/// </remarks>
internal sealed unsafe class FlatMemory<T>
    where T : unmanaged
{
    private const int LineBytes = 64;

    private readonly T[]? room;
    private readonly int offset;
    private readonly MappedFile? file;
    private readonly T* first;

    /// <summary>Memory of the process.</summary>
    /// <param name="length">How many.</param>
    /// <param name="zeroed">Whether they are zeros; otherwise all of it is about to be written.</param>
    public FlatMemory(int length, bool zeroed = true)
    {
        Length = length;
        room = LargePages.Advise(GC.AllocateUninitializedArray<T>(length + (LineBytes / sizeof(T)), pinned: true));
        if (zeroed)
        {
            Array.Clear(room);
        }

        var address = Marshal.UnsafeAddrOfPinnedArrayElement(room, 0);
        offset = (int)((LineBytes - (address & (LineBytes - 1))) & (LineBytes - 1)) / sizeof(T);
        first = (T*)address + offset;
    }

    /// <summary>A stretch of a mapped file.</summary>
    public FlatMemory(MappedFile file, long at, int length)
    {
        (this.file, Length) = (file, length);
        first = (T*)(file.First + at);
    }

    public static FlatMemory<T> Empty { get; } = new(0);

    public int Length { get; }

    public bool IsMapped => file is not null;

    /// <summary>Bytes of the process's own memory; a mapped file's pages are the system's to take back.</summary>
    public long Bytes => room is null ? 0 : (long)room.Length * sizeof(T);

    public Span<T> Span => room is null ? new Span<T>(first, Length) : room.AsSpan(offset, Length);

    public ref T this[int index] => ref Span[index];

    public Span<T> AsSpan(int from, int length) => Span.Slice(from, length);

    public static FlatMemory<T> Of(ReadOnlySpan<T> values)
    {
        var memory = new FlatMemory<T>(values.Length, zeroed: false);
        values.CopyTo(memory.Span);
        return memory;
    }

    /// <summary>Not checked against the length: the inner loops take places from the structure itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T At(nint index) => ref first[index];
}
