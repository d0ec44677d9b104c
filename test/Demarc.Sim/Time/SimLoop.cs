namespace Demarc.Sim;

/// <summary>
/// The heart of the simulation: one queue of things that could run next, from which a seeded die picks, and one list of timers. Simulated time moves
/// when nothing is left to run, and by a hair with each step, as real time does: who waits for less than a timer can tell would wait for ever. Everything happens on one thread; code that leaves it is found out at once, because it would not replay.
/// </summary>
internal sealed class SimLoop(Random dice, SimTrace trace)
{
    private const long MostSteps = 3_000_000;

    private static readonly TimeSpan Step = TimeSpan.FromMicroseconds(2);

    private readonly List<(SimProcess Process, Task Task)> ready = [];
    private readonly PriorityQueue<SimTimer.Due, (long At, long Order)> timers = new();
    private readonly int thread = Environment.CurrentManagedThreadId;
    private long order;
    private long steps;

    /// <summary>Simulated time since the beginning.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>The first thing that went wrong; nothing runs after it.</summary>
    public string? Violation { get; private set; }

    public SimTrace Trace => trace;

    public long Steps => steps;

    /// <summary>Something is not as it must be: the run ends here.</summary>
    public void Violate(string what)
    {
        if (Violation is not null) return;
        Violation = what;
        trace.Line(Now, "VIOLATION", what);
    }

    public void Queue(SimProcess process, Task task)
    {
        if (Environment.CurrentManagedThreadId != thread)
        {
            Violation ??= $"something of {process.Name} ran on another thread than the simulation's: it would not replay\n{Environment.StackTrace}";
            return;
        }

        if (process.IsAlive) ready.Add((process, task));
    }

    public void Arm(SimTimer.Due due) => timers.Enqueue(due, (due.At.Ticks, order++));

    /// <summary>Runs until that moment, or until something is wrong.</summary>
    public void RunUntil(TimeSpan until)
    {
        while (Violation is null)
        {
            var armed = timers.TryPeek(out var due, out _);
            if (ready.Count > 0 && (!armed || due!.At > Now))
            {
                RunOne();
                continue;
            }

            if (!armed || due!.At > until)
            {
                Now = until;
                return;
            }

            timers.Dequeue();
            if (due.At > Now) Now = due.At;
            due.Timer.Fire(due);
        }
    }

    private void RunOne()
    {
        var at = ready.Count == 1 ? 0 : dice.Next(ready.Count);
        var (process, task) = ready[at];
        ready[at] = ready[^1];
        ready.RemoveAt(ready.Count - 1);
        trace.Pick(at, ready.Count);
        process.Run(task);
        Now += Step;
        if (++steps > MostSteps) Violate($"{MostSteps} steps and no end: something spins");
    }
}

/// <summary>
/// One life of one process: what it queued dies with it, so that a crash can strike at every await. Fakes ask <see cref="MustLive"/> first, so that
/// a dead process has no effects, whatever its exception handlers try.
/// </summary>
internal sealed class SimProcess(SimLoop loop, string name) : TaskScheduler
{
    public string Name => name;

    public bool IsAlive { get; private set; } = true;

    /// <summary>How far this process's clock on the wall is off.</summary>
    public Func<TimeSpan> Wall { get; init; } = static () => TimeSpan.Zero;

    /// <summary>Told when it dies.</summary>
    public Action? Died { get; set; }

    public void Die(string why)
    {
        if (!IsAlive) return;
        IsAlive = false;
        loop.Trace.Line(loop.Now, name, $"dies: {why}");
        Died?.Invoke();
    }

    public void MustLive()
    {
        if (!IsAlive) throw new SimCrashException(name);
    }

    /// <summary>Starts something in this process. What it throws is a violation, unless the process is dead by then.</summary>
    public void Go(string what, Func<Task> work) =>
        new Task(() => _ = GuardAsync(what, work)).Start(this);

    public void Run(Task task)
    {
        if (IsAlive) TryExecuteTask(task);
    }

    protected override void QueueTask(Task task) => loop.Queue(this, task);

    // Nothing runs inside something else: whoever completes a task is never run through by those who wait for it.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [];

    private async Task GuardAsync(string what, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (SimCrashException)
        {
            // It is dead.
        }
        catch (Exception failure) when (IsAlive)
        {
            loop.Violate($"{name}: {what} ended with {failure}");
        }
        catch (Exception)
        {
            // What a dead process throws nobody sees.
        }
    }
}

/// <summary>The process is no more.</summary>
internal sealed class SimCrashException(string process) : Exception($"{process} is dead");
