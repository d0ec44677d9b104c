using System.Collections;
using System.Runtime.InteropServices;

namespace Demarc.Cli.Quickstart;

/// <summary>
/// Starts a program in a session of its own with its output in a file, so that it outlives the command and its terminal. The base library
/// offers neither; the constants are those of Linux, where the quickstart runs.
/// </summary>
internal static unsafe partial class Detached
{
    public const int Terminate = 15;
    public const int Kill = 9;

    private const int AppendOrCreate = 0x1 | 0x40 | 0x400;
    private const int OwnerReadWrite = 0x180;
    private const short NewSession = 0x80;

    // The library's own structures are smaller; only its functions look inside.
    private const int Opaque = 1024;

    /// <summary>Starts it and gives its process id; throws with the system's words when it cannot.</summary>
    public static int Start(string program, IReadOnlyList<string> arguments, string outputFile)
    {
        var actions = (byte*)NativeMemory.AllocZeroed(Opaque);
        var attributes = (byte*)NativeMemory.AllocZeroed(Opaque);
        var argv = Texts([program, .. arguments]);
        var envp = Texts([.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}")]);
        try
        {
            Check(posix_spawn_file_actions_init(actions), program);
            Check(posix_spawnattr_init(attributes), program);
            Check(posix_spawn_file_actions_addopen(actions, 0, "/dev/null", 0, 0), program);
            Check(posix_spawn_file_actions_addopen(actions, 1, outputFile, AppendOrCreate, OwnerReadWrite), program);
            Check(posix_spawn_file_actions_adddup2(actions, 1, 2), program);
            Check(posix_spawnattr_setflags(attributes, NewSession), program);
            Check(posix_spawn(out var pid, program, actions, attributes, argv, envp), program);
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
        }
    }

    /// <summary>Sends a signal; false when there is no such process, or it is not ours.</summary>
    public static bool Signal(int pid, int signal) => kill(pid, signal) == 0;

    private static void Check(int error, string program)
    {
        if (error != 0) throw new CommandFailedException(ExitCodes.Failed, $"{program} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}.", "Is it there, and executable? Name the folder of the programs with --binaries.");
    }

    private static byte** Texts(IReadOnlyList<string> texts)
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

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
