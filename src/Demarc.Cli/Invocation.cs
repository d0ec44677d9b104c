using System.CommandLine;
using Demarc.Cli.Access;
using Demarc.Cli.Audit;
using Demarc.Cli.Environments;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli;

/// <summary>One run of one command: the parsed line, the profile, and what both lead to. Keys and connections are opened when first used.</summary>
internal sealed class Invocation : IDisposable
{
    private readonly ParseResult parsed;
    private readonly Dictionary<Party, ISigner> keys = [];
    private readonly Dictionary<string, PlaneClient> clients = [];
    private readonly Dictionary<Party, HeadWatch> watches = [];
    private ProfileConfig? config;

    public Invocation(ParseResult parsed, CliHost host, CancellationToken stop)
    {
        this.parsed = parsed;
        Host = host;
        Stop = stop;
        Profile = Profile.Of(host);
        Terminal = new Terminal.Terminal(host, parsed.GetValue(GlobalOptions.Output) == "json", parsed.GetValue(GlobalOptions.Quiet));
    }

    public CliHost Host { get; }

    public CancellationToken Stop { get; }

    public Profile Profile { get; }

    public Terminal.Terminal Terminal { get; }

    public ProfileConfig Config
    {
        get => config ??= Profile.Config();
        set => Profile.Save(config = value);
    }

    public TimeSpan Patience => TimeSpan.FromSeconds(parsed.GetValue(GlobalOptions.Timeout));

    public string EnvironmentName => parsed.GetValue(GlobalOptions.Environment) ?? NotEmpty(Host.Variable("DEMARC_ENVIRONMENT")) ?? Config.Environment
        ?? throw CommandFailedException.Usage("No environment is named.", "Name one with --environment, or run 'demarc up' to make one on this machine.");

    public EnvironmentId Environment => EnvironmentOr(null);

    /// <summary>The environment named as an argument, else the one that every command means.</summary>
    public EnvironmentId EnvironmentOr(string? named)
    {
        var name = named ?? EnvironmentName;
        return EnvironmentId.TryParse(name, out var id) ? id : throw CommandFailedException.Usage($"'{name}' is not an environment's name: {EnvironmentId.Form}.");
    }

    /// <summary>The REST path of the environment.</summary>
    public string Path => $"/v1/environments/{Environment}";

    public Uri PlaneAddress
    {
        get
        {
            var text = parsed.GetValue(GlobalOptions.Plane) ?? NotEmpty(Host.Variable("DEMARC_PLANE")) ?? Config.Plane
                ?? throw CommandFailedException.Usage("No plane is named.", "Name one with --plane, or run 'demarc up' to start one on this machine.");
            return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
                ? new Uri(text)
                : throw CommandFailedException.Usage($"--plane '{text}' is not an http(s) address.", "Give one such as http://127.0.0.1:7100.");
        }
    }

    public Party? AsGiven => parsed.GetValue(GlobalOptions.As) switch { "vendor" => Party.Vendor, "customer" => Party.Customer, _ => null };

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T? Get<T>(Argument<T> argument) => parsed.GetValue(argument);

    /// <summary>The party that acts: the one named with <c>--as</c>, else the one whose act this is.</summary>
    public Party Acting(Party byDefault) => AsGiven ?? byDefault;

    /// <summary>Who orders: the one named, else the vendor, or the customer where this profile has severed it.</summary>
    public Party Ordering => AsGiven ?? (Config.SeveredFrom.ContainsKey(EnvironmentName) ? Party.Customer : Party.Vendor);

    /// <summary>Who looks: the one named, else whichever key the profile has, the customer's first.</summary>
    public Party Looking => AsGiven ?? (Profile.Holds(Party.Customer) || !Profile.Holds(Party.Vendor) ? Party.Customer : Party.Vendor);

    public ISigner Key(Party party)
    {
        if (!keys.TryGetValue(party, out var key)) keys[party] = key = Profile.Key(party);
        return key;
    }

    public PlaneClient Client(Party party)
    {
        var client = ClientAt(PlaneAddress, party);
        client.Watch ??= WatchOf(party).OnceAsync;
        return client;
    }

    /// <summary>A client of a plane that is not, or not yet, the profile's.</summary>
    public PlaneClient ClientAt(Uri address, Party party) => ClientOf(address, Key(party), party.Word());

    /// <summary>A client for somebody who only looks.</summary>
    public PlaneClient Reader => Client(Looking);

    /// <summary>What holds the heads that the plane shows against those seen before, for somebody who only looks.</summary>
    public HeadWatch Watch => WatchOf(Looking);

    /// <summary>A client without a key, for what is public.</summary>
    public PlaneClient Stranger(Uri address) => ClientOf(address, null, "");

    /// <summary>Writes an entry of the environment and appends it.</summary>
    public async Task<AppendedView> AppendAsync(Party party, EntryData data)
    {
        var entry = Entry.Write(Environment, Entry.NewId(Host.Random), Host.Now, data, Key(party));
        return await Client(party).AppendAsync(entry, Stop);
    }

    public void Dispose()
    {
        foreach (var key in keys.Values.OfType<IDisposable>()) key.Dispose();
        foreach (var client in clients.Values) client.Dispose();
    }

    // It asks through a client of its own, which nobody watches.
    private HeadWatch WatchOf(Party party)
    {
        if (!watches.TryGetValue(party, out var watch)) watches[party] = watch = new HeadWatch(this, ClientOf(PlaneAddress, Key(party), $"{party.Word()}, watching"));
        return watch;
    }

    private PlaneClient ClientOf(Uri address, ISigner? key, string who)
    {
        var name = $"{who}@{address}";
        if (!clients.TryGetValue(name, out var client)) clients[name] = client = new PlaneClient(address, key, Host.Time, Host.Random);
        return client;
    }

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
