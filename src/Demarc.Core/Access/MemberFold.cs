using System.Collections.Immutable;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>
/// Owners add and remove people and services of their own party. Everybody changes their own key with the old one and the new one; the root of a party, when
/// its key is lost, is replaced by the other owners together.
/// </summary>
internal static class MemberFold
{
    /// <summary>Two parties' people who touch one environment; far more than any has.</summary>
    private const int MaxMembers = 1000;

    /// <summary>One owner alone is no quorum.</summary>
    private const int LeastQuorum = 2;

    private static readonly ImmutableSortedSet<Permission> ServicePermissions = [Permission.Look, Permission.Audit, Permission.Operate];

    public static Folded Add(EnvironmentState state, Entry entry, MemberAdded data, Member owner)
    {
        if (New(state, entry, data.Key, data.Name) is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        if (Ending(entry, data.ExpiresAt) is { } ending) return Folded.Refuse(ending);
        return Added(state, entry, new Member(Parse(data.Key), owner.Party, data.Role, data.Name, false) { ExpiresAt = data.ExpiresAt, AddedAt = entry.At });
    }

    public static Folded Issue(EnvironmentState state, Entry entry, TokenIssued data, Member owner)
    {
        if (New(state, entry, data.Key, data.Name) is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        if (Ending(entry, data.ExpiresAt) is { } ending) return Folded.Refuse(ending);
        if (data.Scope.IsDefaultOrEmpty) return Folded.Refuse("scope is empty: say what the token may do (look, audit, operate)");
        foreach (var permission in data.Scope)
        {
            if (!ServicePermissions.Contains(permission)) return Folded.Refuse($"scope cannot hold '{permission}': a service looks, audits and operates; people approve and own");
        }

        return Added(state, entry, new Member(Parse(data.Key), owner.Party, Role.Viewer, data.Name, false) { ExpiresAt = data.ExpiresAt, AddedAt = entry.At, Scope = [.. data.Scope] });
    }

    public static Folded Remove(EnvironmentState state, Entry entry, MemberRemoved data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (Own(state, data.Key, owner, "remove", out var member) is { } refused) return refused;
        if (member.IsRoot) return Folded.Refuse($"{data.Key} is the root of the {member.Party.Word()} and cannot be removed");
        return Folded.To(Without(state, data.Key, entry.At) with { AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }

    public static Folded Rekey(EnvironmentState state, Entry entry, MemberRekeyed data, Member member)
    {
        if (New(state, entry, data.NewKey, member.Name) is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        var key = Parse(data.NewKey);
        if (!entry.Signers.Contains(key)) return Folded.Refuse("the new key has not signed: who changes their key shows that they hold both");
        if (member.IsService) return Folded.Refuse("a service's token is issued anew, not changed");
        return Folded.To(SessionKeys.Moved(state, member.Key.KeyId, key.KeyId) with
        {
            Members = state.Members.Remove(member.Key.KeyId).Add(key.KeyId, member with { Key = key, AddedAt = entry.At }),
            Links = LinkFold.Moved(state.Links, member.Key.KeyId, key.KeyId),
            Former = state.Former.SetItem(member.Key.KeyId, member),
            Changes = OpenChanges(state, change => ChangeApprovals.Moved(change, member.Key.KeyId, key.KeyId)),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    /// <summary>The key is lost, perhaps stolen: the person stays who they are, and asked for what they asked for, but what the lost key approved needs another approval.</summary>
    public static Folded Replace(EnvironmentState state, Entry entry, MemberReplaced data, Member owner)
    {
        if (Own(state, data.Key, owner, "replace", out var member) is { } refused) return refused;
        if (member.IsRoot) return Folded.Refuse($"{data.Key} is the root of the {member.Party.Word()}: a quorum of owners replaces it (root.replaced)");
        if (member.IsService) return Folded.Refuse("a service's token is issued anew, not changed");
        if (member.Key.Equals(owner.Key)) return Folded.Refuse("one's own key is changed with both keys (member.rekeyed)");
        if (New(state, entry, data.NewKey, member.Name) is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        var (key, without) = (Parse(data.NewKey), Without(state, data.Key, entry.At));
        return Folded.To(without with
        {
            Members = without.Members.Add(key.KeyId, member with { Key = key, AddedAt = entry.At, LastActedAt = null }),
            Changes = OpenChanges(without, change => ChangeApprovals.Moved(change, data.Key, key.KeyId)),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    public static Folded SetExpiry(EnvironmentState state, Entry entry, MemberExpirySet data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (Own(state, data.Key, owner, "limit", out var member) is { } refused) return refused;
        if (member.IsRoot) return Folded.Refuse($"{data.Key} is the root of the {member.Party.Word()} and does not expire");
        if (Ending(entry, data.ExpiresAt) is { } ending) return Folded.Refuse(ending);
        if (member.IsService && !(data.ExpiresAt < member.ExpiresAt)) return Folded.Refuse($"a service's token is only shortened: it ends at {member.ExpiresAt:u}, issue another for longer");
        return Folded.To(state with
        {
            Members = state.Members.SetItem(data.Key, member with { ExpiresAt = data.ExpiresAt }),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    /// <summary>The root is lost or cannot be trusted: more than half of the party's other owners, at least two of them, put another in its place.</summary>
    public static Folded ReplaceRoot(EnvironmentState state, Entry entry, RootReplaced data, Member author)
    {
        if (!state.Members.TryGetValue(data.Root, out var root) || !root.IsRoot) return Folded.Refuse($"{data.Root} is no root");
        if (root.Party != author.Party) return Folded.Refuse($"{data.Root} is the root of the {root.Party.Word()}, whose owners alone can replace it");
        if (New(state, entry, data.NewRoot, root.Name) is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        var key = Parse(data.NewRoot);
        if (!entry.Signers.Contains(key)) return Folded.Refuse("the new root has not signed: it has to show that somebody holds it");
        var at = Later(state, entry);
        var owners = state.Members.Values.Where(m => m.Party == root.Party && m.Role == Role.Owner && m is { IsRoot: false, IsService: false } && !m.IsExpired(at)).Select(m => m.Key).ToList();
        var signed = entry.Signers.Count(owners.Contains);
        var needed = Math.Max(LeastQuorum, (owners.Count / 2) + 1);
        if (signed < needed) return Folded.Refuse($"{signed} of the {owners.Count} owners of the {root.Party.Word()} beside the root have signed, {needed} are needed");
        return Folded.To(Without(state, data.Root, entry.At) with
        {
            Members = state.Members.Remove(data.Root).Add(key.KeyId, new Member(key, root.Party, Role.Owner, root.Name, true) { AddedAt = entry.At }),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    /// <summary>The time that expiry is judged by: dating an entry back does not bring a key to life again.</summary>
    public static DateTimeOffset Later(EnvironmentState state, Entry entry) => entry.At > state.LatestAt ? entry.At : state.LatestAt;

    private static Folded? Own(EnvironmentState state, string key, Member owner, string verb, out Member member)
    {
        if (!state.Members.TryGetValue(key, out member!)) return Folded.Refuse($"{key} is no member");
        return member.Party == owner.Party ? null : Folded.Refuse($"{key} belongs to the {member.Party.Word()}, whose owners alone can {verb} it");
    }

    private static Folded New(EnvironmentState state, Entry entry, string text, string name)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (!PublicKey.TryParse(text, out var key)) return Folded.Refuse($"key is not {PublicKey.Forms}");
        if (state.Members.ContainsKey(key.KeyId)) return Folded.Refuse($"{key.KeyId} is a member already: remove it first");
        if (state.Agent?.Key.Equals(key) == true) return Folded.Refuse("the key is the agent's");
        if (state.Members.Count >= MaxMembers) return Folded.Refuse($"an environment has at most {MaxMembers} members");
        return name.Length is 0 or > 80 ? Folded.Refuse("name must have 1 to 80 characters") : Folded.To(state);
    }

    private static string? Ending(Entry entry, DateTimeOffset? expiresAt) => expiresAt is { } end && (end <= entry.At || end > entry.At + MemberLimits.MaxLife)
        ? $"expiresAt must lie within {MemberLimits.MaxLife.TotalDays} days"
        : null;

    private static Folded Added(EnvironmentState state, Entry entry, Member member) => Folded.To(state with
    {
        Members = state.Members.Add(member.Key.KeyId, member),
        AuthorityIds = state.AuthorityIds.Add(entry.Id),
    });

    // Whose key is gone has approved nothing that has not begun: the key may have been somebody else's for a while.
    private static EnvironmentState Without(EnvironmentState state, string key, DateTimeOffset at) => SessionKeys.Without(state, key, at) with
    {
        Members = state.Members.Remove(key),
        Links = LinkFold.Without(state.Links, key),
        Former = state.Former.SetItem(key, state.Members[key]),
        Changes = OpenChanges(state, change => ChangeApprovals.Without(change, key)),
    };

    private static ImmutableDictionary<ChangeId, Change> OpenChanges(EnvironmentState state, Func<Change, Change> each) =>
        state.Changes.SetItems(state.OpenChanges.Select(change => KeyValuePair.Create(change.Id, each(change))));

    private static PublicKey Parse(string text) => PublicKey.TryParse(text, out var key) ? key : throw new BrokenBeliefException("The key was checked.");
}

/// <summary>Bounds of keys that end by themselves.</summary>
public static class MemberLimits
{
    /// <summary>The longest life of a key that expires; who is still there in a year is given another.</summary>
    public static TimeSpan MaxLife { get; } = TimeSpan.FromDays(366);

    /// <summary>Access that nobody has used for so long is worth a question.</summary>
    public static TimeSpan UnusedAfter { get; } = TimeSpan.FromDays(90);
}
