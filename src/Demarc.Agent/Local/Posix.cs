using System.Runtime.InteropServices;

namespace Demarc.Agent.Local;

/// <summary>
/// The few system calls that the base library does not offer: a process in a session of its own with its output in a file, signals by process id,
/// the end of a child, and a durable directory. Constants are Linux's, the same on x64 and Arm64.
/// </summary>
internal static unsafe partial class Posix
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    private const int SigPipe = 13;
    private const int ReadOnly = 0;
    private const int DirectoryOnly = 0x10000 | 0x80000;
    private const int AppendOrCreate = 0x1 | 0x40 | 0x400;
    private const int OwnerReadWrite = 0x180;
    private const short SetSignalDefaults = 0x04;
    private const short SetSignalMask = 0x08;
    private const short SetSession = 0x80;
    private const int NoHang = 1;
    private const int Interrupted = 4;

    // Larger than the opaque structures of glibc and musl, which only their own functions read.
    private const int Opaque = 1024;

    /// <summary>Starts a program; returns once it runs. Throws with the system's words when it cannot.</summary>
    public static int Spawn(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, string outputFile) =>
        Spawn(path, arguments, environment, outputFile, -1);

    /// <summary>The same, with its output in an open handle, which is closed to it but as its output.</summary>
    public static int Spawn(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, int output) =>
        Spawn(path, arguments, environment, null, output);

    private static int Spawn(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, string? outputFile, int output)
    {
        var actions = (byte*)NativeMemory.AllocZeroed(Opaque);
        var attributes = (byte*)NativeMemory.AllocZeroed(Opaque);
        var signals = (byte*)NativeMemory.AllocZeroed(Opaque);
        var argv = Strings([path, .. arguments]);
        var envp = Strings(environment);
        try
        {
            Check(posix_spawn_file_actions_init(actions), "prepare");
            Check(posix_spawnattr_init(attributes), "prepare");
            Check(posix_spawn_file_actions_addopen(actions, 0, "/dev/null", ReadOnly, 0), "prepare");
            if (outputFile is null) Check(posix_spawn_file_actions_adddup2(actions, output, 1), "prepare");
            else Check(posix_spawn_file_actions_addopen(actions, 1, outputFile, AppendOrCreate, OwnerReadWrite), "prepare");
            Check(posix_spawn_file_actions_adddup2(actions, 1, 2), "prepare");
            Check(posix_spawn_file_actions_addchdir_np(actions, "/"), "prepare");
            Check(posix_spawnattr_setsigmask(attributes, signals), "prepare");
            _ = sigaddset(signals, SigPipe);
            Check(posix_spawnattr_setsigdefault(attributes, signals), "prepare");
            Check(posix_spawnattr_setflags(attributes, SetSignalDefaults | SetSignalMask | SetSession), "prepare");
            Check(posix_spawn(out var pid, path, actions, attributes, argv, envp), $"start {path}");
            return pid;
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
            Free(argv);
            Free(envp);
            NativeMemory.Free(actions);
            NativeMemory.Free(attributes);
            NativeMemory.Free(signals);
        }
    }

    /// <summary>Sends a signal; false when there is no such process.</summary>
    public static bool Signal(int pid, int signal) => kill(pid, signal) == 0;

    /// <summary>Whether this process may become another user: it is root's.</summary>
    public static bool IsRoot => geteuid() == 0;

    /// <summary>Waits until a child has ended, for as long as that takes; its exit code, or 128 and the signal's number.</summary>
    public static int Wait(int pid)
    {
        int got;
        int status;
        do got = waitpid(pid, out status, 0);
        while (got < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        if (got < 0) return -1;
        return (status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f);
    }

    /// <summary>Collects a child that has ended; its end in words, or null while it lives.</summary>
    public static string? Collect(int pid)
    {
        var got = waitpid(pid, out var status, NoHang);
        if (got == 0) return null;
        if (got < 0) return "it was collected elsewhere";
        var signal = status & 0x7f;
        return signal == 0 ? $"exit code {status >> 8 & 0xff}" : $"signal {signal}";
    }

    /// <summary>Makes what was created, renamed or removed in a directory durable.</summary>
    public static void SyncDirectory(string path)
    {
        var handle = open(path, DirectoryOnly, 0);
        if (handle < 0) throw new IOException($"cannot open {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        var result = fsync(handle);
        var error = Marshal.GetLastPInvokeError();
        _ = close(handle);
        if (result != 0) throw new IOException($"cannot sync {path}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static void Check(int error, string what)
    {
        if (error != 0) throw new IOException($"cannot {what}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static byte** Strings(IReadOnlyList<string> texts)
    {
        var result = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++) result[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        return result;
    }

    private static void Free(byte** texts)
    {
        for (var at = texts; *at is not null; at++) Marshal.FreeCoTaskMem((nint)(*at));
        NativeMemory.Free(texts);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(out int pid, string path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addopen(byte* actions, int handle, string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int handle, int copy);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addchdir_np(byte* actions, string path);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int sigaddset(byte* signals, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, out int status, int options);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int handle);

    [LibraryImport("libc")]
    private static partial int close(int handle);
}
