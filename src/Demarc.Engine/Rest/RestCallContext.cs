using Grpc.Core;

namespace Demarc.Engine.Rest;

/// <summary>What the service core asks of a call, for one that came as JSON: who calls, in which database, and how they call it off.</summary>
internal sealed class RestCallContext : ServerCallContext
{
    private readonly HttpContext http;

    public RestCallContext(HttpContext http)
    {
        this.http = http;
        UserState["__HttpContext"] = http; // Where GetHttpContext looks.
    }

    protected override string MethodCore => http.Request.Path;

    protected override string HostCore => http.Request.Host.Value ?? "";

    protected override string PeerCore => http.Connection.RemoteIpAddress?.ToString() ?? "";

    protected override DateTime DeadlineCore => DateTime.MaxValue;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore => http.RequestAborted;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Grpc.Core.Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new("", []);

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
}
