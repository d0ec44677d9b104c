using System.Text;
using CsCheck;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Tests.House;

namespace Demarc.Tests.Changes;

/// <summary>The state machine of a change: which transition is legal from which status, as a file a person can read, and what random walks must keep.</summary>
public sealed class LifecycleTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly InstanceId Docs = InstanceId.Parse("docs");
    private static readonly Plan One = Demarc.Core.Changes.Plan.Of([new CreateData(Docs), new AwaitHealthy(Docs, 19530)]);
    private static readonly Plan Two = Demarc.Core.Changes.Plan.Of([new ReturnData(Docs)]);

    private static readonly (string Name, Func<Change, Transition> Go)[] Transitions =
    [
        ("plan", c => ChangeLifecycle.Plan(c, One, At)),
        ("plan-anew", c => ChangeLifecycle.Plan(c, Two, At)),
        ("approve", c => ChangeLifecycle.Approve(c, new Approval("k", Party.Customer, One.Hash, At, Role.Approver))),
        ("start", c => ChangeLifecycle.Start(c, c.PlanHash ?? "", At)),
        ("step-start-1", c => ChangeLifecycle.StartStep(c, 0, At)),
        ("step-start-2", c => ChangeLifecycle.StartStep(c, 1, At)),
        ("step-finish-1", c => ChangeLifecycle.FinishStep(c, 0, "r", At)),
        ("step-finish-2", c => ChangeLifecycle.FinishStep(c, 1, "r", At)),
        ("step-fail-1", c => ChangeLifecycle.FailStep(c, 0, "r", At)),
        ("step-fail-2", c => ChangeLifecycle.FailStep(c, 1, "r", At)),
        ("step-undo-1", c => ChangeLifecycle.UndoStep(c, 0, "r", At)),
        ("step-undo-2", c => ChangeLifecycle.UndoStep(c, 1, "r", At)),
        ("succeed", c => ChangeLifecycle.Succeed(c, "p", At)),
        ("fail", c => ChangeLifecycle.Fail(c, "p", At)),
        ("roll-back", c => ChangeLifecycle.RollBack(c, "p", At)),
        ("refuse", c => ChangeLifecycle.Refuse(c, "p", At)),
        ("reject", c => ChangeLifecycle.Reject(c, Party.Customer, "p", At)),
        ("withdraw", c => ChangeLifecycle.Withdraw(c, Party.Vendor, "p", At)),
        ("expire", c => ChangeLifecycle.Expire(c, c.ExpiresAt)),
        ("defer", c => ChangeLifecycle.Defer(c, Party.Customer, At.AddHours(1), TimeSpan.FromHours(72))),
        ("pause", c => ChangeLifecycle.Pause(c, Party.Customer, "p", At)),
        ("resume", c => ChangeLifecycle.Resume(c, Party.Customer)),
        ("stop-and-roll-back", c => ChangeLifecycle.Stop(c, Party.Customer, "p", At, true)),
        ("stop-and-leave", c => ChangeLifecycle.Stop(c, Party.Customer, "p", At, false)),
        ("halted", c => ChangeLifecycle.StandStill(c, c.Holds, At)),
        ("halted-for-a-hold-before", c => ChangeLifecycle.StandStill(c, c.Holds - 1, At)),
        ("postpone", c => ChangeLifecycle.Postpone(c, "p", At)),
        ("agent-revoked", ChangeLifecycle.Inherit),
    ];

    [Fact]
    public void Legal_transitions_are_these_and_no_others()
    {
        var text = new StringBuilder("# status of a change of two steps, the second of which only waits (steps) | transition → status\n");
        var seen = new HashSet<string>();
        var queue = new Queue<Change>([New()]);
        while (queue.TryDequeue(out var change))
        {
            if (!seen.Add(Word(change))) continue;
            foreach (var (name, go) in Transitions)
            {
                var transition = go(change);
                if (transition.Change is not { } next)
                {
                    Assert.False(string.IsNullOrWhiteSpace(transition.Refusal));
                    continue;
                }

                text.AppendLine($"{Word(change)} | {name} → {Word(next)}");
                queue.Enqueue(next);
            }
        }

        foreach (var status in Enum.GetValues<ChangeStatus>()) Assert.Contains(seen, s => s.StartsWith(status.Word(), StringComparison.Ordinal));
        Golden.Check("lifecycle.txt", text.ToString());
    }

    [Fact]
    public void An_ended_change_never_changes_and_approvals_are_of_the_present_plan() =>
        Gen.Int[0, Transitions.Length - 1].Array[0, 40].Sample(
            walk =>
            {
                var change = New();
                foreach (var step in walk)
                {
                    var next = Transitions[step].Go(change).Change;
                    if (next is null) continue;
                    Assert.False(change.IsEnded);
                    change = next;
                    Assert.All(change.Approvals, a => Assert.Equal(change.PlanHash, a.PlanHash));
                    Assert.True(change.Steps.Count(s => s.Status == StepStatus.Started) <= 1);
                    if (change.Status == ChangeStatus.Running) Assert.NotNull(change.Plan);
                    if (change.Halt is { StandsStill: true }) Assert.DoesNotContain(change.Steps, s => s.Status == StepStatus.Started);
                    if (change.IsEnded) Assert.Null(change.Halt);
                    if (change.Status == ChangeStatus.Succeeded) Assert.All(change.Steps, s => Assert.Equal(StepStatus.Finished, s.Status));
                    if (change.Status == ChangeStatus.RolledBack) Assert.DoesNotContain(change.Steps, s => s.Status is StepStatus.Finished or StepStatus.Started or StepStatus.Failed);
                }
            },
            iter: 5000);

    private static Change New() => new(
        ChangeId.Parse("c-test"), ChangeAction.Delete, new InstanceRequest(ChangeAction.Delete.Name, Docs, null), "k", Party.Vendor, At, ChangeStatus.Requested, ApprovalNeed.OfCustomer, null, null, [], [], null, null, null);

    private static string Word(Change change)
    {
        var plan = change.PlanHash is null || change.IsEnded ? "" : change.PlanHash == One.Hash ? " plan 1" : " plan 2";
        var steps = change.Status == ChangeStatus.Running ? $" ({string.Join(", ", change.Steps.Select(s => s.Status.ToString().ToLowerInvariant()))})" : "";
        var how = change.Halt is { Kind: HaltKind.Stop } halt ? $", to {(halt.RollsBack ? "roll back" : "leave")}{(halt.StandsStill ? ", halted" : "")}" : "";
        var from = change is { Inherited: true, IsEnded: false } ? " inherited" : "";
        return change.Status.Word() + from + (change.Halt is null ? "" : $" [{change.Word()}{how}]") + plan + steps;
    }
}
