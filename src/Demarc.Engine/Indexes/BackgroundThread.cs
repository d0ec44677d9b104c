using System.Runtime.InteropServices;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Threads that work when nobody asks for anything. The runtime's own thread priorities do nothing on Linux, so that a
/// build took half of each processor from the searches beside it; there a thread is made nice to the others instead.
/// </summary>
internal static partial class BackgroundThread
{
    private const int ThisThread = 0; // Linux's PRIO_PROCESS with 0 means the calling thread alone.
    private const int Nice = 15;

    public static Thread Start(string name, Action run)
    {
        var thread = new Thread(() =>
        {
            if (OperatingSystem.IsLinux())
            {
                _ = SetPriority(ThisThread, 0, Nice); // Advice: where it is refused, all works as before.
            }

            run();
        })
        { Name = name, IsBackground = true, Priority = ThreadPriority.BelowNormal };
        thread.Start();
        return thread;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int nice);
}
