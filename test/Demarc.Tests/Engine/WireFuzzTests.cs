using System.Diagnostics;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Demarc.Tests.Fuzz;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Demarc.Tests.Engine;

/// <summary>
/// Every method with messages that nobody in their right mind sends: bytes changed in good ones, and messages filled with
/// whatever their fields can hold. Each is answered, in bounded time and memory, and never by a defect.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class WireFuzzTests(ITestOutputHelper output)
{
    private const long MostBytes = 512L << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Any_message_of_any_method_is_answered()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        var methods = MilvusService.Descriptor.Methods.Where(m => !m.IsClientStreaming && !m.IsServerStreaming).OrderBy(m => m.Name, StringComparer.Ordinal).ToList();
        var (calls, unserved, accepted, seen) = (0, 0, 0, 0);
        var defects = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var seed = 0; seed < FuzzScale.Of(4_000); seed++)
        {
            if (seed % 200 == 0)
            {
                await Furnish(box.Client, seed);
            }

            var mutator = new Mutator(seed);
            var method = methods[seed % methods.Count];
            var request = Message(method, mutator, seed);
            if (request is null)
            {
                continue;
            }

            calls++;
            try
            {
                var status = await Bounded(() => box.Call(method.Name, request), $"seed {seed}, {method.Name}");
                accepted += status == 0 ? 1 : 0;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                unserved++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
            {
                defects.TryAdd($"{method.Name} {e.GetType()}", $"seed {seed}, {method.Name} {Short(request)}: {e}");
            }

            if (box.Defects.Count > seen)
            {
                seen = box.Defects.Count;
                defects.TryAdd(string.Join(' ', box.Defects.Last().Split('\n').Take(3)), $"seed {seed}, {method.Name} {Short(request)}: {box.Defects.Last()}");
            }
        }

        Assert.True(defects.Count == 0, string.Join("\n\n", defects.Values));

        await Furnish(box.Client, 1);
        var lab = new ServiceLab(box.Client);
        Assert.Equal([1L, 2L], await lab.Keys("id in [1, 2]"));
        Assert.True(accepted > calls / 20, $"only {accepted} of {calls} messages were accepted: nothing was reached");
        output.WriteLine($"{calls} messages to {methods.Count} methods, {accepted} accepted, {unserved} not served");
    }

    /// <summary>Without marks a column that was too long lost its end, and one that was too short was a defect.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_column_that_is_shorter_or_longer_than_the_rows_is_refused(int values)
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        await Furnish(box.Client, 1);
        var insert = new InsertRequest { CollectionName = "things", NumRows = 2 };
        insert.FieldsData.Add(Sample.Columns([1, 2]));
        var titles = insert.FieldsData.Single(f => f.FieldName == "title").Scalars.StringData.Data;
        titles.Clear();
        titles.Add(Enumerable.Range(0, values).Select(i => $"title {i}"));
        var status = (await box.Client.InsertAsync(insert)).Status;
        Assert.Contains($"the num_rows ({values}) of field (title) is not equal to passed num_rows (2)", status.Reason, StringComparison.Ordinal);
        Assert.Empty(box.Defects);
    }

    private static string Short(IMessage request) => request.ToString() is { } text ? text[..Math.Min(text.Length, 1500)] : "";

    private static async Task<int> Bounded(Func<Task<IMessage>> call, string what)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        var called = call();
        var taken = GC.GetAllocatedBytesForCurrentThread() - before; // Reading and checking is done on the caller's thread; others have tests of their own.
        var answer = await called.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.True(clock.Elapsed < MostTime, $"{what} took {clock.Elapsed.TotalSeconds:0} s");
        Assert.True(taken < MostBytes, $"{what} took {taken >> 20} MiB");
        return answer is Demarc.Engine.Protocol.Status bare ? bare.Code : answer.Descriptor.FindFieldByName("status")?.Accessor.GetValue(answer) is Demarc.Engine.Protocol.Status inner ? inner.Code : 0;
    }

    /// <summary>A collection to talk about, made again when a message has taken it away or spoilt it.</summary>
    private static async Task Furnish(MilvusService.MilvusServiceClient client, int seed)
    {
        foreach (var alias in (await client.ListAliasesAsync(new ListAliasesRequest { CollectionName = "things" })).Aliases)
        {
            await client.DropAliasAsync(new DropAliasRequest { Alias = alias });
        }

        await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" });
        var lab = new ServiceLab(client);
        await lab.Ready();
        await lab.Insert(Enumerable.Range(seed % 3 == 0 ? 0 : 1, 40).Select(i => (long)i));
    }

    private static IMessage? Message(MethodDescriptor method, Mutator mutator, int seed)
    {
        var samples = Samples(method.Name);
        if (samples.Count > 0 && mutator.Next(2) == 0)
        {
            var bytes = mutator.Of(samples[mutator.Next(samples.Count)].ToByteArray());
            try
            {
                return method.InputType.Parser.ParseFrom(bytes);
            }
            catch (InvalidProtocolBufferException)
            {
                return null; // The server library refuses such bytes before the engine sees them.
            }
        }

        var filler = new MessageFiller(new Random(seed));
        return samples.Count > 0 && mutator.Next(2) == 0 ? filler.Disturb(samples[mutator.Next(samples.Count)]) : filler.Fill(method.InputType);
    }

    private static List<IMessage> Samples(string method)
    {
        var insert = new InsertRequest { CollectionName = "things", NumRows = 2 };
        insert.FieldsData.Add(Sample.Columns([1, 2]));
        var upsert = new UpsertRequest { CollectionName = "things", NumRows = 2 };
        upsert.FieldsData.Add(Sample.Columns([2, 3], 1));
        var partial = new UpsertRequest { CollectionName = "things", NumRows = 2, PartialUpdate = true };
        partial.FieldsData.Add(Sample.Columns([2, 3], 1).Where(f => f.FieldName is "id" or "title" or "$meta"));
        var search = ServiceLab.Search([1, 2, 3, 4], 5, ("radius", "100"), ("group_by_field", "small"), ("params", "{\"nprobe\":3}"));
        var query = new QueryRequest { CollectionName = "things", Expr = "id > 3 and title like \"row%\"", OutputFields = { "*" } };
        query.QueryParams.Add(ServiceLab.Parameters(("limit", "5"), ("offset", "1"), ("order_by_fields", "small:desc")));
        var hybrid = new HybridSearchRequest { CollectionName = "things", Requests = { ServiceLab.Search([1, 2, 3, 4], 5), ServiceLab.Search([4, 3, 2, 1], 5) } };
        hybrid.RankParams.Add(ServiceLab.Parameters(("strategy", "rrf"), ("limit", "3"), ("params", "{\"k\":60}")));
        IMessage[] all =
        [
            insert, upsert, partial, search, query, hybrid,
            new DeleteRequest { CollectionName = "things", Expr = "id in [1,2]" },
            new CreateCollectionRequest { CollectionName = "other", Schema = Sample.Schema("other").ToByteString() },
            new AddCollectionFieldRequest { CollectionName = "things", Schema = new FieldSchema { Name = "more", DataType = DataType.Int32, Nullable = true }.ToByteString() },
            new CreateIndexRequest { CollectionName = "things", FieldName = "title", ExtraParams = { ServiceLab.Parameters(("index_type", "INVERTED")) } },
            new AlterCollectionRequest { CollectionName = "things", Properties = { ServiceLab.Parameters(("collection.ttl.seconds", "3000")) } },
            new CreatePartitionRequest { CollectionName = "things", PartitionName = "part" },
            new RunAnalyzerRequest { AnalyzerParams = "{\"type\":\"english\"}", Placeholder = { ByteString.CopyFromUtf8("the quick foxes") } },
        ];
        return [.. all.Where(m => MilvusService.Descriptor.FindMethodByName(method).InputType == m.Descriptor)];
    }
}

/// <summary>How much is tried: a little in the fast tests, more where DEMARC_FUZZ says how many times as much.</summary>
internal static class FuzzScale
{
    public static int Of(int fast) => int.TryParse(Environment.GetEnvironmentVariable("DEMARC_FUZZ"), out var times) ? fast * times : fast;
}
