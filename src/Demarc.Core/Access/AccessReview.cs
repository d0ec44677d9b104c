using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Access;

/// <summary>What one key may do.</summary>
/// <param name="Key">The key.</param>
/// <param name="Name">Whose.</param>
/// <param name="Party">For which side.</param>
/// <param name="Role">In which role; <c>service</c> for a token.</param>
/// <param name="IsRoot">Whether it is its party's root.</param>
/// <param name="Permissions">What routes and entries it may use.</param>
/// <param name="MayRequest">Actions it may ask for under the charter in force.</param>
/// <param name="MayApprove">Actions whose plans wait for approvals such as its.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="LastActedAt">When it last signed something into the ledger; null for never.</param>
/// <param name="LastUsedOn">The day (UTC) on which the plane last let it in, to look or to sign; null for never, or not known.</param>
/// <param name="Remark">What is worth a question: expired, or unused for long; null for nothing.</param>
public sealed record AccessLine(
    string Key, string Name, Party Party, string Role, bool IsRoot, ImmutableArray<string> Permissions, ImmutableArray<string> MayRequest, ImmutableArray<string> MayApprove,
    DateTimeOffset? ExpiresAt, DateTimeOffset? LastActedAt, DateOnly? LastUsedOn, string? Remark)
{
    /// <summary>Accounts with which this member may sign in to read, as <c>issuer subject</c>.</summary>
    public ImmutableArray<string> SignsInAs { get; init; } = [];
}

/// <summary>Who can do what, worked out from the same rules that decide.</summary>
public static class AccessReview
{
    /// <summary>Every key, roots first, then by party and name.</summary>
    /// <param name="state">The environment.</param>
    /// <param name="at">The moment of the review.</param>
    /// <param name="lastUsed">A key's last day of use as the plane saw it. Nobody has signed that: it helps to ask questions, and decides nothing.</param>
    public static ImmutableArray<AccessLine> Of(EnvironmentState state, DateTimeOffset at, Func<string, DateOnly?>? lastUsed = null) =>
        [.. state.Members.Values.OrderByDescending(m => m.IsRoot).ThenBy(m => m.Party).ThenBy(m => m.Name, StringComparer.Ordinal).ThenBy(m => m.Key.KeyId, StringComparer.Ordinal).Select(m => Line(state, m, at, lastUsed?.Invoke(m.Key.KeyId)))];

    private static AccessLine Line(EnvironmentState state, Member member, DateTimeOffset at, DateOnly? usedOn)
    {
        var actions = ChangeAction.All.Where(a => !a.Standing).ToList();
        var expired = member.IsExpired(at);
        return new AccessLine(
            member.Key.KeyId, member.Name, member.Party, member.RoleWord, member.IsRoot,
            expired ? [] : [.. Enum.GetValues<Permission>().Where(p => p != Permission.None && member.Allows(p)).Select(p => p.ToString().ToLowerInvariant())],
            expired || !member.Allows(Permission.Operate) ? [] : [.. actions.Where(a => MayRequest(state, member, a)).Select(a => a.Name)],
            expired || !member.Allows(Permission.Approve) ? [] : [.. actions.Where(a => MayApprove(state, member, a)).Select(a => a.Name)],
            member.ExpiresAt, member.LastActedAt, usedOn, Remark(member, at, usedOn))
        {
            SignsInAs = [.. state.Links.Values.Where(link => link.Key == member.Key.KeyId).Select(link => $"{link.Subject.Issuer} {link.Subject.Name}")],
        };
    }

    private static bool MayRequest(EnvironmentState state, Member member, ChangeAction action) =>
        state.Charter is { } charter && charter[action.Task].Owner.Includes(member.Party) && (action != ChangeAction.Override || charter[action.Task].Override);

    private static bool MayApprove(EnvironmentState state, Member member, ChangeAction action) =>
        state.Charter?[action.Task].Approval.GetValueOrDefault(action.Name) is { } need && need.Includes(member.Party) && (need.Roles.IsEmpty || need.Roles.Contains(member.Role));

    private static string? Remark(Member member, DateTimeOffset at, DateOnly? usedOn)
    {
        if (member.IsExpired(at)) return "expired: take it out";
        var looked = usedOn?.ToDateTime(TimeOnly.MaxValue, DateTimeKind.Utc) is { } day ? new DateTimeOffset(day) : (DateTimeOffset?)null;
        var last = looked > member.LastActedAt || member.LastActedAt is null ? looked : member.LastActedAt;
        if ((last ?? member.AddedAt) >= at - MemberLimits.UnusedAfter) return null;
        return last is { } then ? $"unused for {(int)(at - then).TotalDays} days" : $"never used in {(int)(at - member.AddedAt).TotalDays} days";
    }
}
