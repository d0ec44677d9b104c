using System.Net.Sockets;
using System.Text;
using Demarc.Plane.Hosting;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Fuzz;

/// <summary>Requests that nobody in their right mind sends: never an answer of the 500s, always a reason, and the plane goes on.</summary>
public sealed class RestFuzzTests
{
    [Fact]
    public async Task Bodies_paths_and_parameters()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        var routes = PlaneHost.Routes(plane.App).Select(r => r.Route.Split(' ')).Where(r => !r[1].EndsWith("/events", StringComparison.Ordinal)).ToList();
        var bodies = new[] { plane.World.Finding("x").Bytes.ToArray(), plane.World.Member(60, Core.Access.Role.Viewer).Bytes.ToArray(), """{"action":"instances.create","instance":"docs","order":{"version":"2.6.4","size":"small","labels":{}}}"""u8.ToArray(), """{"environment":"acme","envelope":"e30=","csr":"e30=","proof":"e30="}"""u8.ToArray() };
        for (var seed = 0; seed < 600; seed++)
        {
            // Refusals are counted per address and minute, and tokens live two: this is about what is sent.
            if (seed % 5 == 0) plane.World.Time.Advance(TimeSpan.FromMinutes(1));
            var mutator = new Mutator(seed);
            var route = routes[mutator.Next(routes.Count)];
            var path = route[1].Replace("{env}", mutator.Next(3) == 0 ? Escaped(mutator, "acme") : "acme", StringComparison.Ordinal)
                .Replace("{id}", Escaped(mutator, "c-abcdefghjk"), StringComparison.Ordinal)
                .Replace("{index:long}", Escaped(mutator, "3"), StringComparison.Ordinal);
            path += $"?from={Escaped(mutator, "2")}&limit={Escaped(mutator, "5")}&index={Escaped(mutator, "1")}&size={Escaped(mutator, "4")}&first={Escaped(mutator, "1")}&before={Escaped(mutator, "9")}&lang={Escaped(mutator, "ja")}";
            if (path.Length > 7000) continue;
            var method = route[0] == "*" ? "POST" : route[0].Split(',')[0];
            using var request = plane.Request(method, path, mutator.Next(2) == 0 ? plane.World.Vendor : plane.World.Customer, body: method == "POST" ? mutator.Of(bodies[mutator.Next(bodies.Length)]) : null);
            if (mutator.Next(3) == 0) request.Headers.TryAddWithoutValidation("Accept", "text/html");
            using var answer = await plane.Client.SendAsync(request).WaitAsync(Patience.Limit);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True((int)answer.StatusCode < 500, $"seed {seed}: {method} {path}: {(int)answer.StatusCode} {text}");

            // A path with a zero byte never reaches us: the server hangs up on it with a bare 400.
            if ((int)answer.StatusCode >= 400 && !path.Contains("%00", StringComparison.Ordinal)) Assert.True(text.Length > 0, $"seed {seed}: {method} {path}: {(int)answer.StatusCode} without a word");
        }

        Assert.Equal("OK", await plane.GetTextAsync("/healthz"));
    }

    [Fact]
    public async Task Bytes_that_are_hardly_a_request()
    {
        await using var plane = await RunningPlane.StartAsync();
        var samples = new[] { "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), "POST /v1/environments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"a\": 123}"u8.ToArray(), "POST /v1/environments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n"u8.ToArray() };
        for (var seed = 0; seed < 300; seed++)
        {
            var mutator = new Mutator(seed);
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", plane.Client.BaseAddress!.Port);
            var stream = socket.GetStream();
            try
            {
                await stream.WriteAsync(mutator.Of(samples[mutator.Next(samples.Length)]));
                socket.Client.Shutdown(SocketShutdown.Send);
                var answer = new byte[12];
                var length = await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false).AsTask().WaitAsync(Patience.Limit);
                var status = Encoding.ASCII.GetString(answer, 0, length);
                // 505 is right: what HTTP/9 asks for is not spoken.
                Assert.False(status.Length == 12 && status[9] == '5' && !status.EndsWith("505", StringComparison.Ordinal), $"seed {seed}: {status}");
            }
            catch (IOException)
            {
                // Hung up on: as good an answer as any to this.
            }
        }

        Assert.Equal("OK", await plane.GetTextAsync("/healthz"));
    }

    private static string Escaped(Mutator mutator, string good) => mutator.Next(2) == 0 ? good : Uri.EscapeDataString(Encoding.Latin1.GetString(mutator.Of(Encoding.UTF8.GetBytes(good)))) is { Length: <= 900 } bad ? bad : "x";
}
