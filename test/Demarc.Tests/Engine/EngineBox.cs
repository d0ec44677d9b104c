using System.Collections.Concurrent;
using Demarc.Engine;
using Demarc.Engine.Buckets;
using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Measures;
using Demarc.Engine.Protocol;
using Demarc.Engine.Service;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Engine;

/// <summary>
/// The engine without a port: folder, store and service, called through the ordinary client but in this process, so that
/// thousands can be opened and lost in a test. It ends in two ways: stopped, or left as a killed process leaves its folder.
/// </summary>
internal sealed class EngineBox : IDisposable
{
    private readonly IndexBuilder? indexes;
    private readonly DefectLog defects = new();
    private readonly BoxInvoker invoker;
    private bool ended;

    private EngineBox(DataDirectory directory, EngineBucket? bucket, Disk disk, TimeProvider time, bool indexing, long checkpointAfter)
    {
        (Directory, Bucket) = (directory, bucket);
        Store = Store.Open(directory, disk, time, defects, checkpointAfter);
        var folder = bucket is null ? null : new IndexFolder(directory, disk, 0, defects);
        bucket?.Begin(Store, folder!, directory, disk, time, defects);
        indexes = indexing ? new IndexBuilder(Store.State, time, defects, folder: folder) : null;
        var endpoint = new MilvusEndpoint(Store, new EngineMetrics(time), new Admission(time), new EngineOptions { Data = directory.Path }, defects);
        invoker = new BoxInvoker(endpoint);
        Client = new MilvusService.MilvusServiceClient(invoker);
    }

    public Store Store { get; }

    public MilvusService.MilvusServiceClient Client { get; }

    /// <summary>Its bucket, if it was opened with one.</summary>
    public EngineBucket? Bucket { get; }

    public DataDirectory Directory { get; }

    /// <summary>Whose the folder says it is.</summary>
    public string Instance => Directory.Instance;

    /// <summary>Calls that failed by a defect of the engine, with what was thrown. There must never be one.</summary>
    public IReadOnlyCollection<string> Defects => defects.Seen;

    /// <summary>What the engine has logged as an error.</summary>
    public IReadOnlyCollection<string> Errors => defects.Errors;

    public static EngineBox Open(string folder, Disk disk, TimeProvider time, bool indexing = false, long checkpointAfter = Limits.LogBytesPerCheckpoint) =>
        Open(new EngineOptions { Data = folder }, disk, time, indexing, checkpointAfter, null);

    /// <summary>With a bucket; what has to do with it is logged there.</summary>
    public static EngineBox Open(EngineOptions options, Disk disk, TimeProvider time, bool indexing, long checkpointAfter, IBucket? given)
    {
        var (directory, bucket) = EngineBucket.OpenAsync(options, disk, time, NullLogger.Instance, given).GetAwaiter().GetResult();
        try
        {
            return new EngineBox(directory, bucket, disk, time, indexing, checkpointAfter);
        }
        catch
        {
            bucket?.Dispose();
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Calls a method by its name.</summary>
    public Task<IMessage> Call(string method, IMessage request) => invoker.Call(method, request);

    /// <summary>Leaves the folder as a killed process does.</summary>
    public void Abandon() => End(checkpointing: false);

    /// <summary>Stops as SIGTERM does, with a checkpoint.</summary>
    public void Dispose() => End(checkpointing: true);

    private void End(bool checkpointing)
    {
        if (!ended)
        {
            ended = true;
            indexes?.Dispose();
            Store.Dispose(checkpointing);
            Bucket?.Dispose();
            Directory.Dispose();
        }
    }

    private sealed class DefectLog : ILogger<MilvusEndpoint>
    {
        private readonly ConcurrentQueue<string> seen = new();

        public ConcurrentQueue<string> Seen => seen;

        public ConcurrentQueue<string> Errors { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        // A disk that fails is told without a cause; what comes with one should not have happened.
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
            {
                Errors.Enqueue(formatter(state, exception));
            }

            if (exception is not null)
            {
                seen.Enqueue($"{formatter(state, exception)}: {exception}");
            }
        }
    }
}

/// <summary>Takes a client's calls straight to the service's methods.</summary>
internal sealed class BoxInvoker : CallInvoker
{
    private readonly Handlers handlers = new();

    public BoxInvoker(MilvusService.MilvusServiceBase service) => MilvusService.BindService(handlers, service);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        new(handlers.Of<TRequest, TResponse>(method)(request, new BoxContext(options)), Task.FromResult<Metadata>([]), () => Grpc.Core.Status.DefaultSuccess, () => [], () => { });

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        handlers.Of<TRequest, TResponse>(method)(request, new BoxContext(options)).GetAwaiter().GetResult();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    /// <summary>Calls a method by its short name; a method that is not served throws as it does over the wire.</summary>
    public async Task<IMessage> Call(string method, IMessage request)
    {
        Task answer;
        try
        {
            answer = (Task)handlers.Named(method).DynamicInvoke(request, new BoxContext(default))!;
        }
        catch (System.Reflection.TargetInvocationException e)
        {
            throw e.InnerException!;
        }

        await answer;
        return (IMessage)answer.GetType().GetProperty("Result")!.GetValue(answer)!;
    }

    private sealed class Handlers : ServiceBinderBase
    {
        private readonly Dictionary<string, Delegate> byName = [];

        public Delegate Named(string method) => byName.Single(h => h.Key.EndsWith("/" + method, StringComparison.Ordinal)).Value;

        public UnaryServerMethod<TRequest, TResponse> Of<TRequest, TResponse>(IMethod method)
            where TRequest : class
            where TResponse : class => (UnaryServerMethod<TRequest, TResponse>)byName[method.FullName];

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) => byName[method.FullName] = handler!;

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
        {
            // The Milvus service answers each call once.
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        {
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        {
        }
    }

    /// <summary>A call that came over no connection: nobody is logged in, nothing is in the headers.</summary>
    private sealed class BoxContext : ServerCallContext
    {
        private readonly CancellationToken cancel;

        public BoxContext(CallOptions options)
        {
            cancel = options.CancellationToken;
            UserState["__HttpContext"] = new DefaultHttpContext(); // Under this name the server library looks for it.
        }

        protected override string MethodCore => "";

        protected override string HostCore => "";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore => [];

        protected override CancellationToken CancellationTokenCore => cancel;

        protected override Metadata ResponseTrailersCore => [];

        protected override Grpc.Core.Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore => new(null, []);

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}
