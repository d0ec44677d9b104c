using System.Runtime.Versioning;
using Demarc.Engine;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>The process as a whole: logins, secrets, exit codes, limits, and searches against plain arithmetic.</summary>
[UnsupportedOSPlatform("windows")]
public class ServerTests
{
    private const string Secret = "planted-Secret-7391";

    [Fact]
    public async Task Logins_are_checked_as_Milvus_does_and_no_secret_reaches_log_or_disk()
    {
        using var folder = Sample.Folder();
        var credential = EngineProcess.CredentialFile(folder["cred.json"], "root", Secret);
        var data = folder["data"];
        var log = folder["engine.log"];
        await using (var engine = await EngineProcess.Start(data, "--credential-file", credential))
        {
            var client = engine.Client;
            await Refused("missing authorization in header", null);
            await Refused("invalid token format", new Metadata { { "authorization", "not base64!" } });
            await Refused("auth check failure, please check username and password are correct", EngineProcess.Login("root", Secret + "x"));
            await Refused("auth check failure, please check username and password are correct", EngineProcess.Login("nobody", Secret));

            var root = EngineProcess.Login("root", Secret);
            Assert.Equal(0, (await client.ConnectAsync(new ConnectRequest(), root)).Status.Code);
            var password = Convert.ToBase64String("planted-Second-5526"u8);
            Assert.Equal(0, (await client.CreateCredentialAsync(new CreateCredentialRequest { Username = "ann", Password = password }, root)).Code);
            var ann = EngineProcess.Login("ann", "planted-Second-5526");
            Assert.Equal(0, (await client.GetVersionAsync(new GetVersionRequest(), ann)).Status.Code);
            Assert.Equal(1401, (await client.ListCredUsersAsync(new ListCredUsersRequest(), ann)).Status.Code);
            Assert.Equal(1401, (await client.DeleteCredentialAsync(new DeleteCredentialRequest { Username = "root" }, ann)).Code);

            var newPassword = Convert.ToBase64String("planted-Third-1187"u8);
            Assert.Equal(1400, (await client.UpdateCredentialAsync(new UpdateCredentialRequest { Username = "root", OldPassword = password, NewPassword = newPassword }, root)).Code);
            var old = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Secret));
            Assert.Equal(0, (await client.UpdateCredentialAsync(new UpdateCredentialRequest { Username = "root", OldPassword = old, NewPassword = newPassword }, root)).Code);
            await Refused("auth check failure, please check username and password are correct", root);
            Assert.Equal(0, (await client.GetVersionAsync(new GetVersionRequest(), EngineProcess.Login("root", "planted-Third-1187"))).Status.Code);

            using var http = new HttpClient { BaseAddress = engine.MetricsAddress };
            var metrics = await http.GetStringAsync("/metrics");
            Assert.DoesNotContain("planted-", metrics, StringComparison.Ordinal);
            Assert.Equal(0, await engine.Stop());
            File.WriteAllText(log, engine.Log);

