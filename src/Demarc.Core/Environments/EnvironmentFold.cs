using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Environments;

/// <summary>What folding one entry gives: the next state, or why the entry has no place in this ledger.</summary>
/// <param name="State">The next state; null when refused.</param>
/// <param name="Refusal">Why; null when folded.</param>
public readonly record struct Folded(EnvironmentState? State, string? Refusal)
{
    /// <summary>The entry has its place.</summary>
    public static Folded To(EnvironmentState state) => new(state, null);

    /// <summary>The entry has none.</summary>
    public static Folded Refuse(string why) => new(null, why);
}

/// <summary>
/// State + entry → state, or a refusal. A ledger holds only entries that fold: the plane refuses others at the door, and an agent
/// that meets one in a ledger knows that the plane is not to be trusted. Authority is checked here and nowhere else.
/// </summary>
public static class EnvironmentFold
{
    /// <summary>Folds one entry.</summary>
    public static Folded Apply(EnvironmentState state, Entry entry)
    {
        if (state.Founding is null)
            return entry.Data is EnvironmentFounded founding ? Founded(state, entry, founding) : Folded.Refuse("the first entry of a ledger must be environment.founded");
        if (entry.Environment != state.Id) return Folded.Refuse($"the entry is for environment {entry.Environment}, this is the ledger of {state.Id}");
        if (entry.Kind is null) return Unknown(state, entry);
        var who = entry.Data is AgentJoined ? null : WhoMay(state, entry);
        if (who is { Refusal: { } refusal }) return Folded.Refuse(refusal);
        var folded = Dispatch(state, entry, who?.Member);
        if (folded.State is not { } next) return folded;
        return Folded.To(Stamp(next, entry, who?.Member));
    }

    /// <summary>Folds entries in order from a state; stops at the first that is refused.</summary>
    public static (EnvironmentState State, int Folded, string? Refusal) ApplyAll(EnvironmentState state, IReadOnlyList<Entry> entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            var folded = Apply(state, entries[i]);
            if (folded.State is not { } next) return (state, i, folded.Refusal);
            state = next;
        }

