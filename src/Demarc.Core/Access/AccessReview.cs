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
/// <param name="Remark">What is worth a question: expired, or unused for long; null for nothing.</param>
public sealed record AccessLine(
    string Key, string Name, Party Party, string Role, bool IsRoot, ImmutableArray<string> Permissions, ImmutableArray<string> MayRequest, ImmutableArray<string> MayApprove,
    DateTimeOffset? ExpiresAt, DateTimeOffset? LastActedAt, string? Remark)
{
    /// <summary>Accounts with which this member may sign in to read, as <c>issuer subject</c>.</summary>
    public ImmutableArray<string> SignsInAs { get; init; } = [];
}

/// <summary>Who can do what, worked out from the same rules that decide.</summary>
public static class AccessReview
{
    /// <summary>Every key, roots first, then by party and name.</summary>
    public static ImmutableArray<AccessLine> Of(EnvironmentState state, DateTimeOffset at) =>
        [.. state.Members.Values.OrderByDescending(m => m.IsRoot).ThenBy(m => m.Party).ThenBy(m => m.Name, StringComparer.Ordinal).ThenBy(m => m.Key.KeyId, StringComparer.Ordinal).Select(m => Line(state, m, at))];

    private static AccessLine Line(EnvironmentState state, Member member, DateTimeOffset at)
    {
        var actions = ChangeAction.All.Where(a => !a.Standing).ToList();
        var expired = member.IsExpired(at);
        return new AccessLine(
            member.Key.KeyId, member.Name, member.Party, member.RoleWord, member.IsRoot,
            expired ? [] : [.. Enum.GetValues<Permission>().Where(p => p != Permission.None && member.Allows(p)).Select(p => p.ToString().ToLowerInvariant())],
            expired || !member.Allows(Permission.Operate) ? [] : [.. actions.Where(a => MayRequest(state, member, a)).Select(a => a.Name)],
            expired || !member.Allows(Permission.Approve) ? [] : [.. actions.Where(a => MayApprove(state, member, a)).Select(a => a.Name)],
            member.ExpiresAt, member.LastActedAt, Remark(member, at))
        {
            SignsInAs = [.. state.Links.Values.Where(link => link.Key == member.Key.KeyId).Select(link => $"{link.Subject.Issuer} {link.Subject.Name}")],
        };
    }

    private static bool MayRequest(EnvironmentState state, Member member, ChangeAction action) =>
        state.Charter is { } charter && charter[action.Task].Owner.Includes(member.Party) && (action != ChangeAction.Override || charter[action.Task].Override);

    private static bool MayApprove(EnvironmentState state, Member member, ChangeAction action) =>
        state.Charter?[action.Task].Approval.GetValueOrDefault(action.Name) is { } need && need.Includes(member.Party) && (need.Roles.IsEmpty || need.Roles.Contains(member.Role));

    private static string? Remark(Member member, DateTimeOffset at)
    {
        if (member.IsExpired(at)) return "expired: take it out";
        if (member.LastActedAt is { } last && last < at - MemberLimits.UnusedAfter) return $"has signed nothing for {(int)(at - last).TotalDays} days";
        return null;
    }
}
