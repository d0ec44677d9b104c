using System.Globalization;
using System.Runtime.InteropServices;
using Demarc.Agent.Local;

namespace Demarc.Tests.Steps;

/// <summary>Real folders and files in a temporary place, and real processes of a tiny program that takes an engine's arguments and waits.</summary>
public sealed class RealWorld : IDisposable
{
    // It marks its data as used, as an engine does, keeps its arguments where /proc shows them, starts nothing else, and waits until it is ended.
    private const string Program = """
        #!/bin/sh
        : > "$2/engine.json"
        exec 3<>"${0%/*}/wait"
        read -r nothing <&3
        """;

    private readonly string root = Directory.CreateTempSubdirectory("demarc-steps-").FullName;
    private readonly EngineProcesses processes;

    public RealWorld()
    {
        Directory.CreateDirectory(Path.Combine(root, "bucket"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var engine = Path.Combine(root, "engine.sh");
        File.WriteAllText(engine, Program + "\n");
        File.SetUnixFileMode(engine, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal(0, MakeFifo(Path.Combine(root, "wait"), 0x180));
        var folders = new BucketFolder(Path.Combine(root, "bucket"));
        processes = new EngineProcesses(engine, folders);
        World = new StepWorld(folders, processes, new PrivateFiles(Path.Combine(root, "private")), new FakeProbe(processes), Describe);
    }

    public StepWorld World { get; }

    public void Dispose()
    {
        foreach (var process in processes.List()) processes.Kill(process);
        while (processes.List().Count > 0)
        {
            // Killed processes are gone when the kernel says so.
        }

        Directory.Delete(root, recursive: true);
    }

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi)]
    private static extern int MakeFifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int mode);

    private string Describe()
    {
        var lines = Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) is not ("start.json" or "stop.json" or "engine.json" or "engine.out" or "engine.log" or "instances" or "recycle" or "private" or "wait"))
            // The folder of an instance's private files stays when they are gone.
            .Where(path => !path.Contains("/private/", StringComparison.Ordinal) || File.Exists(path))
            .Select(path => $"{path[root.Length..]} {(File.Exists(path) ? File.ReadAllText(path) : "")} {File.GetUnixFileMode(path)}");
        var living = processes.List().Select(process => string.Create(CultureInfo.InvariantCulture, $"{process.Instance}:{process.Port}:{process.MemoryMib}"));
        return string.Join("\n", [.. lines.Order(StringComparer.Ordinal), .. living.Order(StringComparer.Ordinal)]);
    }
}
