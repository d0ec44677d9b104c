using Demarc.Agent.Emergency;
using Demarc.Core.Access;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Sim;

/// <summary>Something that exists for one session: a program under its account, its temporary Milvus user, its bundle.</summary>
internal sealed class SimBelonging(SessionId session, string what, SimProcess madeBy)
{
    public SessionId Session => session;

    public string What => what;

    public SimProcess MadeBy => madeBy;

    /// <summary>Whether it outlives the agent that made it, until somebody takes it away.</summary>
    public bool OutlivesAgent { get; init; }

    /// <summary>When it is really gone, once it has been killed: the kernel may take a moment.</summary>
    public TimeSpan? DiesAt { get; set; }

    /// <summary>Since when each thing that speaks against it has done so.</summary>
    public Dictionary<string, TimeSpan> Against { get; } = [];
}

/// <summary>What sessions have on the customer's machine, whoever looks. It outlives the agent; a program mostly dies with it.</summary>
internal sealed class SimSessionMachine
{
    public List<SimBelonging> Belongings { get; } = [];

    public Dictionary<SessionId, SimRecording> Recordings { get; } = [];

    public Dictionary<SessionId, byte[]> Bundles { get; } = [];

    public void AgentDied() => Belongings.RemoveAll(it => !it.OutlivesAgent);

    /// <summary>No program survives the machine, and of a recording what was not flushed may be lost from any byte on.</summary>
    public void Reboot(Random dice)
    {
        Belongings.RemoveAll(it => it.What == SimSessionHands.Program);
        foreach (var recording in Recordings.Values) recording.Lose(dice);
    }
}

/// <summary>A recording on the agent's disk.</summary>
internal sealed class SimRecording
{
    private readonly List<byte> written = [];
    private int synced;

    /// <summary>Whether lines that had been shown were lost with the machine.</summary>
    public bool HasLost { get; private set; }

    public byte[] Bytes => [.. written];

    public void Append(ReadOnlySpan<byte> line)
    {
        written.AddRange(line);
        written.Add((byte)'\n');
    }

    public void Sync() => synced = written.Count;

    public void Settle(int bytes)
    {
        written.RemoveRange(bytes, written.Count - bytes);
        Sync();
    }

    public void Lose(Random dice)
    {
        var left = dice.Next(synced, written.Count + 1);
        if (left == written.Count) return;
        HasLost = true;
        written.RemoveRange(left, written.Count - left);
        synced = left;
    }
}

/// <summary>The hands of one life of the agent for sessions. Whatever they give is shown to the inspector before it exists.</summary>
internal sealed class SimSessionHands(SimWorld world, SimSessions sessions, SimProcess process, TimeProvider time) : ISessionHands
{
    public const string Program = "a program";
    public const string User = "a Milvus user";
    public const string Bundled = "a bundle";

    private const int FirstAccount = 61184;

    private readonly SimSessionMachine machine = sessions.Machine;
    private readonly Random dice = sessions.Dice;

    public KnownSecrets? Secrets => null;

    public void Prepare() => process.MustLive();

    public (Confinement? Confinement, string? Fault) Confine(Session session)
    {
        process.MustLive();
        if (world.Plan.Broken == Broken.AccountBeforeLedger) Give(session.Id, Program, outlives: false);
        return session.Terms.Kind == SessionKind.Terminal
            ? dice.Chance(0.03) ? (null, "nothing to confine it with") : (new Confinement(FirstAccount + dice.Next(1000), true, "an account of its own"), null)
            : (Confinement.Nobody("no program"), null);
    }

    public SealedCredential OpenUser(Session session)
    {
        world.Faults.Strike(process, () => Give(session.Id, User, outlives: true), "the machine");
        return new SealedCredential(TemporaryUsers.NameOf(session.Id), sessions.Sealed);
    }

