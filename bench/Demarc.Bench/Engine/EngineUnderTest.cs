using System.Diagnostics;
using System.Globalization;
using Demarc.Engine.Protocol;
using Grpc.Net.Client;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Bench.Engine;

/// <summary>The built engine as a process of its own, reached through gRPC as any client reaches it: one connection for whoever holds this.</summary>
internal sealed class EngineUnderTest : IAsyncDisposable
{
    public const string Collection = "bench";
    public const string Field = "v";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    private readonly Process? process;
    private readonly GrpcChannel channel;

    private EngineUnderTest(Process? process, string address)
    {
        this.process = process;
        Address = address;
        channel = GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions { MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        Client = new MilvusService.MilvusServiceClient(channel);
    }

    public MilvusService.MilvusServiceClient Client { get; }

    /// <summary>Host and port.</summary>
    public string Address { get; }

    /// <summary>Memory that only the process has: pages of mapped files, which the system takes back when it needs them, are not in it.</summary>
    public long AnonymousBytes => Status("RssAnon:");

    public long ResidentBytes => Status("VmRSS:");

    public static async Task<EngineUnderTest> StartAsync(string data, params string[] options)
    {
        var programs = Environment.GetEnvironmentVariable("DEMARC_BIN") ?? throw new InvalidOperationException("DEMARC_BIN must name the folder of the built programs: run ./dev bench.");
        var start = new ProcessStartInfo(Path.Combine(programs, "demarc-engine"), ["--data", data, "--port", "0", "--metrics-port", "0", .. options]) { RedirectStandardError = true };
        var process = Process.Start(start)!;
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ');
            if (words.Contains("serves"))
            {
                _ = process.StandardError.ReadToEndAsync();
                return new EngineUnderTest(process, words[Array.IndexOf(words, "on") + 1].TrimEnd(','));
            }
        }

        throw new InvalidOperationException($"The engine ended with code {process.ExitCode} before it served.");
    }

    /// <summary>A connection to an engine that another process started, and ends.</summary>
    public static EngineUnderTest Connect(string address) => new(null, address);

    /// <summary>A collection of an id and a vector.</summary>
    public async Task CreateAsync(int dimension)
    {
        var schema = new CollectionSchema
        {
            Name = Collection,
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = Field, DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = Text(dimension) } } },
            },
        };
        Check(await Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = Collection, Schema = Google.Protobuf.MessageExtensions.ToByteString(schema) }));
    }

    /// <summary>Asks for an index, loads, and waits until the index has settled.</summary>
    public async Task IndexAsync(string type, string metric)
    {
        Check(await Client.CreateIndexAsync(new CreateIndexRequest
        {
            CollectionName = Collection,
            FieldName = Field,
            ExtraParams =
            {
                new Pair { Key = "index_type", Value = type }, new Pair { Key = "metric_type", Value = metric },
                new Pair { Key = "params", Value = """{"M":16,"efConstruction":200}""" },
            },
        }));
        Check(await Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = Collection }));
        await SettledAsync();
    }

    /// <summary>Waits until every row that is there stands in its index: a build beside it would be measured with what is asked.</summary>
    public async Task SettledAsync()
    {
        Check((await Client.FlushAsync(new FlushRequest { CollectionNames = { Collection } })).Status);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var description = (await Client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = Collection })).IndexDescriptions[0];
            if (description.PendingIndexRows == 0)
            {
                return;
            }

            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException($"after {Patience} {description.PendingIndexRows} rows still wait for their index");
            }

            await Task.Delay(100);
        }
    }

    /// <summary>An index goes only while the collection is not loaded.</summary>
    public async Task DropIndexAsync()
    {
        Check(await Client.ReleaseCollectionAsync(new ReleaseCollectionRequest { CollectionName = Collection }));
        Check(await Client.DropIndexAsync(new DropIndexRequest { CollectionName = Collection, FieldName = Field }));
    }

    public static InsertRequest Rows(float[] values, int dimension, int from, int count, long firstId)
    {
        var ids = new LongArray();
        for (var i = 0; i < count; i++)
        {
            ids.Data.Add(firstId + i);
        }

        var vectors = new FloatArray();
        vectors.Data.AddRange(new ArraySegment<float>(values, from * dimension, count * dimension));
        return new InsertRequest
        {
            CollectionName = Collection,
            NumRows = (uint)count,
            FieldsData =
            {
                new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = ids } },
                new FieldData { FieldName = Field, Type = DataType.FloatVector, Vectors = new VectorField { Dim = dimension, FloatVector = vectors } },
            },
        };
    }

    public async Task InsertAsync(InsertRequest rows) => Check((await Client.InsertAsync(rows)).Status);

    public static SearchRequest Query(ReadOnlySpan<float> vector, string metric, int limit, int ef)
    {
        var placeholder = new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { Google.Protobuf.ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector)) } };
        return new SearchRequest
        {
            CollectionName = Collection,
            Nq = 1,
            DslType = DslType.BoolExprV1,
            PlaceholderGroup = Google.Protobuf.MessageExtensions.ToByteString(new PlaceholderGroup { Placeholders = { placeholder } }),
            SearchParams =
            {
                new Pair { Key = "anns_field", Value = Field }, new Pair { Key = "metric_type", Value = metric }, new Pair { Key = "topk", Value = Text(limit) },
                new Pair { Key = "params", Value = $$"""{"ef":{{Text(ef)}}}""" },
            },
        };
    }

    public async Task<IReadOnlyList<long>> SearchAsync(SearchRequest query)
    {
        var answer = await Client.SearchAsync(query);
        Check(answer.Status);
        return answer.Results.Ids?.IntId?.Data ?? []; // Of nothing there is no list either.
    }

    public async ValueTask DisposeAsync()
    {
        channel.Dispose();
        if (process is not null)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    public static void Check(Status status)
    {
        if (status.Code != 0)
        {
            throw new InvalidOperationException($"the engine said {status.Code}: {status.Reason}");
        }
    }

    private long Status(string what) => File.ReadLines($"/proc/{process!.Id}/status").First(l => l.StartsWith(what, StringComparison.Ordinal))
        .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [_, var kilobytes, ..] ? long.Parse(kilobytes, CultureInfo.InvariantCulture) * 1024 : 0;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
