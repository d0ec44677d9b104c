using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Tests.House;

namespace Demarc.Tests.Emergency;

/// <summary>The state machine of a session: which transition is legal from which status, as a file a person can read.</summary>
public sealed class SessionLifecycleTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SessionId Id = SessionId.Parse("s-test");

    private static readonly (string Name, Func<Session, SessionTransition> Go)[] Transitions =
    [
        ("approve", s => SessionLifecycle.Approve(s, new Approval("c", Party.Customer, s.TermsHash, At, Role.Approver))),
        ("reject", s => SessionLifecycle.Reject(s, Party.Customer, "r", At)),
        ("withdraw", s => SessionLifecycle.Withdraw(s, Party.Vendor, "r", At)),
        ("revoke", s => SessionLifecycle.Revoke(s, new SessionRevocation("the customer", "r", At))),
        ("refuse", s => SessionLifecycle.Refuse(s, "r", At)),
        ("open", s => SessionLifecycle.Open(s, new SessionOpened(s.Id, s.TermsHash, s.ExpiresAt, "c", null, "h0"), At)),
        ("record", s => SessionLifecycle.Record(s, new RecordingMark(s.Recording is { Events: 0 } ? 1 : 0, 10, "h1"))),
        ("prepare", s => SessionLifecycle.Prepare(s, "b", 10)),
        ("release", s => SessionLifecycle.Release(s, Party.Customer, "b")),
        ("end", s => SessionLifecycle.End(s, new SessionEnd(SessionEndReason.Left, "d", "n"), new RecordingMark(2, 20, "h2"), At)),
        ("lapse", s => SessionLifecycle.End(s, new SessionEnd(SessionEndReason.Expired, "d", "n"), new RecordingMark(2, 20, "h2"), s.ExpiresAt)),
        ("review", s => SessionLifecycle.Review(s, Party.Customer, s.Recording?.Head ?? "", new SessionReview("c", At, "n"))),
    ];

    [Fact]
    public void Legal_transitions_are_these_and_no_others()
    {
        var text = new StringBuilder("# status of a session | transition → status\n");
        var seen = new HashSet<string>();
        foreach (var kind in new[] { SessionKind.Terminal, SessionKind.Bundle })
        {
            var queue = new Queue<Session>([New(kind)]);
            while (queue.TryDequeue(out var session))
            {
                if (!seen.Add(Word(session))) continue;
                foreach (var (name, go) in Transitions)
                {
                    var transition = go(session);
                    if (transition.Session is not { } next)
                    {
                        Assert.False(string.IsNullOrWhiteSpace(transition.Refusal));
                        continue;
                    }

                    Assert.False(session.IsEnded && name != "review", $"{Word(session)} has ended and {name} moves it");
                    text.AppendLine($"{Word(session)} | {name} → {Word(next)}");
                    queue.Enqueue(next);
                }
            }
        }

        foreach (var status in Enum.GetValues<SessionStatus>()) Assert.Contains(seen, s => s.Contains($": {status.ToString().ToLowerInvariant()}", StringComparison.Ordinal));
        Golden.Check("sessions.txt", text.ToString());
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_every_state()
    {
        var asked = New(SessionKind.Terminal);
        Assert.Contains("names terms", SessionLifecycle.Approve(asked, new Approval("c", Party.Customer, "other", At, Role.Approver)).Refusal, StringComparison.Ordinal);
        Assert.Contains("lapsed", SessionLifecycle.Approve(asked, new Approval("c", Party.Customer, asked.TermsHash, At + SessionLimits.AwaitsApproval, Role.Approver)).Refusal, StringComparison.Ordinal);
        Assert.Contains("no approval of the vendor is awaited", SessionLifecycle.Approve(asked, new Approval("v", Party.Vendor, asked.TermsHash, At, Role.Owner)).Refusal, StringComparison.Ordinal);
        Assert.Contains("no say", SessionLifecycle.Reject(asked, Party.Vendor, "r", At).Refusal, StringComparison.Ordinal);
        Assert.Contains("alone can withdraw", SessionLifecycle.Withdraw(asked, Party.Customer, "r", At).Refusal, StringComparison.Ordinal);
        var approved = SessionLifecycle.Approve(asked, new Approval("c", Party.Customer, asked.TermsHash, At.AddMinutes(1), Role.Approver)).Session!;
        Assert.Equal(At.AddMinutes(31), approved.ExpiresAt);
        Assert.Contains("the clock", SessionLifecycle.Open(approved, new SessionOpened(approved.Id, approved.TermsHash, At.AddHours(9), "c", null, "h"), At.AddMinutes(2)).Refusal, StringComparison.Ordinal);
        Assert.Contains("names terms", SessionLifecycle.Open(approved, new SessionOpened(approved.Id, "other", approved.ExpiresAt, "c", null, "h"), At.AddMinutes(2)).Refusal, StringComparison.Ordinal);
        Assert.Contains("was over", SessionLifecycle.Open(approved, new SessionOpened(approved.Id, approved.TermsHash, approved.ExpiresAt, "c", null, "h"), approved.ExpiresAt).Refusal, StringComparison.Ordinal);
        Assert.Contains("begins at", SessionLifecycle.Open(approved, new SessionOpened(approved.Id, approved.TermsHash, approved.ExpiresAt, "c", null, "h"), At.AddMinutes(-10)).Refusal, StringComparison.Ordinal);
        var open = SessionLifecycle.Open(approved, new SessionOpened(approved.Id, approved.TermsHash, approved.ExpiresAt, "c", null, "h"), At.AddMinutes(2)).Session!;
        var further = SessionLifecycle.Record(open, new RecordingMark(5, 50, "h5")).Session!;
        Assert.Contains("is not further", SessionLifecycle.Record(further, new RecordingMark(4, 60, "x")).Refusal, StringComparison.Ordinal);
        Assert.Contains("cannot end with", SessionLifecycle.End(further, new SessionEnd(SessionEndReason.Left, "d", "n"), new RecordingMark(4, 60, "x"), At).Refusal, StringComparison.Ordinal);
        var ended = SessionLifecycle.End(further, new SessionEnd(SessionEndReason.Left, "d", "n"), new RecordingMark(6, 60, "h6"), At).Session!;
        Assert.Contains("names the recording", SessionLifecycle.Review(ended, Party.Customer, "h5", new SessionReview("c", At, "n")).Refusal, StringComparison.Ordinal);
        Assert.Contains("by the customer", SessionLifecycle.Review(ended, Party.Vendor, "h6", new SessionReview("v", At, "n")).Refusal, StringComparison.Ordinal);
    }

    /// <summary>An approval that is dated back must not start a clock before there was anything to approve, and a session never lasts longer than was asked for.</summary>
    [Fact]
    public void An_approval_that_is_dated_back_or_ahead_wins_no_time()
    {
        var asked = New(SessionKind.Terminal);
        var back = SessionLifecycle.Approve(asked, new Approval("c", Party.Customer, asked.TermsHash, At.AddDays(-3), Role.Owner)).Session!;
        Assert.Equal(At.AddMinutes(30), back.ExpiresAt);
        var ahead = SessionLifecycle.Approve(asked, new Approval("c", Party.Customer, asked.TermsHash, At.AddHours(5), Role.Owner)).Session!;
        Assert.NotNull(SessionLifecycle.Open(ahead, new SessionOpened(ahead.Id, ahead.TermsHash, ahead.ExpiresAt, "c", null, "h"), At.AddMinutes(1)).Refusal);
    }

    private static Session New(SessionKind kind)
    {
        var terms = new SessionTerms(kind, null, 30, false, null, "why");
        return new Session(Id, terms, terms.Hash(Id, "v"), "v", Party.Vendor, At, SessionStatus.Requested, ApprovalNeed.OfCustomer, []);
    }

    private static string Word(Session session)
    {
        var recorded = session.Status == SessionStatus.Open && session.Recording is { Events: > 0 } ? ", recorded" : "";
        var bundle = session.Status == SessionStatus.Open ? session.Bundle switch { null => "", { Released: true } => ", released", _ => ", prepared" } : "";
        var reviewed = session.Review is null ? "" : ", reviewed";
        return $"{session.Terms.Kind.Word()}: {session.Status.ToString().ToLowerInvariant()}{(session.Word == "ending" ? " (ending)" : "")}{recorded}{bundle}{reviewed}";
    }
}