    public bool Clean(Session session)
    {
        process.MustLive();
        if (world.Plan.Broken == Broken.AccountLeftBehind) return true;
        if (world.Plan.Broken == Broken.RevokedGoesOn && session.Revocation is not null) return false;
        if (world.Plan.Broken == Broken.NothingClearedAtStart && machine.Belongings.Any(it => it.Session == session.Id && it.MadeBy != process)) return true;
        world.Faults.Strike(process, () =>
        {
            machine.Bundles.Remove(session.Id);
            machine.Belongings.RemoveAll(it => it.Session == session.Id && it.What != Program);
        }, "the machine");
        foreach (var it in machine.Belongings.Where(it => it.Session == session.Id).ToList()) Kill(it);
        return machine.Belongings.All(it => it.Session != session.Id);
    }

    public ISessionCommand Run(Session session, TypedCommand typed)
    {
        process.MustLive();
        sessions.Inspector.Runs(session.Id, string.Join(' ', [typed.Command.Name, .. typed.Values]));
        return new Command(world, sessions, process, time, Kill, Give(session.Id, Program, dice.Chance(0.1)), typed.Command.Name == "vmstat" ? dice.Next(10, 60) : dice.Next(0, 4));
    }

    public ISessionFile BeginRecording(SessionId session)
    {
        SimRecording? recording = null;
        world.Faults.Strike(process, () => machine.Recordings[session] = recording = new SimRecording(), "the recording");
        return new Writer(world, process, recording!);
    }

    public byte[] Recording(SessionId session)
    {
        process.MustLive();
        return machine.Recordings.GetValueOrDefault(session)?.Bytes ?? [];
    }

    public void SettleRecording(SessionId session, long bytes) => world.Faults.Strike(process, () => machine.Recordings[session].Settle((int)bytes), "the recording");

    public void KeepBundle(SessionId session, ReadOnlySpan<byte> bundle)
    {
        var bytes = bundle.ToArray();
        world.Faults.Strike(process, () =>
        {
            Give(session, Bundled, outlives: true);
            machine.Bundles[session] = bytes;
        }, "the machine");
    }

    public byte[] Bundle(SessionId session)
    {
        process.MustLive();
        return machine.Bundles.GetValueOrDefault(session) ?? [];
    }

    private SimBelonging Give(SessionId session, string what, bool outlives)
    {
        var it = new SimBelonging(session, what, process) { OutlivesAgent = outlives };
        sessions.Inspector.Gives(it);
        machine.Belongings.Add(it);
        return it;
    }

    // True when it is gone. One in ten takes the kernel a moment.
    private bool Kill(SimBelonging it)
    {
        process.MustLive();
        it.DiesAt ??= world.Loop.Now + (dice.Chance(0.1) ? dice.Between(0.01, 0.2) : TimeSpan.Zero);
        if (world.Loop.Now < it.DiesAt) return !machine.Belongings.Contains(it);
        machine.Belongings.Remove(it);
        return true;
    }

    private sealed class Writer(SimWorld world, SimProcess process, SimRecording recording) : ISessionFile
    {
        public void Append(ReadOnlySpan<byte> line)
        {
            var bytes = line.ToArray();
            world.Faults.Strike(process, () => recording.Append(bytes), "the recording");
        }

        public void Sync() => world.Faults.Strike(process, recording.Sync, "the recording");

        public void Dispose()
        {
            // Nothing is held.
        }
    }

    private sealed class Command(SimWorld world, SimSessions sessions, SimProcess process, TimeProvider time, Func<SimBelonging, bool> kill, SimBelonging program, int pieces) : ISessionCommand
    {
        private readonly CancellationTokenSource cut = new();
        private int left = pieces;

        public async ValueTask<string?> NextAsync()
        {
            try
            {
                await Task.Delay(sessions.Dice.Between(0.005, 1), time, cut.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }

            process.MustLive();
            if (left-- > 0) return $"{left} more\n";
            sessions.Machine.Belongings.Remove(program);
            return null;
        }

        public bool Cut()
        {
            if (world.Plan.Broken == Broken.RevokedGoesOn && !cut.IsCancellationRequested && sessions.Inspector.IsRevoked(program.Session)) return false;
            cut.Cancel();
            return kill(program);
        }

        public void Dispose() => cut.Dispose();
    }
}
