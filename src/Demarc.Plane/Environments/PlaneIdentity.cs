using Demarc.Core.Environments;
using Demarc.Plane.Agents;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Demarc.Plane.Environments;

/// <summary>What this plane says of itself to everyone: what agents and founding entries pin. Ports are known once it listens.</summary>
public sealed class PlaneIdentity(PlaneOptions options, CheckpointSigner signer, AgentAuthority authority, IServer server)
{
    /// <summary>The whole answer.</summary>
    public PlaneView View => new(options.Name, PlaneHost.Version, signer.VerifierKey, Hub, authority.Pem, options.VendorRoot);

    /// <summary>Where agents dial in: under the first name that the operator gave the hub, if any.</summary>
    public string Hub => $"https://{(options.HubNames.Count > 0 ? options.HubNames[0] : options.Host)}:{Address(agents: true).Port}";

    /// <summary>Where REST and console are.</summary>
    public Uri Rest => Address(agents: false);

    // Kestrel lists addresses in the order in which they were asked for: REST first.
    private Uri Address(bool agents)
    {
        var addresses = server.Features.Get<IServerAddressesFeature>()!.Addresses;
        return new Uri(agents ? addresses.Last() : addresses.First());
    }
}
