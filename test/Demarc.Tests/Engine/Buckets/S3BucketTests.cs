using System.Net;
using System.Net.Sockets;
using System.Text;
using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>What a real service seldom does on demand: it loses answers, stalls, breaks off, and says no. A server of ours plays it.</summary>
public sealed class S3BucketTests : IDisposable
{
    private const string Secret = "planted-Secret-4711";
    private static readonly BucketPlace Place = new("models", "engine-1/");

    // The SDK waits a while before it repeats a request.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly TcpListener server = new(IPAddress.Loopback, 0);
    private readonly List<string> requests = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => server.Dispose();

    [Fact]
    public async Task A_conditional_put_whose_answer_was_lost_is_done_when_its_content_is_there()
    {
        using var bucket = Bucket(Patience, Answer("500 Internal Server Error", ""), Error("412 Precondition Failed", "PreconditionFailed"), Answer("200 OK", "mine"));
        Assert.True(await bucket.PutIfAsync("head", Encoding.UTF8.GetBytes("mine"), null, Stop));
        Assert.Equal(["PUT /models/engine-1/head", "PUT /models/engine-1/head", "GET /models/engine-1/head"], requests);
    }

    [Theory]
    [InlineData("412 Precondition Failed", "PreconditionFailed", "else")]
    [InlineData("412 Precondition Failed", "PreconditionFailed", "another's")]
    [InlineData("409 Conflict", "ConditionalRequestConflict", "else")]
    [InlineData("409 Conflict", "ConcurrentModification", "else")]
    public async Task A_conditional_put_is_lost_when_another_s_content_is_there(string status, string code, string there)
    {
        using var bucket = Bucket(Patience, Error(status, code), Answer("200 OK", there));
        Assert.False(await bucket.PutIfAsync("head", Encoding.UTF8.GetBytes("mine"), "\"1\"", Stop));
    }

    [Fact]
    public async Task A_service_that_refuses_is_quoted_without_a_secret()
    {
        using var bucket = Bucket(Patience, Error("403 Forbidden", "SignatureDoesNotMatch"));
        var refused = await Assert.ThrowsAsync<BucketException>(() => bucket.ListAsync(Stop));
        Assert.Equal("s3://models/engine-1: SignatureDoesNotMatch: Said so.", refused.Message);
        Assert.DoesNotContain(Secret, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_does_not_answer_is_given_up()
    {
        using var bucket = Bucket(TimeSpan.FromSeconds(1), "");
        var stalled = await Assert.ThrowsAsync<BucketException>(() => bucket.ReadAsync("head", 100, Stop));
        Assert.Equal("s3://models/engine-1 does not answer: nothing moved for 1 seconds.", stalled.Message);
    }

    [Fact]
    public async Task A_body_that_stalls_is_given_up()
    {
        using var bucket = Bucket(TimeSpan.FromSeconds(1), "HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\n\r\nso far");
        using var to = new MemoryStream();
        var stalled = await Assert.ThrowsAsync<BucketException>(() => bucket.ReadRangeAsync("a", 0, 1000, to, Stop));
        Assert.Contains("nothing moved for 1 seconds", stalled.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_no_object()
    {
        using var bucket = Bucket(Patience, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nso far");
        await Assert.ThrowsAsync<BucketException>(() => bucket.ReadAsync("head", 2000, Stop));
    }

    [Fact]
    public async Task An_answer_that_is_none_of_S3_s_is_the_service_s_fault()
    {
        using var bucket = Bucket(Patience, "HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1", Answer("200 OK", "Welcome to the network."), Answer("502 Bad Gateway", "<html>"), Answer("502 Bad Gateway", "<html>"), Answer("502 Bad Gateway", "<html>"));
        Assert.Contains("cannot be read", (await Assert.ThrowsAsync<BucketException>(() => bucket.ReadAsync("head", 100, Stop))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<BucketException>(() => bucket.ListAsync(Stop));
        Assert.Contains("BadGateway", (await Assert.ThrowsAsync<BucketException>(() => bucket.ListAsync(Stop))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_said_to_be_away()
    {
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        server.Stop();
        using var bucket = new S3Bucket(Place, Access(port));
        var away = await Assert.ThrowsAsync<BucketException>(() => bucket.ListAsync(Stop));
        Assert.StartsWith("s3://models/engine-1 does not answer: ", away.Message, StringComparison.Ordinal);
        Assert.Contains("refused", away.Message, StringComparison.Ordinal);
    }

    private static BucketAccess Access(int port) => new(new Uri($"http://127.0.0.1:{port}"), "us-east-1", "AKIA1", Secret, null);

    private static string Answer(string status, string body) => $"HTTP/1.1 {status}\r\nETag: \"{new string('2', 32)}-1\"\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";

    private static string Error(string status, string code) => Answer(status, $"<Error><Code>{code}</Code><Message>Said so.</Message></Error>");

    // Each connection gets the next answer and is closed; without an answer, or with half of one, it stays open.
    private S3Bucket Bucket(TimeSpan patience, params string[] answers)
    {
        server.Start();
        _ = Task.Run(async () =>
        {
            foreach (var answer in answers)
            {
                using var connection = await server.AcceptTcpClientAsync(Stop);
                await using var stream = connection.GetStream();
                var seen = await ToAsync("\r\n\r\n", stream);
                if (seen.Contains("Expect: 100-continue", StringComparison.OrdinalIgnoreCase))
                {
                    await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), Stop);
                    await ToAsync("0;chunk-signature=", stream);
                }

                requests.Add(string.Join(' ', seen.Split(' ')[..2]));
                await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), Stop);
                if (!answer.Contains("Connection: close", StringComparison.Ordinal))
                {
                    await Task.Delay(TimeSpan.FromSeconds(20), Stop);
                }
            }
        }, Stop);
        return new S3Bucket(Place, Access(((IPEndPoint)server.LocalEndpoint).Port), patience);
    }

    // A request's header ends with an empty line, a signed body with an empty chunk.
    private static async Task<string> ToAsync(string end, NetworkStream stream)
    {
        var seen = "";
        var buffer = new byte[64 * 1024];
        while (!seen.Contains(end, StringComparison.Ordinal))
        {
            seen += Encoding.Latin1.GetString(buffer, 0, await stream.ReadAsync(buffer, Stop));
        }

        return seen;
    }
}
