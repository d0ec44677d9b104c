using System.Collections.Concurrent;
using Demarc.Core.Environments;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Agents;

/// <summary>
/// Which agents are here and what they report. One stream counts per environment: the newest, because the older one is what a broken connection
/// leaves behind, and an agent must never wait for its own ghost to time out.
/// </summary>
public sealed class AgentBoard(ILedgerStore store, TimeProvider time)
{
    private readonly ConcurrentDictionary<EnvironmentId, Seat> seats = new();

    /// <summary>The presence of an environment's agent, to look at and to wait on.</summary>
    public Watched<AgentPresence> Of(EnvironmentId environment) => SeatOf(environment).Presence;

    /// <summary>The presence with what an earlier run of this plane has kept: a refusal outlives a restart.</summary>
    public async ValueTask<AgentPresence> ReadAsync(EnvironmentId environment, CancellationToken cancellation)
    {
        var presence = Of(environment).Current.Value;
        if (presence.Refusal is not null || presence.Connected) return presence;
        var notices = await store.NoticesAsync(environment, cancellation);
        var last = notices.FirstOrDefault(n => n.Kind is NoticeKinds.Refuses or NoticeKinds.Follows);
        return last?.Kind == NoticeKinds.Refuses ? presence with { Refusal = last.Text } : presence;
    }

    /// <summary>Takes the environment's seat; whoever held it is told by its <see cref="AgentLease.Superseded"/>.</summary>
    public AgentLease Enter(EnvironmentId environment, string version, long verifiedSize)
    {
        var seat = SeatOf(environment);
        var lease = new AgentLease(seat.Leave);
        seat.Take(lease)?.Supersede();
        seat.Presence.Change(p => p with { Connected = true, Since = time.GetUtcNow(), Version = version, VerifiedSize = verifiedSize });
        return lease;
    }

    private Seat SeatOf(EnvironmentId environment) => seats.GetOrAdd(environment, static _ => new Seat());

    private sealed class Seat
    {
        private AgentLease? holder;

        public Watched<AgentPresence> Presence { get; } = new(AgentPresence.Unknown);

        public AgentLease? Take(AgentLease lease) => Interlocked.Exchange(ref holder, lease);

        public void Leave(AgentLease lease, string goodbye)
        {
            if (Interlocked.CompareExchange(ref holder, null, lease) == lease) Presence.Change(p => p with { Connected = false, LastGoodbye = goodbye });
        }
    }
}

/// <summary>The right of one stream to speak for its environment's agent.</summary>
public sealed class AgentLease
{
    private readonly TaskCompletionSource superseded = new();
    private readonly Action<AgentLease, string> leave;

    internal AgentLease(Action<AgentLease, string> leave) => this.leave = leave;

    /// <summary>Completes when a newer stream has taken over.</summary>
    public Task Superseded => superseded.Task;

    /// <summary>Gives the seat back, unless another has it already.</summary>
    public void Leave(string goodbye) => leave(this, goodbye);

    internal void Supersede() => superseded.TrySetResult();
}

/// <summary>Kinds of notices about agents.</summary>
public static class NoticeKinds
{
    /// <summary>The agent refuses this plane.</summary>
    public const string Refuses = "agent-refuses";

    /// <summary>It follows again.</summary>
    public const string Follows = "agent-follows";

    /// <summary>A report of the agent was refused.</summary>
    public const string ReportRefused = "report-refused";

    /// <summary>What the agent has verified is not this plane's history.</summary>
    public const string HistoryDiffers = "history-differs";
}
