using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;
using Demarc.Plane.Hosting;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Demarc.Plane.Monitoring;

/// <summary>What came of one attempt.</summary>
/// <param name="Arrived">The receiver has it.</param>
/// <param name="Hopeless">Trying again changes nothing.</param>
/// <param name="Answer">What was met, in a few words, with nothing of what was sent.</param>
/// <param name="After">How long the receiver asks to be left alone; null when it does not.</param>
public sealed record Sent(bool Arrived, bool Hopeless, string Answer, TimeSpan? After = null);

/// <summary>Brings one delivery to its receiver, once. Whatever goes wrong is an outcome.</summary>
public interface INotificationCarrier
{
    /// <summary>Which hooks it serves.</summary>
    HookKind Kind { get; }

    /// <summary>One attempt.</summary>
    Task<Sent> SendAsync(Delivery delivery, CancellationToken cancellation);
}

/// <summary>
/// Signed webhooks. Hooks are named by people of either party, so the plane guards its own network: a name is resolved here, every address that it leads to
/// is looked at, and the connection goes to an address that was looked at. Redirects are not followed, no proxy is used, the answer's body is not read.
/// </summary>
public sealed class WebhookCarrier : INotificationCarrier, IDisposable
{
    private const int MaxAddresses = 4;
    private readonly HttpClient http;
    private readonly TimeProvider clock;
    private readonly bool loopback;
    private readonly bool everywhere;

    /// <summary>On behalf of this plane; a plane that only this machine reaches may reach this machine.</summary>
    public WebhookCarrier(PlaneOptions plane, TimeProvider clock)
    {
        this.clock = clock;
        loopback = IPAddress.IsLoopback(plane.Address) && plane.PublicUrl is null;
        everywhere = plane.NotifyPrivate;
        http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = 32,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            ConnectCallback = ConnectAsync,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Demarc", PlaneHost.Version));
    }

    /// <inheritdoc/>
    public HookKind Kind => HookKind.Webhook;

