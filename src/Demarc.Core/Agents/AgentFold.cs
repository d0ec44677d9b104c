using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Agents;

/// <summary>
/// The customer's owner invites; the invitation is a key pair whose private half is the join token, so that whoever joins proves
/// the invitation to everyone, and neither the plane nor a reader of the ledger can join in its place. One agent acts at a time.
/// </summary>
internal static class AgentFold
{
    /// <summary>Unused invitations that may be open at once.</summary>
    private const int MaxInvitations = 16;

    public static Folded Invite(EnvironmentState state, Entry entry, AgentInvited data, Member owner)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (owner.Party != Party.Customer) return Folded.Refuse("the agent acts in the customer's account: the customer's owner alone invites it");
        if (Ed25519Key.Parse(data.Invitation) is not { } invitation) return Folded.Refuse("invitation is not an 'ed25519:' key");
        if (data.ExpiresAt <= entry.At || data.ExpiresAt > entry.At + AgentLimits.MaxInvitation) return Folded.Refuse($"expiresAt must lie within {AgentLimits.MaxInvitation.TotalDays} days of the invitation");
        var open = state.Invitations.Where(i => i.Value.ExpiresAt > entry.At).ToDictionary();
        if (open.Count >= MaxInvitations) return Folded.Refuse($"{MaxInvitations} invitations are open already: use one or wait until they expire");
        return Folded.To(state with
        {
            Invitations = state.Invitations.Clear().AddRange(open).SetItem(invitation.KeyId, data),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    public static Folded Join(EnvironmentState state, Entry entry, AgentJoined data)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (Ed25519Key.Parse(data.Agent) is not { } agent || !agent.Equals(entry.Author)) return Folded.Refuse("agent is not the key that signs");
        if (Ed25519Key.Parse(data.Invitation) is not { } invitation || !state.Invitations.TryGetValue(invitation.KeyId, out var invited)) return Folded.Refuse("the invitation is not open: it was never given, is used up, or was replaced");
        if (!entry.Signers.Contains(invitation)) return Folded.Refuse("the invitation's key has not signed");
        if (entry.At > invited.ExpiresAt) return Folded.Refuse($"the invitation expired at {invited.ExpiresAt:O}");
        if (state.Agent is not null) return Folded.Refuse("an agent has joined already: revoke it first");
        if (state.MemberOf(agent) is not null) return Folded.Refuse("the agent's key belongs to a person");
        if (data.Name.Length is 0 or > 80) return Folded.Refuse("name must have 1 to 80 characters");
        return Folded.To(state with
        {
            Agent = new JoinedAgent(agent, data.Name, entry.At),
            Invitations = state.Invitations.Remove(invitation.KeyId),
            AuthorityIds = state.AuthorityIds.Add(entry.Id),
        });
    }

    public static Folded Revoke(EnvironmentState state, Entry entry, AgentRevoked data)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (state.Agent is not { } agent || agent.Key.KeyId != data.Agent) return Folded.Refuse($"{data.Agent} is not the joined agent");
        var inherited = state.OpenChanges.Select(change => ChangeLifecycle.Inherit(change).Change).OfType<Change>().Select(change => KeyValuePair.Create(change.Id, change));
        return Folded.To(state with { Agent = null, Changes = state.Changes.SetItems(inherited), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }
}

/// <summary>Bounds of agents and their conversation with the plane.</summary>
public static class AgentLimits
{
    /// <summary>The protocol spoken; see contract/agent.proto for the history.</summary>
    public const int Protocol = 1;

    /// <summary>How long an invitation is open unless said otherwise.</summary>
    public static TimeSpan Invitation { get; } = TimeSpan.FromDays(1);

    /// <summary>An invitation is used within days or asked for again.</summary>
    public static TimeSpan MaxInvitation { get; } = TimeSpan.FromDays(7);

    /// <summary>A client certificate's life; renewed when half of it is over.</summary>
    public static TimeSpan CertificateLife { get; } = TimeSpan.FromHours(24);
}
