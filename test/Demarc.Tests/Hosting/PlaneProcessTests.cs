using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Hosting;

/// <summary>The program itself, as a process that can be killed.</summary>
public sealed partial class PlaneProcessTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PlaneWorld world = new(TimeProvider.System.GetUtcNow());
    private readonly HttpClient client = new();
    private Uri rest = new("http://127.0.0.1");

    public void Dispose()
    {
        client.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Killed_at_any_moment_it_has_every_entry_it_has_acknowledged()
    {
        PrepareKey();
        var random = new Random(4711);
        var acknowledged = new List<(Entry Entry, long Index)>();
        Entry? unanswered = world.Founding(PlaneWorld.Acme);
        var next = 10;
        for (var round = 0; round < 12; round++)
        {
            using var plane = await StartAsync();
            var until = acknowledged.Count + random.Next(1, 12);
            var killAfter = TimeSpan.FromMilliseconds(random.Next(5, 60));
            Task? kill = null;
            while (true)
            {
                // An entry whose answer was lost is handed in again, byte for byte.
                var entry = unanswered ?? NextMember(next++);
                unanswered = entry;
                if (acknowledged.Count >= until) kill ??= Task.Delay(killAfter, TimeProvider.System).ContinueWith(_ => plane.Kill(), TaskScheduler.Default);
                if (await TryPostAsync(entry) is not { } index) break;
                acknowledged.Add((entry, index));
                unanswered = null;
            }

            if (kill is null) plane.Kill();
            else await kill;
            await plane.WaitForExitAsync().WaitAsync(Patience.Limit);
        }

        Assert.True(acknowledged.Count > 20);
        Assert.Equal(Enumerable.Range(0, acknowledged.Count).Select(i => (long)i), acknowledged.Select(a => a.Index));
        await using var store = SqliteLedgerStore.Open(folder.File("data/ledger.db"));
        await using var sequencer = new RunningSequencer(store, world);
        var view = await sequencer.ViewAsync(PlaneWorld.Acme);
        Assert.InRange(view.Size, acknowledged.Count, acknowledged.Count + 1);
        var at = 0;
        await foreach (var bytes in store.ReadAsync(PlaneWorld.Acme, 0, acknowledged.Count, CancellationToken.None)) Assert.True(bytes.Span.SequenceEqual(acknowledged[at++].Entry.Bytes.Span), $"entry {at - 1}");
    }

    [Fact]
    public async Task It_says_one_line_answers_stops_when_asked_and_leaves_the_folder()
    {
        PrepareKey();
        using var plane = await StartAsync();
        Assert.Equal("OK", await client.GetStringAsync(new Uri(rest, "/healthz")));
        using var second = Launch("--data", folder.File("data"), "--url", "http://127.0.0.1:0", "--hub-port", "0");
        await second.WaitForExitAsync().WaitAsync(Patience.Limit);
        Assert.Equal(3, second.ExitCode);
        Assert.Contains("another plane", await second.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
        using (var stop = Process.Start("kill", ["-TERM", plane.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await stop.WaitForExitAsync();
        await plane.WaitForExitAsync().WaitAsync(Patience.Limit);
        Assert.Equal(0, plane.ExitCode);
        Assert.Equal("", await plane.StandardError.ReadToEndAsync());
        Assert.Equal("", await plane.StandardOutput.ReadToEndAsync());
    }

    [Fact]
    public async Task Wrong_options_help_and_version_have_their_exit_codes()
    {
        foreach (var (arguments, code, says) in new (string[] Arguments, int Code, string Says)[]
        {
            (["--help"], 0, "--vendor-root"),
            (["--version"], 0, PlaneHost.Version),
            (["--port", "1"], 2, "is not an option"),
            (["--data", "/proc/nowhere"], 3, "cannot be used"),
        })
        {
            using var process = Launch(arguments);
            await process.WaitForExitAsync().WaitAsync(Patience.Limit);
            Assert.Equal(code, process.ExitCode);
            Assert.Contains(says, await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
        }
    }

    private Entry NextMember(int number) =>
        world.Write(new MemberAdded(SigningKey.FromSeed([.. BitConverter.GetBytes(number), .. new byte[28]]).Public.KeyId, Role.Viewer, "member"), world.Customer);

    private void PrepareKey()
    {
        PrivateFile.PrepareFolder(folder.File("data"));
        PrivateFile.Write(folder.File("data/plane.key"), Base64Text.EncodeUrl(Sample.Key(5).ExportSeed()));
    }

    private async Task<Process> StartAsync()
    {
        var process = Launch("--data", folder.File("data"), "--url", "http://127.0.0.1:0", "--hub-port", "0", "--name", "plane.test", "--vendor-root", world.Vendor.Public.KeyId);
        var line = await process.StandardOutput.ReadLineAsync().WaitAsync(Patience.Limit);
        if (line is null) Assert.Fail(await process.StandardError.ReadToEndAsync());
        rest = new Uri(Address().Match(line).Value);
        return process;
    }

    private async Task<long?> TryPostAsync(Entry entry)
    {
        var path = entry.Data is EnvironmentFounded ? "/v1/environments" : "/v1/environments/acme/entries";
        try
        {
            using var answer = await client.PostAsync(new Uri(rest, path), new ByteArrayContent(entry.Bytes.ToArray()));
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            return (await answer.Content.ReadFromJsonAsync(ViewJson.Default.AppendedView))!.Index;
        }
        catch (Exception gone) when (gone is HttpRequestException or IOException)
        {
            return null;
        }
    }

    private static Process Launch(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "demarc-plane.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Process.Start(start)!;
    }

    [GeneratedRegex("http://127[^ ]+")]
    private static partial Regex Address();
}