    /// <inheritdoc/>
    public async Task<Sent> SendAsync(Delivery delivery, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (delivery.Hook.Secret is not { } secret) return new Sent(false, true, "the hook's secret is damaged: remove the hook and add it again");
        using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Hook.Target) { Content = new ByteArrayContent(delivery.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(WebhookSecret.IdHeader, delivery.Id);
        request.Headers.Add(WebhookSecret.TimestampHeader, now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(WebhookSecret.SignatureHeader, secret.Sign(delivery.Id, now, delivery.Body));
        using var patience = new CancellationTokenSource(NotifyLimits.Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return Read(answer, now);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return new Sent(false, false, string.Create(CultureInfo.InvariantCulture, $"no answer within {NotifyLimits.Patience.TotalSeconds:0} s"));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or SocketException)
        {
            return new Sent(false, false, Words(failure));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    /// <summary>Whether something may be sent to an address.</summary>
    internal bool MayReach(IPAddress address) => everywhere || !NotifyRules.IsPrivate(address.GetAddressBytes()) || (loopback && IPAddress.IsLoopback(address));

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation);

        // One that is not allowed is enough: a name that leads to both is a name that somebody plays with.
        if (!Array.TrueForAll(addresses, MayReach)) throw new IOException("the name leads into a private network");
        Exception? last = null;
        foreach (var address in addresses.Take(MaxAddresses))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException failure)
            {
                socket.Dispose();
                last = failure;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last ?? new IOException("the name leads nowhere");
    }

    private static Sent Read(HttpResponseMessage answer, DateTimeOffset now)
    {
        var words = $"HTTP {(int)answer.StatusCode}";
        if (answer.IsSuccessStatusCode) return new Sent(true, false, words);
        if (answer.StatusCode == HttpStatusCode.Gone) return new Sent(false, true, words + ": the receiver wants no more");
        if ((int)answer.StatusCode is >= 300 and < 400) return new Sent(false, false, words + ": redirects are not followed");
        return new Sent(false, false, words, answer.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - now : null);
    }

    private static string Words(Exception failure) => (failure, failure.InnerException) switch
    {
        (_, IOException { InnerException: null } guarded) => guarded.Message,
        (_, System.Security.Authentication.AuthenticationException) => "TLS: the certificate is not trusted, or the receiver speaks another protocol",
        (_, SocketException socket) => $"no connection ({socket.SocketErrorCode})",
        (SocketException socket, _) => $"no connection ({socket.SocketErrorCode})",
        (HttpRequestException http, _) => $"no answer ({http.HttpRequestError})",
        _ => "the connection broke",
    };
}

/// <summary>E-mail, by the server that the operator named.</summary>
public sealed class MailCarrier(PlaneOptions plane, TimeProvider clock) : INotificationCarrier
{
    /// <inheritdoc/>
    public HookKind Kind => HookKind.Email;

    /// <inheritdoc/>
    public async Task<Sent> SendAsync(Delivery delivery, CancellationToken cancellation)
    {
        if (plane.Mail is not { } mail) return new Sent(false, true, "this plane sends no e-mail: its operator names a server with --smtp-url");
        using var patience = new CancellationTokenSource(NotifyLimits.Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        using var message = Write(delivery, mail.From, plane.Name);
        using var client = new SmtpClient();
        try
        {
            await client.ConnectAsync(mail.Host, mail.Port, mail.ImplicitTls ? SecureSocketOptions.SslOnConnect : mail.IsLocal ? SecureSocketOptions.StartTlsWhenAvailable : SecureSocketOptions.StartTls, either.Token);
            if (mail is { User: { } user, Password: { } password }) await client.AuthenticateAsync(user, password.Reveal(), either.Token);
            await client.SendAsync(message, either.Token);

            // It is theirs now, whatever becomes of the farewell.
            return new Sent(true, false, "the mail server took it");
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return new Sent(false, false, string.Create(CultureInfo.InvariantCulture, $"the mail server did not take it within {NotifyLimits.Patience.TotalSeconds:0} s"));
        }
        catch (SmtpCommandException refused)
        {
            return new Sent(false, (int)refused.StatusCode >= 500 && refused.ErrorCode == SmtpErrorCode.RecipientNotAccepted, $"the mail server answered {(int)refused.StatusCode}");
        }
        catch (Exception failure) when (failure is IOException or SocketException or ProtocolException or ServiceNotConnectedException or MailKit.Security.AuthenticationException or SslHandshakeException or NotSupportedException or InvalidOperationException)
        {
            return new Sent(false, false, $"the mail server could not be used ({failure.GetType().Name})");
        }
    }

    internal static MimeMessage Write(Delivery delivery, string from, string planeName)
    {
        var body = JsonSerializer.Deserialize(delivery.Body, ViewJson.Default.NotificationBody)!;
        var message = new MimeMessage { MessageId = $"{delivery.Id}@{(Uri.CheckHostName(planeName) == UriHostNameType.Dns ? planeName : "demarc.invalid")}", Date = delivery.At };
        message.From.Add(MailboxAddress.Parse(from));
        message.To.Add(MailboxAddress.Parse(delivery.Hook.Target));
        message.Subject = $"[{body.Data.Environment}] {Line(delivery.What)}";
        message.Headers.Add("Auto-Submitted", "auto-generated");
        var text = new StringBuilder().Append(Line(body.Data.What)).Append("\n\nEnvironment:    ").Append(body.Data.Environment).Append("\nResponsibility: ").Append(body.Data.Task).Append("\nLook at it:     ").Append(body.Data.Link);
        if (body.Data.Command is { } command) text.Append("\nOr:             ").Append(command);
        text.Append("\n\nThis message decides nothing: look at what is asked where you trust what you see, and sign it there.\n");
        message.Body = new TextPart("plain") { Text = text.ToString() };
        return message;
    }

    private static string Line(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) is { Length: > 300 } one ? one[..300] + "…" : string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