            async Task Refused(string words, Metadata? headers)
            {
                var told = await Assert.ThrowsAsync<RpcException>(async () => await client.ListDatabasesAsync(new ListDatabasesRequest(), headers));
                Assert.Equal(StatusCode.Unauthenticated, told.StatusCode);
                Assert.Equal(words, told.Status.Detail);
                var unknown = await Assert.ThrowsAsync<RpcException>(async () => await engine.Channel.CreateCallInvoker().AsyncUnaryCall(Unserved, null, new CallOptions(headers), new ListDatabasesRequest()));
                Assert.Equal(StatusCode.Unauthenticated, unknown.StatusCode);
            }
        }

        // The same file again does not undo the changed password; a changed file does.
        await using (var again = await EngineProcess.Start(data, "--credential-file", credential))
        {
            Assert.Equal(0, (await again.Client.GetVersionAsync(new GetVersionRequest(), EngineProcess.Login("root", "planted-Third-1187"))).Status.Code);
        }

        EngineProcess.CredentialFile(credential, "root", "planted-Fourth-3310");
        await using (var again = await EngineProcess.Start(data, "--credential-file", credential))
        {
            Assert.Equal(0, (await again.Client.GetVersionAsync(new GetVersionRequest(), EngineProcess.Login("root", "planted-Fourth-3310"))).Status.Code);
            await Assert.ThrowsAsync<RpcException>(async () => await again.Client.GetVersionAsync(new GetVersionRequest(), EngineProcess.Login("root", "planted-Third-1187")));
        }

        foreach (var file in Directory.GetFiles(data).Append(log).Append(credential))
        {
            var content = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(file));
            Assert.DoesNotContain("planted-", content, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("root:" + Secret)), content, StringComparison.Ordinal);
            Assert.True((File.GetUnixFileMode(file) & (UnixFileMode.OtherRead | UnixFileMode.GroupRead)) == 0 || file == log, $"{file} can be read by others");
        }
    }

    [Fact]
    public async Task A_start_that_cannot_be_right_is_refused_with_its_own_exit_code()
    {
        using var folder = Sample.Folder();
        var data = folder["data"];
        Assert.Equal(ExitCodes.WrongData, (await EngineProcess.RunToEnd(data, "--require-existing")).Code);
        Assert.False(Directory.Exists(data), "a refused start made the folder");
        Assert.Equal(ExitCodes.Usage, (await EngineProcess.RunToEnd(data, "--nonsense", "1")).Code);
        Assert.Equal(ExitCodes.Credentials, (await EngineProcess.RunToEnd(data, "--bind", "0.0.0.0")).Code);

        var credential = EngineProcess.CredentialFile(folder["cred.json"], "root", Secret);
        File.SetUnixFileMode(credential, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var (code, said) = await EngineProcess.RunToEnd(data, "--credential-file", credential);
        Assert.Equal(ExitCodes.Credentials, code);
        Assert.Contains("chmod 600", said, StringComparison.Ordinal);

        await using (var engine = await EngineProcess.Start(data, "--instance", "one"))
        {
            Assert.Equal(ExitCodes.Locked, (await EngineProcess.RunToEnd(data, "--instance", "one")).Code);
            var port = new Uri("http://" + engine.Channel.Target).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(ExitCodes.AddressInUse, (await EngineProcess.RunToEnd(folder["other"], "--port", port)).Code);
            using var http = new HttpClient { BaseAddress = engine.MetricsAddress };
            Assert.Equal("OK", await http.GetStringAsync("/healthz"));
            Assert.Contains("milvus_rootcoord_collection_num{db_name=\"default\"} 0", await http.GetStringAsync("/metrics"), StringComparison.Ordinal);
        }

        (code, said) = await EngineProcess.RunToEnd(data, "--instance", "two", "--require-existing");
        Assert.Equal(ExitCodes.WrongData, code);
        Assert.Contains("belongs to instance one", said, StringComparison.Ordinal);
        foreach (var log in Directory.GetFiles(data, "wal-*"))
        {
            File.WriteAllBytes(log, [1, 2, 3]);
        }

        (code, said) = await EngineProcess.RunToEnd(data, "--instance", "one");
        Assert.Equal(ExitCodes.Damaged, code);
        Assert.Contains("Damaged data in", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_takes_long_is_logged_by_method_and_collection()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path, "--slow-ms", "1");
        await Ready(engine.Client, "L2", 20_000);
        Assert.Contains("WARN Slow: Insert on things took ", engine.Log, StringComparison.Ordinal);
        using var http = new HttpClient { BaseAddress = engine.MetricsAddress };
        Assert.Contains("milvus_proxy_slow_query_count{node_id=\"1\",function_name=\"Insert\"} 1", await http.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_served_says_so_by_name()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var told = await Assert.ThrowsAsync<RpcException>(async () => await engine.Channel.CreateCallInvoker().AsyncUnaryCall(Unserved, null, default, new ListDatabasesRequest()));
        Assert.Equal(StatusCode.Unimplemented, told.StatusCode);
        Assert.Contains("ExportSnapshot", told.Status.Detail, StringComparison.Ordinal);

        await Ready(engine.Client, "L2", 10);
        var search = Query([1, 1, 1, 1], 3);
        search.Highlighter = new Highlighter { Type = HighlightType.Semantic };
        Assert.Equal(3000, (await engine.Client.SearchAsync(search)).Status.Code);
        var partial = new UpsertRequest { CollectionName = "things", NumRows = 1, Namespace = "n" };
        Assert.Equal(3000, (await engine.Client.UpsertAsync(partial)).Status.Code);
        Assert.Equal(1100, (await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id > 1", PartitionNames = { "p" } })).Status.Code);
        Assert.Equal(800, (await engine.Client.ShowCollectionsAsync(new ShowCollectionsRequest { DbName = "elsewhere" })).Status.Code);
        Assert.Equal(1100, (await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things" })).Status.Code);
        Assert.Equal(109, (await engine.Client.InsertAsync(new InsertRequest { CollectionName = "things", NumRows = 1, SchemaTimestamp = 5 })).Status.Code);
        var tooLarge = await Assert.ThrowsAsync<RpcException>(async () =>
            await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = new string(' ', Limits.RequestBytes + 1) }));
        Assert.Equal(StatusCode.ResourceExhausted, tooLarge.StatusCode);
    }

    [Theory]
    [InlineData("L2")]
    [InlineData("IP")]
    [InlineData("COSINE")]
    public async Task A_search_over_many_rows_finds_what_a_plain_scan_finds(string metric)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        const int count = 70_000;
        await Ready(engine.Client, metric, count, "FLAT");
        float[] query = [35_000.4f, 3.3f, 0, 1];
        var request = Query(query, 20, "small < 50");
        request.SearchParams.Add(new Pair { Key = "offset", Value = "5" });
        var answer = await engine.Client.SearchAsync(request);
        Assert.True(answer.Status.Code == 0, answer.Status.Reason);
        var expected = Enumerable.Range(0, count).Where(i => i % 100 < 50)
            .Select(i => (Id: (long)i, Score: Score(metric, query, Sample.Vector(i, 0))))
            .OrderByDescending(p => metric == "L2" ? -p.Score : p.Score).Skip(5).Take(20).ToList();
        Assert.Equal(expected.Select(e => e.Score), answer.Results.Scores.Select(s => (double)s), new Close());
        foreach (var (id, score) in answer.Results.Ids.IntId.Data.Zip(answer.Results.Scores))
        {
            Assert.Equal(Score(metric, query, Sample.Vector(id, 0)), score, Math.Abs(score) * 1e-4 + 1e-4);
        }

        var counted = await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "small < 50", OutputFields = { "count(*)" } });
        Assert.Equal(count / 2, counted.FieldsData[0].Scalars.LongData.Data[0]);
    }

    private static readonly Method<ListDatabasesRequest, ListDatabasesResponse> Unserved = new(
        MethodType.Unary,
        "milvus.proto.milvus.MilvusService",
        "ExportSnapshot",
        Marshallers.Create(m => m.ToByteArray(), ListDatabasesRequest.Parser.ParseFrom),
        Marshallers.Create(m => m.ToByteArray(), ListDatabasesResponse.Parser.ParseFrom));

    private static async Task Ready(MilvusService.MilvusServiceClient client, string metric, int count, string type = "AUTOINDEX")
    {
        var created = await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = Sample.Schema().ToByteString() });
        Assert.True(created.Code == 0, created.Reason);
        await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = metric }, new Pair { Key = "index_type", Value = type } } });
        Assert.Equal(0, (await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" })).Code);
        var insert = new InsertRequest { CollectionName = "things", NumRows = (uint)count };
        insert.FieldsData.Add(Sample.Columns([.. Enumerable.Range(0, count).Select(i => (long)i)]));
        var answer = await client.InsertAsync(insert);
        Assert.True(answer.Status.Code == 0, answer.Status.Reason);
    }

    private static SearchRequest Query(float[] vector, int limit, string filter = "")
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector.AsSpan());
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(bytes) } } } };
        return new SearchRequest
        {
            CollectionName = "things",
            Dsl = filter,
            DslType = DslType.BoolExprV1,
            PlaceholderGroup = group.ToByteString(),
            Nq = 1,
            SearchParams = { new Pair { Key = "topk", Value = limit.ToString(System.Globalization.CultureInfo.InvariantCulture) }, new Pair { Key = "anns_field", Value = "vec" } },
        };
    }

    private static double Score(string metric, float[] a, float[] b)
    {
        var dot = a.Zip(b).Sum(p => (double)p.First * p.Second);
        return metric switch
        {
            "L2" => a.Zip(b).Sum(p => ((double)p.First - p.Second) * ((double)p.First - p.Second)),
            "IP" => dot,
            _ => dot / Math.Sqrt(a.Sum(x => (double)x * x) * b.Sum(x => (double)x * x)),
        };
    }

    private sealed class Close : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) <= (Math.Abs(x) * 1e-4) + 1e-4;

        public int GetHashCode(double obj) => 0;
    }
}
