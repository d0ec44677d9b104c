using System.Globalization;
using System.Net;
using Demarc.Engine.Buckets;

namespace Demarc.Engine;

/// <summary>A command line that cannot be understood.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the process is told at its start.</summary>
internal sealed record EngineOptions
{
    public const string Help = """
        demarc-engine: a small vector database that speaks the Milvus protocol.

        Usage: demarc-engine --data DIR [options]

          --data DIR               where everything is kept; made if missing
          --port N                 Milvus gRPC port (default 19530; 0 takes a free one)
          --metrics-port N         /healthz and /metrics (default 9091; 0 takes a free one)
          --bind ADDRESS           address to listen on (default 127.0.0.1)
          --credential-file FILE   login of the first user: {"user":"root","passwordHash":"pbkdf2-sha256$..."}, mode 0600;
                                   {"users":[...]} for several
          --tls-cert FILE          serve the Milvus port with TLS: a certificate in PEM, with the chain behind it
          --tls-key FILE           its private key in PEM; both are read again when they change
          --tls-client-ca FILE     ask clients for a certificate of one of these authorities
          --log FILE               append the log there instead of standard error
          --import-dir DIR         files below it may be imported by clients; without it none may
          --slow-ms N              log requests that take longer than this (default 5000; 0 logs none)
          --max-memory-mib N       refuse inserts when rows hold this much memory
          --index-memory-mib N     stored indexes up to this size are copied to memory of the process; without it they
                                   are read from mapped files
          --bucket s3://NAME/PREFIX
                                   segments are kept there; the data folder is their cache
          --bucket-access FILE     how to reach it: lines endpoint, region, access-key, secret-key; mode 0600
          --cache-mib N            files of the data folder that the bucket has too are removed beyond this much;
                                   without it all stay
          --bucket-seconds N       what was written is on its way to the bucket after so long at the latest (default 300)
          --from-bucket            an empty data folder takes over what the bucket has
          --instance ID            the data folder must be, or becomes, this instance's
          --require-existing       refuse to start on a missing or empty data folder
          --version, --help

        Exit codes: 0 stopped, 1 unexpected, 2 usage, 3 data missing or another instance's, 4 data in use,
        5 data damaged, 6 address in use, 7 credentials, 8 data folder or bucket unreadable or unwritable.
        """;

    public required string Data { get; init; }

    public int Port { get; init; } = 19530;

    public int MetricsPort { get; init; } = 9091;

    public IPAddress Bind { get; init; } = IPAddress.Loopback;

    public string? CredentialFile { get; init; }

    public string? Log { get; init; }

    /// <summary>The folder that Import reads files from; null when it is not served.</summary>
    public string? ImportDir { get; init; }

    public string? TlsCertificate { get; init; }

    public string? TlsKey { get; init; }

    public string? TlsClientAuthorities { get; init; }

    /// <summary>Zero when none is logged.</summary>
    public TimeSpan Slow { get; init; } = TimeSpan.FromSeconds(5);

    public long? MaxMemoryMib { get; init; }

    public int IndexMemoryMib { get; init; }

    /// <summary>Where segments are kept; null when the data folder has them all.</summary>
    public BucketPlace? Bucket { get; init; }

    /// <summary>The file that says how to reach the bucket; there when the bucket is.</summary>
    public string? BucketAccess { get; init; }

    /// <summary>What stays of the files that the bucket has too; null for all of them.</summary>
    public long? CacheMib { get; init; }

    /// <summary>After how long at the latest what was written is on its way to the bucket.</summary>
    public TimeSpan BucketEvery { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>An empty data folder takes over what the bucket has.</summary>
    public bool FromBucket { get; init; }

    public string? Instance { get; init; }

    public bool RequireExisting { get; init; }

    public static EngineOptions Parse(IReadOnlyList<string> args)
    {
        var options = new EngineOptions { Data = "" };
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            if (Flag(options, name) is { } flagged)
            {
                options = flagged;
                continue;
            }

            var value = i + 1 < args.Count ? args[++i] : throw new UsageException($"{name} needs a value.");
            options = name switch
            {
                "--data" => options with { Data = value },
                "--port" => options with { Port = Whole(name, value, 0, ushort.MaxValue) },
                "--metrics-port" => options with { MetricsPort = Whole(name, value, 0, ushort.MaxValue) },
                "--bind" => options with { Bind = Address(value) },
                "--credential-file" => options with { CredentialFile = value },
                "--import-dir" => options with { ImportDir = value },
                "--tls-cert" => options with { TlsCertificate = value },
                "--tls-key" => options with { TlsKey = value },
                "--tls-client-ca" => options with { TlsClientAuthorities = value },
                "--slow-ms" => options with { Slow = TimeSpan.FromMilliseconds(Whole(name, value, 0, int.MaxValue)) },
                "--log" => options with { Log = value },
                "--max-memory-mib" => options with { MaxMemoryMib = Whole(name, value, 16, int.MaxValue) },
                "--index-memory-mib" => options with { IndexMemoryMib = Whole(name, value, 0, int.MaxValue) },
                "--bucket" => options with { Bucket = Place(value) },
                "--bucket-access" => options with { BucketAccess = value },
                "--cache-mib" => options with { CacheMib = Whole(name, value, 0, int.MaxValue) },
                "--bucket-seconds" => options with { BucketEvery = TimeSpan.FromSeconds(Whole(name, value, 1, 86_400)) },
                "--instance" => options with { Instance = value },
                _ => throw new UsageException($"Unknown option {name}. See --help."),
            };
        }

        Check(options);
        return options;
    }

    private static EngineOptions? Flag(EngineOptions options, string name) => name switch
    {
        "--require-existing" => options with { RequireExisting = true },
        "--from-bucket" => options with { FromBucket = true },
        _ => null,
    };

    private static void Check(EngineOptions options)
    {
        if (options.Data.Length == 0)
        {
            throw new UsageException("--data DIR is missing. See --help.");
        }

        if (options.TlsCertificate is null != options.TlsKey is null || (options.TlsClientAuthorities is not null && options.TlsCertificate is null))
        {
            throw new UsageException("TLS needs both --tls-cert and --tls-key; --tls-client-ca goes with them. See --help.");
        }

        if (options.Bucket is null != options.BucketAccess is null || (options.Bucket is null && (options.CacheMib is not null || options.FromBucket)))
        {
            throw new UsageException("A bucket needs both --bucket and --bucket-access; --cache-mib and --from-bucket go with them. See --help.");
        }
    }

    private static int Whole(string name, string value, int low, int high) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
            ? number
            : throw new UsageException($"{name} takes a whole number from {low} to {high}, not '{value}'.");

    private static IPAddress Address(string value) =>
        value == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(value, out var address) ? address
        : throw new UsageException($"--bind takes an IP address, not '{value}'.");

    private static BucketPlace Place(string value) =>
        BucketPlace.Parse(value) ?? throw new UsageException($"--bucket takes s3://NAME or s3://NAME/PREFIX, with a bucket's name as S3 allows it, not '{value}'.");
}