        return (state, entries.Count, null);
    }

    private static Folded Dispatch(EnvironmentState state, Entry entry, Member? member) => entry.Data switch
    {
        EnvironmentFounded => Folded.Refuse("the environment is founded already"),
        CharterProposed data => CharterFold.Propose(state, entry, data, member!),
        CharterSigned data => CharterFold.Sign(state, entry, data, member!),
        MemberAdded data => MemberFold.Add(state, entry, data, member!),
        MemberRemoved data => MemberFold.Remove(state, entry, data, member!),
        MemberRekeyed data => MemberFold.Rekey(state, entry, data, member!),
        MemberReplaced data => MemberFold.Replace(state, entry, data, member!),
        MemberExpirySet data => MemberFold.SetExpiry(state, entry, data, member!),
        RootReplaced data => MemberFold.ReplaceRoot(state, entry, data, member!),
        TokenIssued data => MemberFold.Issue(state, entry, data, member!),
        MemberLinked data => LinkFold.Link(state, entry, data, member!),
        MemberUnlinked data => LinkFold.Unlink(state, entry, data, member!),
        AgentInvited data => AgentFold.Invite(state, entry, data, member!),
        AgentJoined data => AgentFold.Join(state, entry, data),
        AgentRevoked data => AgentFold.Revoke(state, entry, data),
        VendorSevered data => SeveranceFold.Sever(state, entry, data, member!),
        PlaneMoved data => SeveranceFold.Move(state, entry, data, member!),
        CredentialIssued data => InstanceFold.Issue(state, data),
        FindingRaised data => FindingFold.Raise(state, entry, data),
        FindingCleared data => FindingFold.Clear(state, data),
        EgressConsented data => EgressFold.Consent(state, entry, data, member!),
        var data when SessionFold.SessionOf(data) is not null => SessionFold.Apply(state, entry, data, member),
        var data => ChangeFold.Apply(state, entry, data, member),
    };

    private static Folded Founded(EnvironmentState state, Entry entry, EnvironmentFounded data)
    {
        if (!PublicKey.TryParse(data.CustomerRoot, out var customer)) return Folded.Refuse($"customerRoot is not {PublicKey.Forms}");
        if (!PublicKey.TryParse(data.VendorRoot, out var vendor)) return Folded.Refuse($"vendorRoot is not {PublicKey.Forms}");
        if (customer.Equals(vendor)) return Folded.Refuse("customerRoot and vendorRoot are the same key: two parties need two");
        if (!entry.Signers.Contains(customer)) return Folded.Refuse("the founding entry is not signed by customerRoot");
        if (!entry.Signers.Contains(vendor)) return Folded.Refuse("the founding entry is not signed by vendorRoot");
        if (!NoteKey.TryParse(data.PlaneKey, out _)) return Folded.Refuse("planeKey is not a verifier key");
        if (data.Name.Length is 0 or > 80) return Folded.Refuse("name must have 1 to 80 characters");
        if (!AgeRecipient.TryParse(data.CustomerSealing, out _)) return Folded.Refuse("customerSealing is not an 'age1…' recipient");
        return Folded.To(Stamp(
            state with
            {
                Id = entry.Environment,
                Founding = data,
                Planes = [new PlaneTerm(data.PlaneKey, 0)],
                Members = state.Members
                    .Add(customer.KeyId, new Member(customer, Party.Customer, Role.Owner, "customer root", true) { AddedAt = entry.At })
                    .Add(vendor.KeyId, new Member(vendor, Party.Vendor, Role.Owner, "vendor root", true) { AddedAt = entry.At }),
            },
            entry,
            null));
    }

    private static (Member? Member, string? Refusal)? WhoMay(EnvironmentState state, Entry entry)
    {
        var kind = entry.Kind!;
        if (kind.Author is EntryAuthor.Agent or EntryAuthor.PersonOrAgent && state.Agent is { } agent && agent.Key.Equals(entry.Author)) return null;
        if (kind.Author == EntryAuthor.Agent) return (null, $"{kind.Name} is written by the joined agent; {entry.Author.KeyId} is not it");
        if (state.MemberOf(entry.Author) is not { } member) return (null, $"{entry.Author.KeyId} is no member of this environment");
        if (member.IsExpired(MemberFold.Later(state, entry))) return (null, $"{entry.Author.KeyId} expired at {member.ExpiresAt:u}");
        if (SeveranceFold.Refusal(state, entry, member) is { } severed) return (null, severed);
        return member.Allows(kind.Permission)
            ? (member, null)
            : (null, $"{kind.Name} needs the permission '{kind.Permission}', which the role '{member.RoleWord}' does not have");
    }

    private static Folded Unknown(EnvironmentState state, Entry entry)
    {
        if (state.MemberOf(entry.Author) is { } member) return SeveranceFold.Refusal(state, entry, member) is { } severed ? Folded.Refuse(severed) : Counted(state);
        return state.Agent?.Key.Equals(entry.Author) == true ? Counted(state) : Folded.Refuse($"{entry.Author.KeyId} is no member of this environment");
    }

    private static Folded Counted(EnvironmentState state) => Folded.To(state with { Size = state.Size + 1, HandedOverFrom = null });

    private static EnvironmentState Stamp(EnvironmentState state, Entry entry, Member? member)
    {
        var task = EntrySubject.Of(state, entry).Task;
        var by = member?.Party.Word() ?? (entry.Data is EnvironmentFounded ? "both" : "agent");
        return state with
        {
            Members = member is not null && state.Members.TryGetValue(member.Key.KeyId, out var still) ? state.Members.SetItem(member.Key.KeyId, still with { LastActedAt = entry.At }) : state.Members,
            HandedOverFrom = entry.Data is PlaneMoved ? state.HandedOverFrom : null,
            LatestAt = entry.At > state.LatestAt ? entry.At : state.LatestAt,
            LastActs = state.LastActs.SetItem(task, new LastAct(state.Size, entry.Kind!.Name, entry.At, by)),
            Size = state.Size + 1,
        };
    }
}
