using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;

namespace Demarc.Core.Monitoring;

/// <summary>Something that waits for people of one party.</summary>
/// <param name="Key">The same for the same thing for as long as it waits: whoever was told is not told again.</param>
/// <param name="Party">Whose people.</param>
/// <param name="Kind"><c>approval</c>, <c>pause</c>, <c>charter</c>, <c>agent</c>, <c>finding</c>, <c>session</c> (to approve), <c>release</c> or <c>review</c>.</param>
/// <param name="Task">The row of the table it falls under.</param>
/// <param name="What">What waits, in a sentence.</param>
/// <param name="Page">Where the console shows it, within the environment's pages.</param>
/// <param name="Command">The command that moves it on; null when only people can.</param>
/// <param name="Change">The change it is about, or null.</param>
/// <param name="Session">The emergency session it is about, or null.</param>
public sealed record AwaitedThing(string Key, Party Party, string Kind, TaskId Task, string What, string Page, string? Command, ChangeId? Change, SessionId? Session = null)
{
    /// <summary>Everything that waits for people, oldest changes first. One source for the inbox, its badge, and notifications.</summary>
    public static ImmutableArray<AwaitedThing> Of(EnvironmentState state)
    {
        if (state.Founding is null) return [];
        var waiting = ImmutableArray.CreateBuilder<AwaitedThing>();
        AddCharter(state, waiting);
        if (state.Charter is not null && state.Agent is null)
            waiting.Add(new AwaitedThing("agent", Party.Customer, "agent", TaskId.Identity, "No agent has joined: invite one.", "", "demarc env invite", null));
        foreach (var change in state.OpenChanges) AddChange(change, waiting);
        AddSessions(state, waiting);
        foreach (var finding in state.Findings.Values)
        {
            var owner = state.Charter?[finding.Task].Owner ?? Responsibilities.Of(finding.Task).DefaultOwner;
            foreach (var party in Enum.GetValues<Party>().Where(p => owner.Includes(p)))
                waiting.Add(new AwaitedThing($"finding/{finding.Name}/{finding.RaisedAt.UtcTicks}/{party.Word()}", party, "finding", finding.Task, $"{finding.Reason} {finding.Remedy}", "/findings", null, null));
        }

        return waiting.ToImmutable();
    }

    /// <summary>Whether this very person can move it on, by their role and by what the charter asks; a thing of their party that others can is not theirs.</summary>
    public bool IsFor(Member member, EnvironmentState state) => member.Party == Party && Kind switch
    {
        "approval" => member.Allows(Permission.Approve) && Change is { } id && state.Changes.GetValueOrDefault(id) is { NeedsApproval: { } need } change
            && change.Approvals.All(a => a.Key != member.Key.KeyId)
            && need.Fault(new Approval(member.Key.KeyId, member.Party, change.PlanHash ?? "", change.RequestedAt, member.Role), change.RequestedBy) is null,
        "session" => member.Allows(Permission.Approve) && Session is { } asked && state.Sessions.GetValueOrDefault(asked) is { NeedsApproval: { } asks } session
            && session.Approvals.All(a => a.Key != member.Key.KeyId)
            && asks.Fault(new Approval(member.Key.KeyId, member.Party, session.TermsHash, session.RequestedAt, member.Role), session.RequestedBy) is null,
        "release" or "review" => member.Allows(Permission.Approve),
        "pause" => member.Allows(Permission.Halt),
        "charter" or "agent" => member.Allows(Permission.Own),
        _ => member.Allows(Permission.Operate),
    };

    private static void AddCharter(EnvironmentState state, ImmutableArray<AwaitedThing>.Builder waiting)
    {
        if (state.Proposal is { } proposal)
        {
            foreach (var party in Enum.GetValues<Party>().Where(p => !proposal.Signed.Contains(p)))
                waiting.Add(new AwaitedThing($"charter/{proposal.Sha256}/{party.Word()}", party, "charter", TaskId.Access, $"Charter version {proposal.Document.Version} awaits the {party.Word()}'s signature.", "/charter", $"demarc charter sign --as {party.Word()}", null));
        }
        else if (state.Charter is null)
        {
            foreach (var party in Enum.GetValues<Party>())
                waiting.Add(new AwaitedThing($"charter/none/{party.Word()}", party, "charter", TaskId.Access, "No charter is in force: propose one.", "/charter", "demarc charter propose FILE", null));
        }
    }

    private static void AddSessions(EnvironmentState state, ImmutableArray<AwaitedThing>.Builder waiting)
    {
        foreach (var session in state.OpenSessions.Select(id => state.Sessions[id]))
        {
            var page = $"/sessions/{session.Id}";
            if (session.Status == SessionStatus.Requested)
            {
                foreach (var awaited in AwaitedViews.Of(session.NeedsApproval!, session.Approvals, session.RequestedBy))
                    waiting.Add(new AwaitedThing($"session/{session.Id}/{awaited.Party.Word()}", awaited.Party, "session", TaskId.Emergency, $"Emergency session: {session.What} awaits {awaited.Words}.", page, $"demarc emergency approve {session.Id} --as {awaited.Party.Word()}", null, session.Id));
            }

            if (session is { Status: SessionStatus.Open, Terms.Override: true })
                waiting.Add(new AwaitedThing($"override/{session.Id}", Party.Customer, "review", TaskId.Emergency, $"The {session.RequestedFor.Word()} has opened {session.What} without anybody's approval: watch it, or revoke it.", page, $"demarc emergency watch {session.Id}", null, session.Id));
            if (session is { Status: SessionStatus.Open, Bundle.Released: false })
                waiting.Add(new AwaitedThing($"release/{session.Id}", Party.Customer, "release", TaskId.Emergency, $"A diagnostic bundle of {session.Bundle.Bytes} bytes is collected and leaves only once it is released.", page, $"demarc emergency release {session.Id}", null, session.Id));
        }

        foreach (var id in state.AwaitReview.Where(id => state.Sessions[id].IsEnded))
            waiting.Add(new AwaitedThing($"review/{id}", Party.Customer, "review", TaskId.Emergency, $"Session {id} was opened by override. Nothing of the vendor's begins until it is reviewed.", $"/sessions/{id}", $"demarc emergency review {id}", null, id));
    }

    private static void AddChange(Change change, ImmutableArray<AwaitedThing>.Builder waiting)
    {
        var what = $"{change.Request.Action} {change.Request.Instance}";
        var page = $"/changes/{change.Id}";
        foreach (var awaited in ChangeViews.Awaited(change))
            waiting.Add(new AwaitedThing($"approval/{change.Id}/{change.PlanHash}/{awaited.Party.Word()}", awaited.Party, "approval", change.Action.Task, $"{what} awaits {awaited.Words}.", page, $"demarc approve {change.Id} --as {awaited.Party.Word()}", change.Id));
        if (change.Halt is not { Kind: HaltKind.Pause } halt || !(change.IsWaiting || halt.StandsStill)) return;
        foreach (var party in halt.By)
            waiting.Add(new AwaitedThing($"pause/{change.Id}/{halt.At.UtcTicks}/{party.Word()}", party, "pause", change.Action.Task, $"{what} is {halt.Words}.", page, $"demarc changes resume {change.Id} --as {party.Word()} --reason TEXT", change.Id));
    }
}
