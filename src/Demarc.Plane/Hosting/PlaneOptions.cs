using System.Net;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Hosting;

/// <summary>How a plane is started.</summary>
/// <param name="Data">Its folder: store, keys, certificates.</param>
/// <param name="Url">Where REST and console listen.</param>
/// <param name="HubPort">Where agents dial in.</param>
/// <param name="HubNames">Names and addresses in the hub's certificate besides the loopback ones.</param>
/// <param name="Name">Its name in checkpoints and request tokens.</param>
/// <param name="VendorRoot">The vendor's root key; null for a plane that founds nothing.</param>
public sealed record PlaneOptions(string Data, Uri Url, int HubPort, IReadOnlyList<string> HubNames, string Name, string? VendorRoot)
{
    /// <summary>What <c>--help</c> prints.</summary>
    public const string Help = """
        demarc-plane: the vendor's side. Sequences ledgers, talks to agents, serves REST and the console.

          --data DIR          folder for the store and the plane's keys (required)
          --url URL           where REST and console listen (default http://127.0.0.1:7100)
          --hub-port PORT     where agents dial in, gRPC over mutual TLS (default 7101)
          --hub-name NAME     further name or address in the hub's certificate; may be repeated
          --name NAME         the plane's name in checkpoints (default plane.local)
          --vendor-root KEY   the vendor's root key, 'ed25519:…'; without it no environment can be founded here
          --listen-public     allow an address other than loopback (REST then needs https in front of it)
          --version, --help

        Exit codes: 0 stopped on request, 2 wrong options, 3 the data folder is in use or damaged, 4 an address is taken.
        """;

    /// <summary>Reads the command line; a sentence says what is wrong with it.</summary>
    public static (PlaneOptions? Options, string? Fault) Read(IReadOnlyList<string> arguments)
    {
        var data = "";
        var url = "http://127.0.0.1:7100";
        var hubPort = 7101;
        var names = new List<string>();
        var name = "plane.local";
        string? vendorRoot = null;
        var listenPublic = false;
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--listen-public")
            {
                listenPublic = true;
                continue;
            }

            if (i + 1 >= arguments.Count) return (null, $"{arguments[i]} needs a value, or is not an option: see --help.");
            var value = arguments[++i];
            switch (arguments[i - 1])
            {
                case "--data":
                    data = value;
                    break;
                case "--url":
                    url = value;
                    break;
                case "--hub-port" when int.TryParse(value, out var port) && port is > 0 and <= 65535:
                    hubPort = port;
                    break;
                case "--hub-name":
                    names.Add(value);
                    break;
                case "--name" when NoteKey.IsName(value):
                    name = value;
                    break;
                case "--vendor-root" when PublicKey.TryParse(value, out _):
                    vendorRoot = value;
                    break;
                default:
                    return (null, $"{arguments[i - 1]} '{value}' is not an option with such a value: see --help.");
            }
        }

        if (data.Length == 0) return (null, "--data is missing: name the folder for the store and the keys.");
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != "http" || address.AbsolutePath != "/") return (null, $"--url '{url}' is not an address like http://127.0.0.1:7100.");
        var loopback = address.IsLoopback && (!IPAddress.TryParse(address.Host, out var ip) || IPAddress.IsLoopback(ip));
        return loopback || listenPublic
            ? (new PlaneOptions(Path.GetFullPath(data), address, hubPort, names, name, vendorRoot), null)
            : (null, $"--url {url} would listen beyond this machine: put a TLS proxy in front of it and say --listen-public.");
    }
}
