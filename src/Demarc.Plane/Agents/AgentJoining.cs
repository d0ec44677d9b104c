using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Agents;

/// <summary>What comes of asking to join.</summary>
/// <param name="Reply">The certificate; null when refused.</param>
/// <param name="Field">The field of the request that cannot be read; null when the ledger refuses.</param>
/// <param name="Fault">Why not; null when joined.</param>
public readonly record struct Joined(JoinReply? Reply, string? Field, string? Fault);

/// <summary>
/// An agent joins by its own entry: the fold decides, the plane only adds a certificate for the transport. Everything that can be wrong with the
/// request is found before the entry is appended, so that a bad one does not use up the invitation. Asked again with the same entry, by the holder of the agent's
/// key, it makes out another certificate: that is how an agent comes back whose certificate ran out while it was off.
/// </summary>
/// <param name="Sequencer">The ledgers.</param>
/// <param name="Authority">Who makes out certificates.</param>
/// <param name="Hub">Where agents dial in.</param>
/// <param name="Time">The clock.</param>
public sealed record AgentJoining(Sequencer Sequencer, AgentAuthority Authority, string Hub, TimeProvider Time)
{
    /// <summary>Joins, or says why not. Throws <see cref="LedgerUnavailableException"/> when the outcome is not known.</summary>
    public async ValueTask<Joined> JoinAsync(JoinRequest request, CancellationToken cancellation)
    {
        if (!EnvironmentId.TryParse(request.Environment, out var environment)) return Unreadable("environment", $"environment must be {EnvironmentId.Form}");
        if (Base64Text.Decode(request.Envelope ?? "", Base64Form.Either) is not { } envelope) return Unreadable("envelope", "envelope is not base64");
        if (Base64Text.Decode(request.Csr ?? "", Base64Form.Either) is not { } csr) return Unreadable("csr", "csr is not base64");
        if (Base64Text.Decode(request.Proof ?? "", Base64Form.Either) is not { } proof) return Unreadable("proof", "proof is not base64");
        var read = Entry.Read(envelope);
        if (read.Entry is not { } entry) return Unreadable("envelope", read.Fault!);
        if (entry.Data is not AgentJoined joined) return Unreadable("envelope", $"the entry is {entry.Body.Kind}, not agent.joined");
        if (entry.Author is not Ed25519Key agent) return Unreadable("envelope", "the agent's key is not an 'ed25519:' key");
        if (!CertificateRequestProof.Verify(agent, environment, csr, proof)) return Unreadable("proof", "proof is not the agent's signature over csr");
        var issued = Authority.Issue(new AgentName(environment, agent), csr);
        if (issued.Certificate is not { } certificate) return Unreadable("csr", issued.Fault!);
        if (await Sequencer.FindAsync(environment, cancellation) is not { } view) return Refused($"there is no environment {environment}");
        // The fold can only go by the agent's word for the time; here there is a clock.
        if (view.State.Invitations.TryGetValue(joined.Invitation, out var invitation) && Time.GetUtcNow() > invitation.ExpiresAt)
            return Refused($"the invitation expired at {invitation.ExpiresAt:u}: ask the customer's owner for another (demarc env invite)");
        var appended = await Sequencer.AppendAsync(environment, entry, cancellation);
        if (appended.Refusal is { } refusal) return Refused(refusal);
        view = await Sequencer.FindAsync(environment, cancellation);
        return view?.State.Agent?.Key == entry.Author
            ? new Joined(new JoinReply(Base64Text.Encode(certificate), Authority.Pem, Hub), null, null)
            : Refused("this agent has been revoked: a new one needs a new invitation");
    }

    private static Joined Unreadable(string field, string why) => new(null, field, why);

    private static Joined Refused(string why) => new(null, null, why);
}
