using System.Buffers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Demarc.Engine.Hosting;

/// <summary>
/// HTTP/1.1 and HTTP/2 on one port in clear text, as Milvus serves them. Every HTTP/2 client begins with the same words
/// (RFC 9113, section 3.4), which no HTTP/1.1 request begins with. The server itself tells the two apart only by what TLS
/// has agreed on, so a connection that begins with those words is presented to it as one that has agreed on HTTP/2.
/// </summary>
internal static class SharedPort
{
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    /// <summary>How long a connection may say nothing at all.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    public static void UseSharedPort(this ListenOptions listen, TimeProvider time)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.Use(next => async connection =>
        {
            if (await BeginsAsHttp2(connection, time) is not { } http2)
            {
                return;
            }

            if (http2)
            {
                connection.Features.Set<ITlsConnectionFeature>(new NoCertificate());
                connection.Features.Set<ITlsApplicationProtocolFeature>(new AgreedOnHttp2());
            }

            await next(connection);
        });
    }

    /// <summary>Looks at the first bytes without taking them; null when there are none to come.</summary>
    private static async Task<bool?> BeginsAsHttp2(ConnectionContext connection, TimeProvider time)
    {
        using var patience = new CancellationTokenSource(Silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(either.Token);
                var seen = read.Buffer;
                var compared = (int)Math.Min(seen.Length, Preface.Length);
                var same = seen.Slice(0, compared).ToArray().AsSpan().SequenceEqual(Preface.AsSpan(0, compared));
                if (!same || compared == Preface.Length)
                {
                    input.AdvanceTo(seen.Start);
                    return same;
                }

                if (read.IsCompleted)
                {
                    input.AdvanceTo(seen.Start);
                    return null;
                }

                input.AdvanceTo(seen.Start, seen.End);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return null;
        }
    }

    private sealed class NoCertificate : ITlsConnectionFeature
    {
        public System.Security.Cryptography.X509Certificates.X509Certificate2? ClientCertificate { get; set; }

        public Task<System.Security.Cryptography.X509Certificates.X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
            Task.FromResult<System.Security.Cryptography.X509Certificates.X509Certificate2?>(null);
    }

    private sealed class AgreedOnHttp2 : ITlsApplicationProtocolFeature
    {
        public ReadOnlyMemory<byte> ApplicationProtocol { get; } = "h2"u8.ToArray();
    }
}
