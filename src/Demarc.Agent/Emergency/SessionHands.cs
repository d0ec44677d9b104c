using System.Collections.Immutable;
using System.Globalization;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Emergency;

/// <summary>What a session can do to this machine and its instances. It holds what has to be taken away again, and finds it again after a crash.</summary>
public sealed class SessionHands(string folder, Func<Observation?> latest, Func<EnvironmentState> state, IPrivateFiles files, MilvusReader milvus, TemporaryUsers users, KnownSecrets? secrets, FillRandom random, bool root) : ISessionHands
{
    private readonly Dictionary<SessionId, Confinement> confined = [];

    /// <summary>Where recordings and bundles are.</summary>
    public string RecordingOf(SessionId session) => Path.Combine(folder, session.Value + ".cast");

    /// <summary>Where the bundle of a session is.</summary>
    public string BundleOf(SessionId session) => Path.Combine(folder, session.Value + ".bundle.json");

    /// <inheritdoc/>
    public KnownSecrets? Secrets => secrets;

    /// <inheritdoc/>
    public void Prepare() => PrivateDisk.EnsureFolder(folder);

    /// <inheritdoc/>
    public (Confinement? Confinement, string? Fault) Confine(Session session)
    {
        if (session.Terms.Kind == SessionKind.Bundle) return (Confinement.Nobody("collected by the agent, redacted, shown to the customer before it leaves; nobody gives a command"), null);
        if (session.Terms.Kind == SessionKind.Milvus) return (Confinement.Nobody("a temporary Milvus user that the engine lets only read, gone with the session; commands of a fixed list, carried out by the agent with that user"), null);
        var (confinement, fault) = Confinement.For(session.Id, root);
        if (confinement is not null) confined[session.Id] = confinement;
        return (confinement, fault);
    }

    /// <inheritdoc/>
    public SealedCredential OpenUser(Session session)
    {
        Span<byte> bytes = stackalloc byte[32];
        random(bytes);
        var password = Core.Ledger.Base64Text.EncodeUrl(bytes);
        secrets?.Know(password);
        if (!AgeRecipient.TryParse(session.Terms.Recipient, out var recipient)) throw new BrokenBeliefException("The recipient was checked with the request.");
        var user = TemporaryUsers.NameOf(session.Id);
        users.Put(session.Terms.Instance!.Value, user, PasswordHash.Make(password, PasswordHash.Rounds, random), session.ExpiresAt);
        milvus.Login(session.Id, new ProbeLogin(user, new Secret(password)));
        return new SealedCredential(user, AgeFile.EncryptArmored(System.Text.Encoding.UTF8.GetBytes(password), [recipient], random));
    }

    /// <inheritdoc/>
    public bool Clean(Session session)
    {
        milvus.Forget(session.Id);
        if (session.Terms.Instance is { } instance) users.Remove(instance, TemporaryUsers.NameOf(session.Id));
        if (session.Terms.Kind == SessionKind.Bundle) File.Delete(BundleOf(session.Id));
        if (session.Terms.Kind != SessionKind.Terminal || !root) return true;

        // What an agent that was killed has left behind dies with it; whatever should have outlived even that still has the session's account.
        confined.Remove(session.Id, out var known);
        if ((known?.Account ?? session.Account) is not { } account || !Confinement.IsTemporary(account)) return true;
        var left = CommandRun.Leftovers(new Confinement(account, true, ""), 0);
        foreach (var pid in left) Posix.Signal(pid, Posix.SigKill);
        return left.Count == 0;
    }

    /// <summary>The commands of a kind.</summary>
    public static ImmutableArray<TerminalCommand> CommandsOf(SessionKind kind) => kind == SessionKind.Milvus ? TerminalCommands.OfMilvus : TerminalCommands.OfMachine;

    /// <inheritdoc/>
    public ISessionCommand Run(Session session, TypedCommand typed)
    {
        if (typed.Command.Program.IsEmpty)
        {
            return session.Terms.Kind == SessionKind.Milvus
                ? new SaidCommand(stop => milvus.AskAsync(session, state().Instances[session.Terms.Instance!.Value].Port, typed, stop))
                : new SaidCommand(_ => Task.FromResult(Answer(typed)));
        }

        if (typed.Command.Program.FirstOrDefault(File.Exists) is not { } program) return new SaidCommand(_ => Task.FromResult($"{typed.Command.Name}: {typed.Command.Program[0]} is not on this machine\n"));
        return new ProgramCommand(CommandRun.Start(confined[session.Id], program, typed.ProgramArguments));
    }

