using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Asks the system to back large arrays with large pages. A walk jumps through hundreds of megabytes, and with pages of
/// 4 KiB each jump also waits for an address translation. It is advice only: where it is not taken all works as before.
/// </summary>
internal static partial class LargePages
{
    private const int PageBytes = 4096;
    private const int LargeBytes = 2 * 1024 * 1024;

    /// <summary>Linux's MADV_HUGEPAGE.</summary>
    private const int HugePage = 14;

    /// <summary>To be called before the array is first written to: pages that are there already stay small.</summary>
    public static unsafe T[] Advise<T>(T[] array)
        where T : unmanaged
    {
        var bytes = (long)array.Length * sizeof(T);
        if (OperatingSystem.IsLinux() && bytes >= 2 * LargeBytes)
        {
            // Arrays of this size stay where they are, and if one were moved the advice would only be wasted.
            var first = ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array)) + PageBytes - 1) & ~(nint)(PageBytes - 1);
            _ = Advise(first, (nint)bytes - PageBytes & ~(nint)(PageBytes - 1), HugePage);
        }

        return array;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint length, int advice);
}
