using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Protocol;

namespace Demarc.Sim;

/// <summary>Parts of the agent that do what they must not, put in through the seams the real ones use. The inspector has to find each.</summary>
internal static class BrokenParts
{
    public static IHands Of(Broken broken, IHands hands, AgentLedger ledger) => broken switch
    {
        Broken.ExecutorSkipsJournal => new HastyHands(hands, ledger, change => change.Status == ChangeStatus.Approved ? 0 : -1),
        Broken.PausedGoesOn => new HastyHands(hands, ledger, change => change.IsPaused ? change.Steps.ToList().FindIndex(step => step.Status == StepStatus.Waiting) : -1),
        _ => hands,
    };

    public static IPlaneLink Of(Broken broken, IPlaneLink link, IHands hands) => broken == Broken.ReplicaSkipsVerification ? new GullibleLink(link, hands) : link;

    /// <summary>Does a step that it must not, as soon as it sees it: which one, or -1.</summary>
    private sealed class HastyHands(IHands hands, AgentLedger ledger, Func<Change, int> which) : IHands
    {
        public async ValueTask<Observation> ObserveAsync(CancellationToken stop)
        {
            foreach (var change in ledger.State.OpenChanges.Where(change => which(change) >= 0))
                await hands.ApplyAsync(change.Plan!.Steps[which(change)], new StepContext(ledger.State.Id, change.Id, static (_, _) => { }), stop);
            return await hands.ObserveAsync(stop);
        }

        public ValueTask<StepOutcome?> CheckAsync(InstanceStep step, StepContext context, CancellationToken stop) => hands.CheckAsync(step, context, stop);

        public ValueTask<StepOutcome> ApplyAsync(InstanceStep step, StepContext context, CancellationToken stop) => hands.ApplyAsync(step, context, stop);

        public ValueTask<StepOutcome> UndoAsync(InstanceStep step, StepContext context, CancellationToken stop) => hands.UndoAsync(step, context, stop);
    }

    /// <summary>Takes what the plane sends for what it is, and gets to work.</summary>
    private sealed class GullibleLink(IPlaneLink link, IHands hands) : IPlaneLink
    {
        public async Task<IPlaneStream> ConnectAsync(CancellationToken stop) => new GullibleStream(await link.ConnectAsync(stop), hands);

        public Task RenewIfDueAsync(CancellationToken stop) => link.RenewIfDueAsync(stop);
    }

    private sealed class GullibleStream(IPlaneStream stream, IHands hands) : IPlaneStream
    {
        public Task SendAsync(AgentFrame frame, CancellationToken stop) => stream.SendAsync(frame, stop);

        public ValueTask DisposeAsync() => stream.DisposeAsync();

        public async Task<PlaneFrame?> ReceiveAsync(CancellationToken stop)
        {
            var frame = await stream.ReceiveAsync(stop);
            foreach (var envelope in frame?.Batch?.Envelopes ?? [])
            {
                if (Entry.Read(envelope.Memory).Entry is { Data: ChangeRequested { Request.Action: "instances.create" } wish } entry)
                    await hands.ApplyAsync(new CreateData(wish.Request.Instance), new StepContext(entry.Environment, wish.Change, static (_, _) => { }), stop);
            }

            return frame;
        }
    }
}
