using Demarc.Core;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Agents;

/// <summary>The plane's answer to a request to join: the reply, or why it was refused for good.</summary>
/// <param name="Reply">Joined.</param>
/// <param name="Refusal">Refused; asking again changes nothing.</param>
public readonly record struct JoinAnswer(JoinReply? Reply, string? Refusal);

/// <summary>The plane's front door, used to join and to come back after the certificate ran out.</summary>
public interface IPlaneDoor
{
    /// <summary>Asks to join. Throws <see cref="LinkException"/> when the plane cannot be asked now.</summary>
    Task<JoinAnswer> JoinAsync(string plane, JoinRequest request, CancellationToken stop);
}

/// <summary>
/// Joins an environment with the customer's token. Keys and the signed entry are on disk before the plane is asked, so that an agent killed half way
/// asks again with the very same entry, and the plane's answer to a repetition is the answer it gave.
/// </summary>
public sealed class Joining(AgentHome home, IPlaneDoor door, TimeProvider time, FillRandom random)
{
    /// <summary>Prepares what the token asks for; the fault says why it cannot be.</summary>
    public (Membership? Membership, string? Fault) Prepare(string? tokenText, string machine)
    {
        var known = home.ReadMembership();
        if (tokenText is null)
            return known is null ? (null, "this agent has not joined yet: give it the customer's join token with --join FILE or in DEMARC_JOIN") : (known, null);
        if (JoinToken.Read(tokenText, out var fault) is not { } token) return (null, fault);
        if (token.Founding.Length != 64 || !token.Founding.All(char.IsAsciiHexDigitLower)) return (null, "the join token's founding is not the hex hash of an entry");
        if (known is not null && (known.Environment != token.Environment || known.Founding != token.Founding))
            return (null, $"this data folder belongs to an agent of environment {known.Environment}: use another --data for {token.Environment}");

        using var invitation = SigningKey.FromSeed(token.InvitationSeed()!);
        // The same token again, or one that is no longer needed, changes nothing.
        if (known is not null && (known.Hub is not null || known.Invitation == invitation.Public.KeyId)) return (known, null);
        using var key = home.SigningKey(random);
        var entry = Entry.Write(
            EnvironmentId.Parse(token.Environment),
            Entry.NewId(random),
            time.GetUtcNow(),
            new AgentJoined(key.Public.KeyId, invitation.Public.KeyId, machine),
            key,
            invitation);
        var membership = new Membership(token.Plane, token.Environment, token.Founding, invitation.Public.KeyId, Base64Text.Encode(entry.Bytes.Span), machine, null, null, token.Head?.PlaneKey, token.Head);
        home.WriteMembership(membership);
        return (membership, null);
    }

    /// <summary>Asks the plane for a certificate, the first or another; keeps it. The refusal is final.</summary>
    public async Task<(Membership? Membership, string? Refusal)> AskAsync(Membership membership, CancellationToken stop)
    {
        var environment = EnvironmentId.Parse(membership.Environment);
        var csr = home.CertificateRequest(environment);
        using var key = home.SigningKey(random);
        var proof = CertificateRequestProof.Sign(key, environment, csr);
        var answer = await door.JoinAsync(membership.Plane, new JoinRequest(membership.Environment, membership.Joined, Base64Text.Encode(csr), Base64Text.Encode(proof)), stop);
        if (answer.Reply is not { } reply) return (null, answer.Refusal ?? "the plane gave no reason");
        if (Base64Text.Decode(reply.Certificate.AsSpan(), Base64Form.Either) is not { } certificate) return (null, "the plane's certificate is not base64");
        home.WriteCertificate(certificate);
        var joined = membership with { Hub = reply.Hub, HubAuthority = reply.Ca };
        if (joined != membership) home.WriteMembership(joined);
        return (joined, null);
    }
}
