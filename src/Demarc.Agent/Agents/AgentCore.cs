using Demarc.Agent.Audit;
using Demarc.Agent.Changes;
using Demarc.Agent.Emergency;
using Demarc.Agent.Instances;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core;
using Demarc.Core.Monitoring;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>
/// The agent without a transport, a disk or a machine: dials, works on changes and reconciles, on whatever link, store and hands it is given. All
/// of it runs on the scheduler that calls <see cref="RunAsync"/>, which must run one thing at a time; nothing inside takes a lock.
/// </summary>
public sealed class AgentCore
{
    private readonly PlaneDialler dialler;
    private readonly ChangeWorker worker;
    private readonly Reconciler reconciler;

    /// <summary>Puts the parts together.</summary>
    public AgentCore(AgentIdentity identity, AgentLedger ledger, IPlaneLink link, IHands hands, TimeProvider time, FillRandom random, ILogger log, EgressEye? eye = null, LedgerCopy? copy = null)
    {
        Ledger = ledger;
        Copy = copy;
        Time = time;
        Egress = new EgressGate(link, ledger, identity.Key.Public, eye?.Secrets ?? new KnownSecrets(random), eye?.Mirror, time, log);
        ledger.Secrets = eye?.Secrets;
        ledger.Masked = Egress.Masked;
        Reports = new Reports { Egress = () => Egress.Days(2) };
        Presence = new PlanePresence();
        worker = new ChangeWorker(ledger, hands, new StepExecutor(ledger, hands, Reports, time, log), Presence, time, log);
        reconciler = new Reconciler(ledger, hands, Reports, time, random, log) { Looked = Egress.Judge };
        Traffic = new SessionTraffic();
        Sessions = new SessionWorker(ledger, Traffic, Presence, identity, time, log);
        dialler = new PlaneDialler(Egress, ledger, Reports, Presence, identity, time, random, log) { EntryRefused = worker.Pause, Sessions = Traffic };
    }

    /// <summary>The ledger as this agent holds it.</summary>
    public AgentLedger Ledger { get; }

    /// <summary>The copy in the customer's bucket; null where none is kept.</summary>
    public LedgerCopy? Copy { get; }

    /// <summary>What leaves for the plane, and what does not.</summary>
    public EgressGate Egress { get; }

    /// <summary>What it last saw and did.</summary>
    public Reports Reports { get; }

    /// <summary>Whether the plane listens.</summary>
    public PlanePresence Presence { get; }

    /// <summary>What emergency sessions say and hear.</summary>
    public SessionTraffic Traffic { get; }

    /// <summary>Its clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>The emergency sessions.</summary>
    public SessionWorker Sessions { get; }

    /// <summary>Runs until stopped. A part that ends by an exception (a disk that fails, a broken belief) ends the whole, so that a new start reads everything anew.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] parts = [DialAsync(over.Token), worker.RunAsync(over.Token), reconciler.RunAsync(over.Token), .. Sessions.Hands is null ? [] : new[] { Sessions.RunAsync(over.Token) }, .. Copy is null ? [] : new[] { Copy.RunAsync(over.Token) }];
        var running = parts.ToList();
        try
        {
            while (running.Count > 0)
            {
                var ended = await Task.WhenAny(running);
                running.Remove(ended);
                await ended;
            }
        }
        finally
        {
            over.Cancel();
            await Task.WhenAll(parts).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Current);
        }
    }

    // A dialler that has refused its plane ends, and the rest goes on; the customer may put another plane in its place.
    private async Task DialAsync(CancellationToken stop)
    {
        while (true)
        {
            await dialler.RunAsync(stop);
            while (Ledger.Refusal is not null) await Signal.WaitAsync(DialLimits.MaxBackoff, Time, stop, Ledger.Changed.Next);
        }
    }
}

/// <summary>What the customer's eye needs beyond the gate itself.</summary>
/// <param name="Secrets">Secrets of this agent, which must not stand in anything that leaves.</param>
/// <param name="Mirror">Where the last frames are kept in clear; null for nowhere.</param>
public sealed record EgressEye(KnownSecrets Secrets, EgressMirror? Mirror);
