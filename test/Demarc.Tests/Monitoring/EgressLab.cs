using System.Collections.Immutable;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Demarc.Tests.Agents;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Monitoring;

/// <summary>A gate in front of a transport that keeps what it is given, on a disk that outlives the gate.</summary>
internal sealed class EgressLab : IDisposable
{
    private readonly Transport transport = new();
    private SetClock? clock;

    public EgressLab(params (EgressClass Class, long Bytes)[] budgets)
    {
        Ledger = Lab.Open(Store);
        Lab.Sync(Ledger);
        if (budgets.Length > 0) Amend(budgets);
        Lab.Sync(Ledger);
        Secrets = new KnownSecrets(Lab.Fill);
        Gate = Open();
    }

    public AgentLab Lab { get; } = new();

    /// <summary>The agent's clocks: time passes on both, and a test sets the wall clock alone.</summary>
    public SetClock Clock => clock ??= new SetClock(Lab.Time);

    public AgentMemoryStore Store { get; } = new();

    public AgentLedger Ledger { get; private set; }

    public KnownSecrets Secrets { get; }

    public EgressGate Gate { get; private set; }

    /// <summary>What left.</summary>
    public List<AgentFrame> Left => transport.Frames;

    public static AgentFrame Ping { get; } = new() { Ping = new Ping { UnixMs = 1 } };

    public static AgentFrame Progress(int bytes) => new() { Progress = new Progress { Change = "c-one", Message = new string('m', bytes) } };

    public static AgentFrame Submit(Entry entry) => new() { Submit = new Submit { EntryId = entry.Id, Envelope = ByteString.CopyFrom(entry.Bytes.Span) } };

    public EgressVerdict Send(AgentFrame frame) => SendAsync(frame).GetAwaiter().GetResult();

    public EgressTotal Total(EgressClass which) => Gate.Days(1)[0].Classes.Single(total => total.Class == which);

    /// <summary>The agent is killed and starts again from its disk.</summary>
    public void Restart(bool inGoodOrder = false)
    {
        if (inGoodOrder) Gate.Book.Settle();
        Ledger = Lab.Open(Store);
        Gate = Open();
    }

    /// <summary>Another charter, signed by both, with these budgets.</summary>
    public void Amend(params (EgressClass Class, long Bytes)[] egress)
    {
        var version = Lab.State.Charter!.Version + 1;
        var rule = CharterDocument.Default[TaskId.Monitoring] with { Egress = egress.ToImmutableSortedDictionary(pair => pair.Class.Word(), pair => pair.Bytes, StringComparer.Ordinal) };
        var yaml = CharterYaml.Write(CharterDocument.Default with { Version = version, Rules = CharterDocument.Default.Rules.SetItem(TaskId.Monitoring, rule) });
        Lab.Say(Lab.Customer, new CharterProposed(version, yaml));
        Lab.Say(Lab.Customer, new CharterSigned(version, CharterText.Hash(yaml)));
        Lab.Say(Lab.Vendor, new CharterSigned(version, CharterText.Hash(yaml)));
        Lab.Sync(Ledger);
    }

    public void Consent(EgressClass which, long bytes)
    {
        Lab.Say(Lab.Customer, new EgressConsented(which, bytes, Gate.Book.Day, "a large day"));
        Lab.Sync(Ledger);
    }

    public void Dispose() => Lab.Dispose();

    private async Task<EgressVerdict> SendAsync(AgentFrame frame)
    {
        await using var stream = await Gate.ConnectAsync(CancellationToken.None);
        return await stream.SendAsync(frame, CancellationToken.None);
    }

    private EgressGate Open()
    {
        var gate = new EgressGate(transport, Ledger, Lab.AgentKey.Public, Secrets, null, Clock, NullLogger.Instance);
        Ledger.Secrets = Secrets;
        Ledger.Masked = gate.Masked;
        return gate;
    }

    /// <summary>A machine whose wall clock somebody sets.</summary>
    internal sealed class SetClock(TimeProvider steady) : TimeProvider
    {
        public TimeSpan SetBy { get; set; }

        public override DateTimeOffset GetUtcNow() => steady.GetUtcNow() + SetBy;

        public override long GetTimestamp() => steady.GetTimestamp();

        public override long TimestampFrequency => steady.TimestampFrequency;
    }

    private sealed class Transport : IPlaneLink, IPlaneStream
    {
        public List<AgentFrame> Frames { get; } = [];

        public Task<IPlaneStream> ConnectAsync(CancellationToken stop) => Task.FromResult<IPlaneStream>(this);

        public Task RenewIfDueAsync(CancellationToken stop) => Task.CompletedTask;

        public Task SendAsync(AgentFrame frame, CancellationToken stop)
        {
            Frames.Add(frame);
            return Task.CompletedTask;
        }

        public Task<PlaneFrame?> ReceiveAsync(CancellationToken stop) => Task.FromResult<PlaneFrame?>(null);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
