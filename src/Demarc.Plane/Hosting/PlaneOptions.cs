using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NoteKey = Demarc.Core.Ledger.NoteKey;
using SignerKey = Demarc.Core.Ledger.PublicKey;

namespace Demarc.Plane.Hosting;

/// <summary>How a plane is started.</summary>
/// <param name="Data">Its folder: store, keys, certificates.</param>
/// <param name="Url">Where REST and console listen; port 0 takes a free one.</param>
/// <param name="HubPort">Where agents dial in; 0 takes a free one.</param>
/// <param name="HubNames">Names and addresses in the hub's certificate besides the loopback ones.</param>
/// <param name="Name">Its name in checkpoints and request tokens.</param>
/// <param name="VendorRoot">The vendor's root key; null for a plane that founds nothing.</param>
public sealed record PlaneOptions(string Data, Uri Url, int HubPort, IReadOnlyList<string> HubNames, string Name, string? VendorRoot)
{
    /// <summary>What <c>--help</c> prints.</summary>
    public const string Help = """
        demarc-plane: sequences ledgers, talks to agents, serves REST and the console. The vendor's side, and the customer's own once they have severed the vendor.

          demarc-plane --data DIR [options]                              run until stopped
          demarc-plane key --data DIR [--name NAME]                      print the verifier key, made at the first call
          demarc-plane import --data DIR --from DIR --customer-root KEY  take in a whole ledger from an export, verified; the plane must not run
                                                                         --set-aside: give up a history of its own, written to a file first

          --data DIR              folder for the store and the plane's keys (required)
          --url URL               where REST and console listen (default http://127.0.0.1:7100; port 0: a free one)
          --hub-port PORT         where agents dial in, gRPC over mutual TLS (default 7101; 0: a free one)
          --hub-name NAME         further name or address in the hub's certificate; may be repeated, the first is what agents are told
          --name NAME             the plane's name in checkpoints (default plane.local)
          --vendor-root KEY       the vendor's root key, 'ed25519:…'; without it no environment can be founded here
          --listen-public         allow an address beyond this machine; needs an https --url with a certificate
          --tls-certificate FILE  PEM certificate (with its chain) for an https --url
          --tls-key FILE          its PEM key
          --public-url URL        the address that people's browsers use, when a proxy stands in between; links and sign-in go there
          --oidc-authority URL    an OpenID provider that people may sign in with, to read
          --oidc-client-id ID     what that provider calls this plane; its redirect address is URL/sign-in/openid/callback
          --oidc-client-secret-file FILE
                                  the secret of that client, in a file only you can read; without it PKCE alone protects
          --oidc-name TEXT        what the sign-in button says (default: the provider's host)
          --smtp-url URL          smtp://user@host:587 (STARTTLS) or smtps://user@host:465, for notifications by e-mail
          --smtp-password-file FILE
                                  the password of that user, in a file only you can read
          --mail-from ADDRESS     who those e-mails are from
          --notify-private        allow webhooks to addresses of private networks
          --version, --help

        Exit codes: 0 stopped on request, 2 wrong options, 3 the data folder is in use or damaged, 4 an address is taken, 5 an import is refused.
        """;

    /// <summary><c>run</c>, <c>key</c> or <c>import</c>.</summary>
    public string Command { get; init; } = "run";

    /// <summary>For an import: the folder of the export.</summary>
    public string? From { get; init; }

    /// <summary>For an import: the customer's root, which the ledger has to be of.</summary>
    public string? CustomerRoot { get; init; }

    /// <summary>For an import: whether a history of this plane's own is given up.</summary>
    public bool SetAside { get; init; }

    /// <summary>The certificate of an https address; null for http.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The provider that people may sign in with; null for none.</summary>
    public Access.OpenIdOptions? OpenId { get; init; }

    /// <summary>Where e-mail goes out; null for nowhere.</summary>
    public Monitoring.MailOptions? Mail { get; init; }

    /// <summary>Whether webhooks may go to addresses of private networks.</summary>
    public bool NotifyPrivate { get; init; }

    /// <summary>The address that browsers use, when it is not the one listened on.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>The address that both doors are bound to.</summary>
    public IPAddress Address => Url.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(Url.Host.Trim('[', ']'));

    /// <summary>The host as it stands in addresses.</summary>
    public string Host => Url.Host;

    /// <summary>Reads the command line; a sentence says what is wrong with it.</summary>
    public static (PlaneOptions? Options, string? Fault) Read(IReadOnlyList<string> arguments)
    {
        var values = new Dictionary<string, string> { ["--url"] = "http://127.0.0.1:7100", ["--hub-port"] = "7101", ["--name"] = "plane.local" };
        var names = new List<string>();
        var flags = new HashSet<string>();
        var command = arguments.Count > 0 && !arguments[0].StartsWith('-') ? arguments[0] : "run";
        if (command is not ("run" or "key" or "import")) return Fault($"'{command}' is not a command: key or import, or none to run the plane.");
        for (var i = command == "run" && (arguments.Count == 0 || arguments[0] != "run") ? 0 : 1; i < arguments.Count; i++)
        {
            var option = arguments[i];
            if (option is "--listen-public" or "--set-aside" or "--notify-private")
            {
                flags.Add(option);
                continue;
            }

            if (!Valued.Contains(option)) return Fault($"'{option}' is not an option: see --help.");
            if (++i >= arguments.Count) return Fault($"{option} needs a value: see --help.");
            if (option == "--hub-name") names.Add(arguments[i]);
            else values[option] = arguments[i];
        }

        var (bare, fault) = Check(values, names, flags.Contains("--listen-public"));
        if (bare is null) return (null, fault);
        (var options, fault) = WithPeople(bare with { Command = command, SetAside = flags.Contains("--set-aside"), NotifyPrivate = flags.Contains("--notify-private") }, values);
        return options is null ? (null, fault) : Import(options, values);
    }

