using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>Owners add and remove people of their own party; the root of a party cannot be removed.</summary>
internal static class MemberFold
{
    /// <summary>Two parties' people who touch one environment; far more than any has.</summary>
    private const int MaxMembers = 1000;

    public static Folded Add(EnvironmentState state, Entry entry, MemberAdded data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (!PublicKey.TryParse(data.Key, out var key)) return Folded.Refuse("key is not an 'ed25519:' key");
        if (state.Members.ContainsKey(key.KeyId)) return Folded.Refuse($"{key.KeyId} is a member already: remove it first");
        if (state.Members.Count >= MaxMembers) return Folded.Refuse($"an environment has at most {MaxMembers} members");
        if (data.Name.Length is 0 or > 80) return Folded.Refuse("name must have 1 to 80 characters");
        return Folded.To(state with
        {
            Members = state.Members.Add(key.KeyId, new Member(key, owner.Party, data.Role, data.Name, false)),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    public static Folded Remove(EnvironmentState state, Entry entry, MemberRemoved data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (!state.Members.TryGetValue(data.Key, out var member)) return Folded.Refuse($"{data.Key} is no member");
        if (member.Party != owner.Party) return Folded.Refuse($"{data.Key} belongs to the {member.Party.Word()}, whose owners alone can remove it");
        if (member.IsRoot) return Folded.Refuse($"{data.Key} is the root of the {member.Party.Word()} and cannot be removed");
        return Folded.To(state with { Members = state.Members.Remove(data.Key), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }
}
