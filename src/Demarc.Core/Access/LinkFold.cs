using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>
/// Owners say who of their own party may read by signing in with an OpenID provider. A link gives no authority: whatever is decided is signed by a key, and a
/// plane or a provider that lies about who signed in shows somebody a page, and no more.
/// </summary>
internal static class LinkFold
{
    /// <summary>A person has one account, or two while they move; a member with more is a shared account.</summary>
    private const int MaxOfMember = 4;

    public static Folded Link(EnvironmentState state, Entry entry, MemberLinked data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        var subject = new Subject(data.Issuer, data.Subject);
        if (subject.Fault() is { } fault) return Folded.Refuse(fault);
        if (!state.Members.TryGetValue(data.Key, out var member)) return Folded.Refuse($"{data.Key} is no member");
        if (member.Party != owner.Party) return Folded.Refuse($"{data.Key} belongs to the {member.Party.Word()}, whose owners alone can link it");
        if (member.IsService) return Folded.Refuse($"{data.Key} is a service's token: a service does not sign in");
        if (state.Links.TryGetValue(subject.Id, out var linked)) return Folded.Refuse($"this subject is linked to {linked.Key} already: unlink it first");
        if (state.Links.Values.Count(link => link.Key == data.Key) >= MaxOfMember) return Folded.Refuse($"{data.Key} has {MaxOfMember} links already: unlink one first");
        return Folded.To(state with { Links = state.Links.Add(subject.Id, new MemberLink(subject, data.Key)), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }

    public static Folded Unlink(EnvironmentState state, Entry entry, MemberUnlinked data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        var subject = new Subject(data.Issuer, data.Subject);
        if (subject.Fault() is { } fault) return Folded.Refuse(fault);
        if (!state.Links.TryGetValue(subject.Id, out var link)) return Folded.Refuse("this subject is not linked");
        if (state.Members[link.Key].Party != owner.Party) return Folded.Refuse($"the link is of the {state.Members[link.Key].Party.Word()}, whose owners alone can take it back");
        return Folded.To(state with { Links = state.Links.Remove(subject.Id), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }

    /// <summary>Who changes their key keeps their account.</summary>
    public static ImmutableSortedDictionary<string, MemberLink> Moved(ImmutableSortedDictionary<string, MemberLink> links, string from, string to) =>
        links.SetItems(links.Where(link => link.Value.Key == from).Select(link => KeyValuePair.Create(link.Key, link.Value with { Key = to })));

    /// <summary>Who leaves is signed out for good.</summary>
    public static ImmutableSortedDictionary<string, MemberLink> Without(ImmutableSortedDictionary<string, MemberLink> links, string key) =>
        links.RemoveRange(links.Where(link => link.Value.Key == key).Select(link => link.Key));
}