    private static (PlaneOptions? Options, string? Fault) Import(PlaneOptions options, Dictionary<string, string> values)
    {
        if (options.Command != "import")
            return options.SetAside || values.ContainsKey("--from") || values.ContainsKey("--customer-root") ? Fault("--from, --customer-root and --set-aside belong to 'import'.") : (options, null);
        if (!values.TryGetValue("--from", out var from)) return Fault("--from is missing: name the folder of an export ('demarc audit export').");
        if (!values.TryGetValue("--customer-root", out var root) || !SignerKey.TryParse(root, out _)) return Fault("--customer-root is missing or no 'ed25519:' key: it says whose ledger may be taken in.");
        return (options with { From = Path.GetFullPath(from), CustomerRoot = root }, null);
    }

    private static readonly HashSet<string> Valued =
    [
        "--data", "--url", "--hub-port", "--hub-name", "--name", "--vendor-root", "--tls-certificate", "--tls-key", "--public-url",
        "--oidc-authority", "--oidc-client-id", "--oidc-client-secret-file", "--oidc-name", "--smtp-url", "--smtp-password-file", "--mail-from", "--from", "--customer-root",
    ];

    // What people see of a plane beyond its ports: its address, how they sign in, and how it reaches them.
    private static (PlaneOptions? Options, string? Fault) WithPeople(PlaneOptions options, Dictionary<string, string> values)
    {
        Uri? publicUrl = null;
        if (values.TryGetValue("--public-url", out var text) && (!Uri.TryCreate(text, UriKind.Absolute, out publicUrl) || publicUrl.AbsolutePath != "/" || publicUrl.Query.Length > 0 || !(publicUrl.Scheme == "https" || (publicUrl.Scheme == "http" && publicUrl.IsLoopback))))
            return Fault($"--public-url '{text}' is not an https address like https://demarc.example.");
        var (openId, openIdFault) = Access.OpenIdOptions.Read(values);
        if (openIdFault is not null) return Fault(openIdFault);
        var (mail, mailFault) = Monitoring.MailOptions.Read(values);
        return mailFault is not null ? Fault(mailFault) : (options with { PublicUrl = publicUrl, OpenId = openId, Mail = mail }, null);
    }

    private static (PlaneOptions? Options, string? Fault) Check(Dictionary<string, string> values, List<string> names, bool listenPublic)
    {
        if (!values.TryGetValue("--data", out var data)) return Fault("--data is missing: name the folder for the store and the keys.");
        var url = values["--url"];
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.AbsolutePath != "/" || address.Query.Length > 0)
            return Fault($"--url '{url}' is not an address like http://127.0.0.1:7100.");
        if (address.Host != "localhost" && !IPAddress.TryParse(address.Host.Trim('[', ']'), out _)) return Fault($"--url '{url}' must name an IP address to listen on, or localhost.");
        if (!ushort.TryParse(values["--hub-port"], out var hubPort)) return Fault($"--hub-port '{values["--hub-port"]}' is not a port from 0 to 65535.");
        if (names.Find(name => Uri.CheckHostName(name) == UriHostNameType.Unknown) is { } bad) return Fault($"--hub-name '{bad}' is not a host name or an address.");
        if (!NoteKey.IsName(values["--name"])) return Fault($"--name '{values["--name"]}' cannot name a key: no spaces and no '+'.");
        var root = values.GetValueOrDefault("--vendor-root");
        if (root is not null && !SignerKey.TryParse(root, out _)) return Fault($"--vendor-root '{root}' is not an 'ed25519:' key.");
        var options = new PlaneOptions(Path.GetFullPath(data), address, hubPort, names, values["--name"], root);
        if (!IPAddress.IsLoopback(options.Address) && !listenPublic) return Fault($"--url {url} would listen beyond this machine: say --listen-public if that is meant, with https and a certificate.");
        if (!IPAddress.IsLoopback(options.Address) && address.Scheme != "https") return Fault($"--url {url} would send signed requests and sessions in the clear beyond this machine: use https with --tls-certificate and --tls-key.");
        return address.Scheme == "https" ? WithCertificate(options, values) : (options, null);
    }

    private static (PlaneOptions? Options, string? Fault) WithCertificate(PlaneOptions options, Dictionary<string, string> values)
    {
        if (!values.TryGetValue("--tls-certificate", out var certificate) || !values.TryGetValue("--tls-key", out var key)) return Fault("an https --url needs --tls-certificate and --tls-key.");
        try
        {
            return (options with { Certificate = X509Certificate2.CreateFromPemFile(certificate, key) }, null);
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return Fault($"--tls-certificate {certificate} with --tls-key {key} cannot be read: {unreadable.Message}");
        }
    }

    private static (PlaneOptions? Options, string? Fault) Fault(string why) => (null, why);
}
