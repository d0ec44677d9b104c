using System.Text;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Agents;

/// <summary>
/// The agent's signature over a certificate request. The key of its TLS certificate is not its signing key, and its <c>agent.joined</c>
/// entry can be read by every member: without this signature any reader could have a certificate made out in the agent's name.
/// </summary>
public static class CertificateRequestProof
{
    /// <summary>Signs a request (DER) for an environment.</summary>
    public static byte[] Sign(SigningKey agent, EnvironmentId environment, ReadOnlySpan<byte> csr)
    {
        ArgumentNullException.ThrowIfNull(agent);
        return agent.Sign(Message(environment, csr));
    }

    /// <summary>Whether the agent signed exactly this request for this environment.</summary>
    public static bool Verify(PublicKey agent, EnvironmentId environment, ReadOnlySpan<byte> csr, ReadOnlySpan<byte> proof)
    {
        ArgumentNullException.ThrowIfNull(agent);
        return agent.Verify(Message(environment, csr), proof);
    }

    // A first line of its own, so that no other thing the agent signs can pass for this.
    private static byte[] Message(EnvironmentId environment, ReadOnlySpan<byte> csr) =>
        [.. Encoding.UTF8.GetBytes($"demarc-certificate-request/v1\n{environment.Value}\n"), .. csr];
}
