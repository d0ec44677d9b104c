using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Demarc.Live.Faults;
using Grpc.Core;

namespace Demarc.Live.Access;

/// <summary>
/// A full run whose secrets are all known: keys, the join token, passwords, links, cookies, request tokens. Everything that the programs wrote or said
/// is collected, and each secret may stand in exactly the one place it belongs to, which also shows that the search would find it elsewhere.
/// </summary>
public sealed class PlantedSecrets(ITestOutputHelper output)
{
    private readonly Needles needles = new();
    private readonly ConcurrentBag<Place> places = [];
    private readonly Dictionary<string, string> sessions = [];

    [Fact]
    public async Task No_secret_stands_where_it_does_not_belong()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        await using var quickstart = new Quickstart { Ports = Quickstart.FreePorts() };
        var joinToken = await UpAsync(quickstart);
        await KnowAsync(quickstart, joinToken);
        await LiveAsync(quickstart);
        await ErrAsync(quickstart, joinToken);
        await AskAsync(quickstart);
        CollectFiles(quickstart);
        CollectProcesses(quickstart);

        var found = places.SelectMany(place => needles.In(place).Select(hit => (Place: place, hit.Secret, hit.Form))).ToList();
        var astray = found.Where(hit => !hit.Place.May.Contains(hit.Secret)).Select(hit => $"{hit.Secret} ({hit.Form}) in {hit.Place.Name}").ToList();
        Assert.True(astray.Count == 0, string.Join("\n", astray));

