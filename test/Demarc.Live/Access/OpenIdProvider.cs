using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;

namespace Demarc.Live.Access;

/// <summary>Signing in with an OpenID provider that we did not write: whoever an owner has linked reads, whoever else signs in does not.</summary>
public sealed partial class OpenIdProvider : IDisposable
{
    private const string Secret = "the-client-secret-of-this-test-0123456789";
    private static readonly string Script = Path.Combine(Repository.Root, "test", "Demarc.Live", "openid-provider");
    private readonly string root = Path.Combine(Path.GetTempPath(), "demarc-live-openid-" + Guid.NewGuid().ToString("n")[..8]);
    private readonly List<Process> running = [];

    [Fact]
    public async Task Signs_in_whom_an_owner_has_linked_and_nobody_else()
    {
        var programs = Quickstart.Programs;
        if (programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
        if (!Directory.Exists(Path.Combine(Script, "node_modules"))) Assert.Skip("oidc-provider is not installed: npm could not fetch it");
        var (web, hub) = Quickstart.FreePorts();
        var provider = hub + 1;
        Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var secret = Path.Combine(root, "client.secret");
        await File.WriteAllTextAsync(secret, Secret);
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var plane = $"http://127.0.0.1:{web}";
        var issuer = $"http://127.0.0.1:{provider}";
        await StartAsync("node", ["provider.mjs", $"{provider}", $"{plane}/sign-in/openid/callback", Secret], Script);

        await DemarcAsync("keys", "create", "vendor");
        await DemarcAsync("keys", "create", "customer");
        await DemarcAsync("keys", "create", "customer-sealing");
        var keys = await DemarcAsync("keys", "list");
        var vendor = Key().Matches(keys.Split('\n').Single(line => line.Contains("vendor", StringComparison.Ordinal))).Single().Value;
        var customer = Key().Matches(keys.Split('\n').First(line => line.Contains("customer", StringComparison.Ordinal) && Key().IsMatch(line))).Single().Value;
        await StartAsync(
            Path.Combine(programs, "demarc-plane"),
            ["--data", Path.Combine(root, "plane"), "--url", plane, "--hub-port", $"{hub}", "--vendor-root", vendor, "--oidc-authority", issuer, "--oidc-client-id", "demarc", "--oidc-client-secret-file", secret, "--oidc-name", "the office"],
            root);
        await DemarcAsync("env", "found", "trial", "--plane", plane);

        using var stranger = new Browser();
        var refused = await SignInAsync(stranger, plane, "mallory");
        Assert.Contains("demarc members link KEY", WebUtility.HtmlDecode(refused), StringComparison.Ordinal);
        Assert.Contains("the office", await stranger.GetAsync(plane), StringComparison.Ordinal);

        await DemarcAsync("members", "link", customer, "--issuer", issuer, "--subject", "ann", "--plane", plane, "-e", "trial", "--as", "customer");
        using var ann = new Browser();
        Assert.Contains("Signed in", await SignInAsync(ann, plane, "ann"), StringComparison.Ordinal);
        Assert.Contains("Responsibilities", await ann.GetAsync(plane), StringComparison.Ordinal);
        await DemarcAsync("members", "unlink", "--issuer", issuer, "--subject", "ann", "--plane", plane, "-e", "trial", "--as", "customer");
        Assert.Contains("member of no environment", await ann.GetAsync(plane), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var process in running)
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        if (Directory.Exists(root)) Directory.Delete(root, recursive: true);
    }

    // The provider's own pages: a name and any password, then consent.
    private static async Task<string> SignInAsync(Browser browser, string plane, string name)
    {
        var page = await browser.GetAsync(plane + "/sign-in/openid");
        for (var form = 0; form < 3 && Action().Match(page) is { Success: true } action; form++)
        {
            var prompt = Prompt().Match(page).Groups[1].Value;
            page = await browser.PostAsync(WebUtility.HtmlDecode(action.Groups[1].Value), new() { ["prompt"] = prompt, ["login"] = name, ["password"] = "any" });
        }

        return page;
    }

    private async Task<string> DemarcAsync(params string[] arguments)
    {
        var ran = await Quickstart.RunAsync(Path.Combine(Quickstart.Programs!, "demarc"), arguments, new() { ["DEMARC_HOME"] = Path.Combine(root, "home"), ["NO_COLOR"] = "1" });
        Assert.True(ran.ExitCode == 0, ran.Everything);
        return ran.Output;
    }

    /// <summary>Starts a program and waits for its first line, which says that it serves.</summary>
    private async Task StartAsync(string program, string[] arguments, string folder)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, WorkingDirectory = folder })!;
        running.Add(process);
        var first = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(string.IsNullOrEmpty(first), $"{program} ended before it served");
    }

    [GeneratedRegex("ed25519:[A-Za-z0-9_-]{43}")]
    private static partial Regex Key();

    [GeneratedRegex("<form[^>]* action=\"([^\"]+)\"")]
    private static partial Regex Action();

    [GeneratedRegex("name=\"prompt\" value=\"([^\"]+)\"")]
    private static partial Regex Prompt();

    private sealed class Browser : IDisposable
    {
        private readonly HttpClient http = new(new SocketsHttpHandler { CookieContainer = new CookieContainer(), UseProxy = false });

        public Browser() => http.DefaultRequestHeaders.TryAddWithoutValidation("Accept", "text/html");

        public async Task<string> GetAsync(string address)
        {
            using var answer = await http.GetAsync(new Uri(address));
            return await answer.Content.ReadAsStringAsync();
        }

        public async Task<string> PostAsync(string address, Dictionary<string, string> form)
        {
            using var content = new FormUrlEncodedContent(form);
            using var answer = await http.PostAsync(new Uri(address), content);
            return await answer.Content.ReadAsStringAsync();
        }

        public void Dispose() => http.Dispose();
    }
}
