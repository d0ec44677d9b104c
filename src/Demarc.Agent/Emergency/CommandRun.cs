using System.Globalization;
using System.IO.Pipes;
using System.Text;
using System.Threading.Channels;
using Demarc.Agent.Local;

namespace Demarc.Agent.Emergency;

/// <summary>
/// One confined command on its way. What it says comes as text; it is over when the program has ended, and cut when nothing of it runs any more: not the
/// program, not what it started, not what tried to leave its process group.
/// </summary>
public sealed class CommandRun : IDisposable
{
    // Enough for a screen or two: a program that says more waits until it was heard.
    private const int Pieces = 16;
    private const int PieceBytes = 2048;

    private readonly Confinement confinement;
    private readonly AnonymousPipeServerStream pipe = new(PipeDirection.In, HandleInheritability.None);
    private readonly Channel<string> said = Channel.CreateBounded<string>(Pieces);
    private readonly TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource cut = new();
    private int pid;

    private CommandRun(Confinement confinement) => this.confinement = confinement;

    /// <summary>What the program says, piece by piece; complete when it says nothing more.</summary>
    public ChannelReader<string> Said => said.Reader;

    /// <summary>The exit code of the program; 128 and more for a signal.</summary>
    public Task<int> Ended => ended.Task;

    /// <summary>Starts a program. Throws with the system's words when it cannot.</summary>
    public static CommandRun Start(Confinement confinement, string program, IReadOnlyList<string> arguments)
    {
        var run = new CommandRun(confinement);
        var started = new TaskCompletionSource();
        // The command dies with this thread: it is one of its own, which ends when the command has.
        var waiter = new Thread(() => run.Live(program, arguments, started)) { IsBackground = true, Name = "session command" };
        waiter.Start();
        started.Task.GetAwaiter().GetResult();
        _ = run.ListenAsync();
        return run;
    }

    /// <summary>Ends everything of it at once; true when nothing is left. Ask again until it is.</summary>
    public bool Cut()
    {
        cut.Cancel();
        if (!ended.Task.IsCompleted) Posix.Signal(-pid, Posix.SigKill);
        var left = Leftovers(confinement, pid);
        foreach (var victim in left) Posix.Signal(victim, Posix.SigKill);
        return left.Count == 0 && ended.Task.IsCompleted;
    }

    /// <summary>What still runs of a command: what belongs to its account, and what descends from it or shares its group or session.</summary>
    public static IReadOnlyList<int> Leftovers(Confinement confinement, int first)
    {
        var all = Processes.All().Where(process => !process.HasEnded).ToList();
        var ours = new HashSet<int>();
        if (first > 0) ours.Add(first);
        for (var before = -1; before != ours.Count;)
        {
            before = ours.Count;
            foreach (var process in all)
            {
                if (process.Account == confinement.Account || first > 0 && (process.Group == first || process.Session == first) || ours.Contains(process.Parent)) ours.Add(process.Pid);
            }
        }

        return [.. all.Select(process => process.Pid).Where(ours.Contains)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        cut.Cancel();
        pipe.Dispose();
    }

    private void Live(string program, IReadOnlyList<string> arguments, TaskCompletionSource started)
    {
        try
        {
            var (wrapped, line) = confinement.Wrap(program, arguments);
            pid = Posix.Spawn(wrapped, line, Confinement.Variables, int.Parse(pipe.GetClientHandleAsString(), CultureInfo.InvariantCulture));
            pipe.DisposeLocalCopyOfClientHandle();
            started.SetResult();
        }
        catch (Exception failed) when (failed is IOException or FormatException)
        {
            started.SetException(failed);
            return;
        }

        ended.SetResult(Posix.Wait(pid));
    }

    private async Task ListenAsync()
    {
        var decoder = new UTF8Encoding(false, false).GetDecoder();
        var bytes = new byte[PieceBytes];
        var characters = new char[PieceBytes + 1];
        try
        {
            while (true)
            {
                var got = await pipe.ReadAsync(bytes, cut.Token);
                var length = decoder.GetChars(bytes, 0, got, characters, 0, got == 0);
                if (length > 0) await said.Writer.WriteAsync(new string(characters, 0, length), cut.Token);
                if (got == 0) break;
            }
        }
        catch (Exception over) when (over is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Cut: what it would still have said is not heard.
        }

        said.Writer.TryComplete();
    }
}
