using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;
using Demarc.Plane.Hosting;
using Demarc.Plane.Monitoring;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Monitoring;

/// <summary>E-mail, to a server that speaks just enough SMTP to be told something.</summary>
public sealed class MailTests
{
    [Fact]
    public async Task A_message_says_what_waits_and_where_to_look_and_is_from_a_machine()
    {
        await using var server = new MailServer();
        var sent = await SendAsync(server, "instances.delete docs awaits the approval of the customer.\r\nBcc: everyone@example.org");
        Assert.True(sent.Arrived, sent.Answer);
        var message = await server.MessageAsync();
        Assert.Contains("MAIL FROM:<demarc@vendor.example>", message, StringComparison.Ordinal);
        Assert.Equal(1, message.Split("RCPT TO:").Length - 1);
        Assert.Contains("RCPT TO:<ann@customer.example>", message, StringComparison.Ordinal);
        Assert.Contains("Auto-Submitted: auto-generated", message, StringComparison.Ordinal);
        Assert.Contains("Message-Id: <msg_1@", message, StringComparison.Ordinal);
        Assert.Contains("https://demarc.example/environments/acme/changes/c-1", message, StringComparison.Ordinal);
        Assert.DoesNotContain("\nBcc:", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("550 no such user", true)]
    [InlineData("451 try later", false)]
    public async Task A_refusal_is_hopeless_only_when_the_address_is_none(string answer, bool hopeless)
    {
        await using var server = new MailServer { ToRecipient = answer };
        var sent = await SendAsync(server, "x");
        Assert.False(sent.Arrived);
        Assert.Equal(hopeless, sent.Hopeless);
        Assert.Equal($"the mail server answered {answer[..3]}", sent.Answer);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_tried_again()
    {
        int port;
        await using (var server = new MailServer()) port = server.Port;
        var sent = await new MailCarrier(Plane(port), TimeProvider.System).SendAsync(Delivery("x"), CancellationToken.None);
        Assert.False(sent.Arrived || sent.Hopeless);
    }

    [Theory]
    [InlineData("ann@customer.example", true)]
    [InlineData("Ann <ann@customer.example>", false)]
    [InlineData("a@b.example, c@d.example", false)]
    [InlineData("ann@customer.example\r\nBcc: x@y", false)]
    [InlineData("ann", false)]
    [InlineData("", false)]
    public void An_address_is_one_plain_address(string text, bool good) => Assert.Equal(good, MailOptions.IsAddress(text));

    private static PlaneOptions Plane(int port) => new("data", new Uri("http://127.0.0.1:0"), 0, [], "plane.test", null) { Mail = new MailOptions("127.0.0.1", port, false, null, null, "demarc@vendor.example") };

    private static Task<Sent> SendAsync(MailServer server, string what) => new MailCarrier(Plane(server.Port), TimeProvider.System).SendAsync(Delivery(what), CancellationToken.None);

    private static Delivery Delivery(string what)
    {
        var at = new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
        var hook = new Hook(1, "h-1", PlaneWorld.Acme, Party.Customer, HookKind.Email, "ann", "ann@customer.example", null, at, "key");
        var body = new NotificationBody("demarc.awaited", at, new NotificationData("acme", Party.Customer, "approval", "provision", what, "https://demarc.example/environments/acme/changes/c-1", "demarc approve c-1", "c-1"));
        return new Delivery("msg_1", hook, what, JsonSerializer.SerializeToUtf8Bytes(body, ViewJson.Default.NotificationBody), at, DeliveryState.Waiting, 0, at, null);
    }
}

/// <summary>Takes one conversation in SMTP (RFC 5321) and keeps what it was told.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly TaskCompletionSource<string> told = new();
    private readonly Task serving;

    public MailServer()
    {
        listener.Start();
        serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public string ToRecipient { get; init; } = "250 fine";

    public Task<string> MessageAsync() => told.Task.WaitAsync(Patience.Limit);

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            using var client = await listener.AcceptTcpClientAsync();
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.UTF8);
            await using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true };
            await writer.WriteLineAsync("220 here");
            var all = new StringBuilder();
            var data = false;
            while (await reader.ReadLineAsync() is { } line)
            {
                all.Append(line).Append('\n');
                if (data && line != ".") continue;
                if (line == "QUIT") break;
                await writer.WriteLineAsync(line switch { "." => "250 taken", "DATA" => "354 go on", _ when line.StartsWith("RCPT", StringComparison.Ordinal) => ToRecipient, _ => "250 fine" });
                if (line == ".") told.TrySetResult(all.ToString());
                data = line == "DATA";
            }
        }
        catch (Exception ended) when (ended is SocketException or IOException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
