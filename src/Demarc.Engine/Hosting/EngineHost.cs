using System.Net;
using Demarc.Engine.Buckets;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Measures;
using Demarc.Engine.Rest;
using Demarc.Engine.Service;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Demarc.Engine.Hosting;

/// <summary>
/// One running engine: data opened and recovered first, then the listeners, so that a port that answers is an engine that
/// serves. Disposing it stops the listeners, then the writer.
/// </summary>
internal sealed class EngineHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly DataDirectory directory;
    private readonly LoginCheck logins;
    private readonly IndexBuilder indexes;
    private readonly IndexFolder indexFiles;
    private readonly EngineBucket? bucket;

    private EngineHost(WebApplication app, DataDirectory directory, Store store, LoginCheck logins, IndexBuilder indexes, IndexFolder indexFiles, EngineBucket? bucket)
    {
        (this.app, this.directory, Store, this.logins, this.indexes, this.indexFiles, this.bucket) = (app, directory, store, logins, indexes, indexFiles, bucket);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(a => new Uri(a)).ToList();
        (GrpcAddress, MetricsAddress) = (addresses[0], addresses[1]);
    }

    public Store Store { get; }

    public Uri GrpcAddress { get; }

    public Uri MetricsAddress { get; }

    public static async Task<EngineHost> Start(EngineOptions options, TimeProvider time, LineLog lines, Disk? disk = null, IBucket? given = null)
    {
        var certificate = options.TlsCertificate is null ? null : ServerCertificate.Read(options, lines.CreateLogger("Demarc.Engine"), time);
        var credentials = options.CredentialFile is { } path ? CredentialFile.Read(path) : null;
        if (credentials is null && !DataDirectory.Exists(options.Data))
        {
            RequireLoopback(options); // Before anything is made: a refused start leaves nothing behind.
        }

        disk ??= new Disk();
        var log = lines.CreateLogger("Demarc.Engine");
        var (directory, bucket) = await EngineBucket.OpenAsync(options, disk, time, log, given);
        Store? store = null;
        IndexBuilder? indexes = null;
        try
        {
            store = Store.Open(directory, disk, time, log);

            // Indexes come from their files while the listeners are being made.
            var indexFiles = new IndexFolder(directory, disk, (long)options.IndexMemoryMib << 20, log);
            bucket?.Begin(store, indexFiles, directory, disk, time, log);
            indexes = new IndexBuilder(store.State, time, log, folder: indexFiles);
            await PrepareLogin(options, credentials, store, log);
            var metrics = new EngineMetrics(time);
            var temporary = options.CredentialFile is { } beside && Path.GetDirectoryName(Path.GetFullPath(beside)) is { } folder ? Path.Combine(folder, TemporaryLogins.FileName) : null;
            var logins = new LoginCheck(store.State, temporary, time);
            var app = Build(options, time, lines, store, metrics, logins, certificate, bucket, log);
            await app.StartAsync();
            var host = new EngineHost(app, directory, store, logins, indexes, indexFiles, bucket);
            if (certificate is null && !IPAddress.IsLoopback(options.Bind))
            {
                log.InClear(options.Bind.ToString());
            }

            log.Started(EngineVersion.Own, directory.Path, directory.Instance, host.GrpcAddress.Authority, host.MetricsAddress.Authority);
            return host;
        }
        catch
        {
            indexes?.Dispose();
            store?.Dispose();
            bucket?.Dispose();
            directory.Dispose();
            throw;
        }
    }

    public Task WaitForShutdown() => app.WaitForShutdownAsync();

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        logins.Dispose();
        indexes.Dispose();
        Store.Dispose();
        indexFiles.Store(Store.State); // The last checkpoint has named rows that an index was built over.
        bucket?.Dispose();
        directory.Dispose();
    }

    private static async Task PrepareLogin(EngineOptions options, IReadOnlyList<CredentialFile>? credentials, Store store, ILogger log)
    {
        if (credentials is not null)
        {
            foreach (var credential in credentials)
            {
                if (await credential.Import(store))
                {
                    log.CredentialImported(credential.User);
                }
            }
        }
        else if (!store.State.Access.LoginsOn)
        {
            RequireLoopback(options);
            log.Open();
        }
    }

    private static void RequireLoopback(EngineOptions options)
    {
        if (!IPAddress.IsLoopback(options.Bind))
        {
            throw new DataDirectoryException(ExitCodes.Credentials, $"No login is set, and {options.Bind} is reachable from other machines. Give --credential-file, or bind to 127.0.0.1.");
        }
    }

    private static WebApplication Build(EngineOptions options, TimeProvider time, LineLog lines, Store store, EngineMetrics metrics, LoginCheck logins, ServerCertificate? certificate, EngineBucket? bucket, ILogger log)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "demarc-engine", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear(); // Nothing but the command line decides; no environment variable opens a port.
        builder.Logging.ClearProviders().AddProvider(lines);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // gRPC bounds each message; a connection carries many.
            kestrel.Limits.Http2.MaxStreamsPerConnection = 256;
            kestrel.Limits.Http2.InitialConnectionWindowSize = 8 * 1024 * 1024;
            kestrel.Limits.Http2.InitialStreamWindowSize = 4 * 1024 * 1024;
            kestrel.AllowAlternateSchemes = true; // See SharedPort: what is presented as TLS says http.
            kestrel.Limits.MaxConcurrentConnections = Limits.Connections;
            kestrel.Listen(options.Bind, options.Port, listen =>
            {
                if (certificate is null)
                {
                    listen.UseSharedPort(time);
                }
                else
                {
                    certificate.UseOn(listen);
                }
            });
            kestrel.Listen(options.Bind, options.MetricsPort, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddSingleton(store).AddSingleton(metrics).AddSingleton(options).AddSingleton(time).AddSingleton(new Admission(time)).AddSingleton<MilvusEndpoint>();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = Limits.RequestBytes;
            grpc.MaxSendMessageSize = null; // Answers are bounded where they are made, with advice.
            grpc.IgnoreUnknownServices = true;
        });
        var app = builder.Build();
        var admission = app.Services.GetRequiredService<Admission>();
        app.UseLogin(logins, metrics, log);
        app.MapGrpcService<MilvusEndpoint>();
        app.MapRest();
        app.MapGet("/healthz", () => store.Broken is { } why ? Results.Text("writes are stopped: " + why, statusCode: StatusCodes.Status503ServiceUnavailable) : Results.Text("OK"));
        app.MapGet("/metrics", () => Results.Text(metrics.Render(store, admission, bucket), "text/plain; version=0.0.4; charset=utf-8"));
        app.MapUnserved();
        return app;
    }
}