        // Where a secret belongs it was found: the search sees what it looks for.
        foreach (var (place, secret) in places.SelectMany(place => place.May.Select(secret => (place, secret)))) Assert.True(found.Any(hit => hit.Place == place && hit.Secret == secret), $"{secret} is not in {place.Name}, where it belongs");
        var rehearsed = needles.Secrets.Where(secret => !secret.StartsWith("request token", StringComparison.Ordinal)).ToList();
        output.WriteLine($"looked for {needles.Secrets.Count()} secrets ({string.Join(", ", rehearsed)} and request tokens) in {places.Count} places, {places.Sum(place => (long)place.Bytes.Length) / 1024} KiB");
    }

    [Fact]
    public void A_secret_is_found_in_every_form_and_place()
    {
        var secret = Enumerable.Range(1, 32).Select(i => (byte)(i * 37)).ToArray();
        needles.Add("it", Convert.ToBase64String(secret));
        for (var before = 0; before < 5; before++)
        {
            byte[] within = [.. new byte[before], .. secret, 200, 201, 202];
            string[] written = [Convert.ToBase64String(within), Convert.ToBase64String(within).Replace('+', '-').Replace('/', '_'), Convert.ToHexString(within), Convert.ToHexStringLower(within), $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(new string('x', before) + ":" + Convert.ToBase64String(secret)))}"];
            Assert.All(written, text => Assert.NotEmpty(needles.In(new Place("text", Encoding.UTF8.GetBytes($"before {text} after")))));
            Assert.NotEmpty(needles.In(new Place("raw", within)));
        }

        Assert.Empty(needles.In(new Place("nothing", Encoding.UTF8.GetBytes(Convert.ToBase64String(secret.Reverse().ToArray())))));
    }

    // The token's file is there for the moment in which the agent joins.
    private async Task<string> UpAsync(Quickstart quickstart)
    {
        var file = Path.Combine(quickstart.Data, "join.token");
        var up = quickstart.InitializeAsync().AsTask();
        var token = "";
        while (!up.IsCompleted)
        {
            try
            {
                if (File.Exists(file) && await File.ReadAllTextAsync(file) is { Length: > 40 } text) token = text.Trim();
            }
            catch (IOException)
            {
                // It was just deleted.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }

        await up;
        Assert.NotEmpty(token);
        return token;
    }

    private async Task KnowAsync(Quickstart quickstart, string joinToken)
    {
        needles.Add("customer key", quickstart.KeyLine("customer.key"));
        needles.Add("vendor key", quickstart.KeyLine("vendor.key"));
        needles.Add("sealing key", quickstart.KeyLine("customer-sealing.key"));
        needles.Add("agent key", (await File.ReadAllTextAsync(In(quickstart, "agent", "agent.key"))).Trim());
        needles.Add("agent's TLS key", PrivateNumber(In(quickstart, "agent", "tls.key")));
        needles.Add("plane key", (await File.ReadAllTextAsync(In(quickstart, "plane", "plane.key"))).Trim());
        needles.Add("authority's key", PrivateNumber(In(quickstart, "plane", "agent-authority.key")));
        Know("join token", joinToken);
        var link = quickstart.UpOutput;
        needles.Add("link code of up", link[(link.IndexOf("sign-in?code=", StringComparison.Ordinal) + 13)..].Split(' ', '\n')[0]);
        places.Add(new Place("up", Encoding.UTF8.GetBytes(link), "link code of up"));
        needles.Add("probe password", Probe(quickstart, "docs"));
        await CredentialAsync(quickstart, "docs");
    }

    // Everything a person does in a day, each printed for people and for programs.
    private async Task LiveAsync(Quickstart quickstart)
    {
        await DoAsync(quickstart, "order", "extra");
        needles.Add("probe password of extra", Probe(quickstart, "extra"));
        await CredentialAsync(quickstart, "extra");
        var delete = await quickstart.JsonAsync("instances", "delete", "extra");
        var change = delete.GetProperty("id").GetString()!;
        string[][] shows =
        [
            ["changes", "show", change], ["plan", change], ["status"], ["env", "list"], ["env", "show"], ["charter", "show"], ["changes", "list"], ["instances", "list"], ["instances", "show", "docs"],
            ["audit", "show"], ["audit", "verify"], ["search", "ledger"], ["version"], ["completion", "bash"], ["--help"],
        ];
        foreach (var command in shows) await SayAsync(quickstart, command);
        string[][] acts = [["approve", change, "--yes"], ["changes", "follow", change], ["instances", "restore", "extra"], ["instances", "modify", "extra", "--label", "a=b"], ["instances", "suspend", "extra"], ["instances", "resume", "extra"]];
        foreach (var act in acts) await DoAsync(quickstart, act);
        await SessionsAsync(quickstart);
        var export = Path.Combine(quickstart.Home, "export");
        await DoAsync(quickstart, "audit", "export", export);
        await SayAsync(quickstart, "audit", "verify", "--offline", export);
        var token = Path.Combine(quickstart.Home, "second.token");
        await DoAsync(quickstart, "env", "invite", "--to", token);
        Know("second join token", (await File.ReadAllTextAsync(token)).Trim());
    }

    // The vendor's people look at the machine, at an instance, and at a bundle; all of it is recorded.
    private async Task SessionsAsync(Quickstart quickstart)
    {
        foreach (var (kind, more) in new[] { ("terminal", Array.Empty<string>()), ("milvus", ["--instance", "docs"]), ("bundle", []) })
        {
            var session = (await quickstart.JsonAsync(["emergency", "request", kind, "--minutes", "30", "--reason", "a look", .. more])).GetProperty("id").GetString()!;
            await DoAsync(quickstart, "emergency", "approve", session, "--yes");
            if (kind == "bundle") await DoAsync(quickstart, "emergency", "release", session, "--yes");
            else await DoAsync(quickstart, "emergency", "open", session, "--as", "vendor", "--command", kind == "milvus" ? "collections" : "uptime");
            foreach (var command in new[] { "show", "play" }.Where(command => command != "play" || kind != "bundle")) await SayAsync(quickstart, "emergency", command, session);
            sessions[kind] = session;
        }

        await SayAsync(quickstart, "emergency", "list");
    }

    // Wrong input: what was given wrongly is a secret too, and must not come back in an error.
    private async Task ErrAsync(Quickstart quickstart, string joinToken)
    {
        string[][] wrong = [["instances", "show", "nothing"], ["changes", "show", "c-nothing"], ["approve", "c-nothing"], ["instances", "credentials", "docs", "--as", "vendor"], ["instances", "suspend", "docs", "--as", "customer"], ["order"], ["env", "show", "--plane", "http://127.0.0.1:9"], ["audit", "verify", "--offline", quickstart.Data], ["charter", "validate", Path.Combine(quickstart.Home, "customer.key")], ["charter", "diff", Path.Combine(quickstart.Home, "customer-sealing.key")]];
        foreach (var command in wrong) await SayAsync(quickstart, fails: true, command);

        foreach (var key in new[] { "customer.key", "vendor.key", "customer-sealing.key" })
        {
            var path = Path.Combine(quickstart.Home, key);
            var good = await File.ReadAllTextAsync(path);
            foreach (var bad in new[] { good + "x\n", good.TrimEnd() + "x\n", good.Replace(quickstart.KeyLine(key), quickstart.KeyLine(key)[..^3], StringComparison.Ordinal) })
            {
                await File.WriteAllTextAsync(path, bad);
                await SayAsync(quickstart, fails: true, "instances", "credentials", "docs", "--as", key.StartsWith("vendor", StringComparison.Ordinal) ? "vendor" : "customer");
            }

            await File.WriteAllTextAsync(path, good);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
            await SayAsync(quickstart, fails: true, "instances", "credentials", "docs", "--as", key.StartsWith("vendor", StringComparison.Ordinal) ? "vendor" : "customer");
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        var agent = Path.Combine(Quickstart.Programs!, "demarc-agent");
        var second = Path.Combine(quickstart.Home, "second.token");
        var damaged = Path.Combine(quickstart.Home, "damaged.token");
        foreach (var text in new[] { joinToken[..^9], joinToken + "AAAA", await File.ReadAllTextAsync(second) })
        {
            await File.WriteAllTextAsync(damaged, text);
            File.SetUnixFileMode(damaged, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Keep("demarc-agent with a wrong token", await Quickstart.RunAsync(agent, ["--data", Path.Combine(quickstart.Home, "agent-two"), "--bucket", In(quickstart, "bucket"), "--join", damaged]), fails: true);
        }

        File.Delete(damaged);
        Directory.Delete(Path.Combine(quickstart.Home, "agent-two"), recursive: true);
        Keep("demarc-agent status", await Quickstart.RunAsync(agent, ["status", "--data", In(quickstart, "agent")]), fails: false);

        var credential = await quickstart.JsonAsync("instances", "credentials", "docs");
        var mistyped = credential.GetProperty("password").GetString() + "mistyped";
        needles.Add("mistyped password", mistyped);
        using var milvus = new MilvusDoor(credential.GetProperty("uri").GetString()!, "root", mistyped);
        var refused = await Assert.ThrowsAsync<RpcException>(milvus.PrepareAsync);
        places.Add(new Place("the engine's answer to a wrong password", Encoding.UTF8.GetBytes($"{refused.Status} {string.Join(' ', refused.Trailers)}")));
    }

    private async Task AskAsync(Quickstart quickstart)
    {
        var plane = Assert.Single(Processes.Of("demarc-plane", quickstart.Data));
        using var routes = new EveryRoute(new Uri(plane.Value("--url")!), quickstart, needles);
        var link = (await quickstart.DemarcAsync("console")).Output.Trim();
        var code = link[(link.IndexOf("code=", StringComparison.Ordinal) + 5)..];
        needles.Add("link code", code);
        places.Add(new Place("console", Encoding.UTF8.GetBytes(link), "link code"));
        var cookie = await routes.SignInAsync(code);
        var change = (await quickstart.JsonAsync("changes", "list"))[0].GetProperty("id").GetString()!;
        var values = new Dictionary<string, string> { ["index"] = "7", ["change"] = change, ["instance"] = "docs", ["session"] = sessions["terminal"], ["bundle"] = sessions["bundle"] };
        await routes.AskWronglyAsync(code, cookie);
        Assert.InRange(await routes.AskAllAsync(Path.Combine(Repository.Root, "contract", "permissions.txt"), values, cookie), 20, 500);
        foreach (var answer in routes.Answers) places.Add(answer);
    }

    // Everything under both folders, byte for byte; only what is a key's own file may hold that key.
    private void CollectFiles(Quickstart quickstart)
    {
        var belongs = new Dictionary<string, string[]>
        {
            [Path.Combine(quickstart.Home, "customer.key")] = ["customer key"],
            [Path.Combine(quickstart.Home, "vendor.key")] = ["vendor key"],
            [Path.Combine(quickstart.Home, "customer-sealing.key")] = ["sealing key"],
            [Path.Combine(quickstart.Home, "second.token")] = ["second join token", "second join token's seed"],
            [In(quickstart, "agent", "agent.key")] = ["agent key"],
            [In(quickstart, "agent", "tls.key")] = ["agent's TLS key"],
            [In(quickstart, "plane", "plane.key")] = ["plane key"],
            [In(quickstart, "plane", "agent-authority.key")] = ["authority's key"],
        };
        foreach (var (instance, secret) in new[] { ("docs", "probe password"), ("extra", "probe password of extra") })
        {
            foreach (var file in new[] { "probe.json", "issued.json" }) belongs[In(quickstart, "agent", "instances", instance, file)] = [secret];
        }

        foreach (var folder in new[] { quickstart.Data, quickstart.Home })
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            {
                // A lock that a program holds cannot be opened, and has nothing in it.
                if (new FileInfo(file).Length == 0) continue;
                using var open = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var bytes = new MemoryStream();
                open.CopyTo(bytes);
                if (belongs.ContainsKey(file)) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
                places.Add(new Place(file, bytes.ToArray(), belongs.GetValueOrDefault(file, [])));
            }
        }
    }

    // A command line can be read by everybody on the machine, and an environment is handed on.
    private void CollectProcesses(Quickstart quickstart)
    {
        var running = new[] { "demarc-plane", "demarc-agent", "demarc-engine" }.SelectMany(name => Processes.Of(name, quickstart.Data)).ToList();
        Assert.True(running.Count >= 4, $"{running.Count} programs run");
        foreach (var file in running.SelectMany(process => new[] { $"/proc/{process.Pid}/cmdline", $"/proc/{process.Pid}/environ" })) places.Add(new Place(file, File.ReadAllBytes(file)));
    }

    // The one command that reveals a credential to the customer.
    private async Task CredentialAsync(Quickstart quickstart, string instance)
    {
        var secret = $"password of {instance}";
        needles.Add(secret, (await quickstart.JsonAsync("instances", "credentials", instance)).GetProperty("password").GetString()!);
        foreach (var format in new[] { "json", "table" })
        {
            var ran = await quickstart.DemarcAsync("instances", "credentials", instance, "--output", format);
            places.Add(new Place($"credentials {instance} {format}", Encoding.UTF8.GetBytes(ran.Output), secret));
            places.Add(new Place($"credentials {instance} {format}, errors", Encoding.UTF8.GetBytes(ran.Error)));
        }
    }

    // What changes something is said once.
    private async Task DoAsync(Quickstart quickstart, params string[] act) => Keep($"demarc {string.Join(' ', act)}", await quickstart.DemarcAsync(act), fails: false);

    private Task SayAsync(Quickstart quickstart, params string[] command) => SayAsync(quickstart, fails: false, command);

    private async Task SayAsync(Quickstart quickstart, bool fails, params string[] command)
    {
        foreach (var format in new[] { "table", "json" })
        {
            string[] words = command[0] == "--help" ? command : [.. command, "--output", format];
            Keep($"demarc {string.Join(' ', words)}", await quickstart.DemarcAsync(words), fails);
        }
    }

    private void Keep(string what, Ran ran, bool fails)
    {
        Assert.True(fails == (ran.ExitCode != 0), $"{what}: {ran.Everything}");
        Assert.NotEmpty(ran.Output + ran.Error);
        places.Add(new Place(what, Encoding.UTF8.GetBytes($"{ran.Output}\n{ran.Error}")));
    }

    // The token's own text, and the seed inside it, which is what joins.
    private void Know(string name, string token)
    {
        var body = token[(token.LastIndexOf(':') + 1)..];
        needles.Add(name, body);
        using var json = JsonDocument.Parse(Demarc.Core.Ledger.Base64Text.Decode(body.AsSpan(), Demarc.Core.Ledger.Base64Form.Either)!);
        var seed = json.RootElement.EnumerateObject().Single(property => property.Name.Equals("invitation", StringComparison.OrdinalIgnoreCase)).Value.GetString()!;
        needles.Add($"{name}'s seed", seed);
    }

    private static string Probe(Quickstart quickstart, string instance)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(In(quickstart, "agent", "instances", instance, "probe.json")));
        return json.RootElement.GetProperty("password").GetString()!;
    }

    private static string PrivateNumber(string file)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(file));
        return Convert.ToBase64String(key.ExportParameters(includePrivateParameters: true).D!);
    }

    private static string In(Quickstart quickstart, params string[] path) => Path.Combine([quickstart.Data, .. path]);
}