    /// <inheritdoc/>
    public ISessionFile BeginRecording(SessionId session) => new RecordingFile(PrivateDisk.Open(RecordingOf(session), FileMode.Create));

    /// <inheritdoc/>
    public byte[] Recording(SessionId session) => PrivateDisk.Read(RecordingOf(session)) ?? [];

    /// <inheritdoc/>
    public void SettleRecording(SessionId session, long bytes)
    {
        using var file = PrivateDisk.Open(RecordingOf(session), FileMode.OpenOrCreate);
        file.SetLength(bytes);
        file.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void KeepBundle(SessionId session, ReadOnlySpan<byte> bundle) => PrivateDisk.Write(BundleOf(session), bundle);

    /// <inheritdoc/>
    public byte[] Bundle(SessionId session) => PrivateDisk.Read(BundleOf(session)) ?? [];

    private string Answer(TypedCommand typed) => typed.Command.Name switch
    {
        "help" => TerminalCommands.Help(TerminalCommands.OfMachine) + "stop ends what runs, exit ends the session\n",
        "instances" => Instances(),
        "findings" => state().Findings.IsEmpty ? "no findings\n" : string.Concat(state().Findings.Values.Select(finding => $"{finding.Name}: {finding.Reason} {finding.Remedy}\n")),
        "log" => Log(typed.Values[0], int.Parse(typed.Values[1], CultureInfo.InvariantCulture)),
        _ => throw new BrokenBeliefException($"{typed.Command.Name} is on the list and nobody answers it."),
    };

    private string Instances()
    {
        var seen = latest()?.Instances;
        if (state().Instances.IsEmpty) return "no instances\n";
        return string.Concat(state().Instances.Values.Select(instance =>
        {
            var now = seen?.GetValueOrDefault(instance.Id);
            return string.Create(CultureInfo.InvariantCulture, $"{instance.Id}  {instance.Status.ToString().ToLowerInvariant()}  {(now is null ? "not seen" : now.Healthy ? "healthy" : now.Running ? "not healthy" : "not running")}  {now?.MemoryMib ?? 0} MiB  port {instance.Port}\n");
        }));
    }

    private string Log(string name, int lines)
    {
        if (!InstanceId.TryParse(name, out var instance) || !state().Instances.ContainsKey(instance)) return $"there is no instance {name}\n";
        var kept = LogTail.Of(files.PathOf(instance, EngineControl.LogFile), lines);
        return kept.IsEmpty ? "nothing in its log\n" : string.Concat(kept.Select(line => line + "\n"));
    }

    private sealed class RecordingFile(FileStream file) : ISessionFile
    {
        public void Append(ReadOnlySpan<byte> line)
        {
            file.Write(line);
            file.WriteByte((byte)'\n');
            file.Flush();
        }

        public void Sync() => file.Flush(flushToDisk: true);

        public void Dispose() => file.Dispose();
    }

    private sealed class SaidCommand(Func<CancellationToken, Task<string>> say) : ISessionCommand
    {
        private readonly CancellationTokenSource cut = new();
        private bool said;

        public async ValueTask<string?> NextAsync()
        {
            if (said) return null;
            said = true;
            try
            {
                return await say(cut.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        public bool Cut()
        {
            cut.Cancel();
            return true;
        }

        public void Dispose() => cut.Dispose();
    }

    private sealed class ProgramCommand(CommandRun run) : ISessionCommand
    {
        private bool told;

        public async ValueTask<string?> NextAsync()
        {
            while (await run.Said.WaitToReadAsync())
            {
                if (run.Said.TryRead(out var piece)) return piece;
            }

            var code = await run.Ended;
            if (told || code == 0) return null;
            told = true;
            return $"exit code {code}\n";
        }

        public bool Cut() => run.Cut();

        public void Dispose() => run.Dispose();
    }
}
