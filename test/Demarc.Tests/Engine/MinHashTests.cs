using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Signatures of texts: computed when rows are written, shown, and compared with those of a query's text.</summary>
[UnsupportedOSPlatform("windows")]
public class MinHashTests
{
    private static readonly string[] Texts = ["the quick brown fox jumps", "the quick brown fox sleeps well", "something else altogether here", "the quick brown fox jumps", "fox"];

    /// <summary>Numbers that a program apart from this one has drawn: MT19937-64, SHA-1 and arithmetic modulo 2^61 - 1.</summary>
    [Fact]
    public async Task Signatures_are_kept_and_texts_found_by_likeness_also_after_a_crash()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            ServiceLab.Ok(await Create(engine.Client, ("num_hashes", "4"), ("hash_function", "sha1")));
            ServiceLab.Ok(await Index(engine.Client, ("index_type", "MINHASH_LSH"), ("metric_type", "MHJACCARD"), ("mh_lsh_band", "2")));
            ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
            ServiceLab.Ok((await engine.Client.InsertAsync(Insert())).Status);
            await Check(engine.Client);
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await Check(again.Client);
    }

    [Fact]
    public async Task Bytes_of_a_text_make_shingles_too()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        ServiceLab.Ok(await Create(engine.Client, ("token_level", "char"), ("hash_function", "sha1"), ("seed", "42")));
        ServiceLab.Ok(await Index(engine.Client, ("index_type", "AUTOINDEX")));
        ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
        var insert = Insert();
        insert.FieldsData[1].Scalars.StringData.Data[0] = "éa b";
        ServiceLab.Ok((await engine.Client.InsertAsync(insert)).Status);
        Assert.Equal([394355335u, 436988044, 279742806, 1776579587], (await Signatures(engine.Client))[0]);
    }

    [Theory]
    [InlineData("num_hashes", "3", "does not match expected dim 96")]
    [InlineData("num_hashes", "0", "num_hashes:0 must be positive")]
    [InlineData("num_hashes", "many", "num_hashes:many is not a number")]
    [InlineData("shingle_size", "-1", "shingle_size:-1 must be positive")]
    [InlineData("seed", "x", "seed:x is not a number")]
    [InlineData("hash_function", "md5", "unknown hash function: md5")]
    [InlineData("token_level", "", "unknown token_level: ")]
    public async Task Parameters_that_mean_nothing_are_refused(string key, string value, string why)
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        Assert.Contains(why, (await Create(engine.Client, (key, value))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Indexes_and_searches_that_do_not_fit_are_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        ServiceLab.Ok(await Create(engine.Client));
        Assert.Contains("does not support metric type", (await Index(engine.Client, ("index_type", "MINHASH_LSH"), ("metric_type", "HAMMING"), ("mh_lsh_band", "2"))).Reason, StringComparison.Ordinal);
        Assert.Contains("does not support metric type", (await Index(engine.Client, ("index_type", "BIN_FLAT"), ("metric_type", "MHJACCARD"))).Reason, StringComparison.Ordinal);
        Assert.Contains("mh_lsh_band", (await Index(engine.Client, ("index_type", "MINHASH_LSH"), ("metric_type", "MHJACCARD"), ("mh_lsh_band", "0"))).Reason, StringComparison.Ordinal);
        Assert.Contains("mh_lsh_band", (await Index(engine.Client, ("index_type", "MINHASH_LSH"), ("metric_type", "MHJACCARD"), ("mh_lsh_band", "5"))).Reason, StringComparison.Ordinal);
        ServiceLab.Ok(await Index(engine.Client, ("index_type", "MINHASH_LSH"), ("metric_type", "MHJACCARD"), ("mh_lsh_band", "4")));
        ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
        Assert.Contains("not support range search", (await Search(engine.Client, "fox", ("radius", "0.5"))).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("not support search_group_by", (await Search(engine.Client, "fox", ("group_by_field", "id"))).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("metric type", (await Search(engine.Client, "fox", ("metric_type", "HAMMING"))).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Likeness_is_the_share_of_equal_numbers()
    {
        uint[] one = [.. Enumerable.Range(0, 21).Select(i => (uint)i)];
        uint[] other = [.. one.Select((n, i) => i % 3 == 0 ? n + 100 : n)];
        Assert.Equal(14f / 21, MinHash.Likeness(MemoryMarshal.AsBytes(one.AsSpan()), MemoryMarshal.AsBytes(other.AsSpan())));
        Assert.Equal(1f, MinHash.Likeness(MemoryMarshal.AsBytes(one.AsSpan()), MemoryMarshal.AsBytes(one.AsSpan())));
    }

    private static async Task Check(MilvusService.MilvusServiceClient client)
    {
        var signatures = await Signatures(client);
        Assert.Equal([2112863002u, 954586187, 223643167, 1665941262], signatures[0]);
        Assert.Equal(signatures[0], signatures[3]);
        Assert.Equal([1706197945u, 1278853674, 4194244225, 3940232205], signatures[4]);
        Assert.Equal([uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue], signatures[5]);

        var found = await Search(client, Texts[0]);
        ServiceLab.Ok(found.Status);
        Assert.Equal([0L, 3], found.Results.Ids.IntId.Data.Take(2).Order());
        Assert.Equal([1f, 1f], found.Results.Scores.Take(2));
        Assert.All(found.Results.Scores.Skip(2), score => Assert.InRange(score, 0f, 0.99f));
    }

    private static async Task<uint[][]> Signatures(MilvusService.MilvusServiceClient client)
    {
        var all = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = "id >= 0", OutputFields = { "id", "signature" } });
        ServiceLab.Ok(all.Status);
        var bytes = all.FieldsData.Single(f => f.FieldName == "signature").Vectors.BinaryVector.ToByteArray();
        return [.. bytes.Chunk(16).Select(b => MemoryMarshal.Cast<byte, uint>(b).ToArray())];
    }

    private static Task<Demarc.Engine.Protocol.Status> Create(MilvusService.MilvusServiceClient client, params (string Key, string Value)[] parameters)
    {
        var schema = new CollectionSchema
        {
            Name = "docs",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "text", DataType = DataType.VarChar, Nullable = true, TypeParams = { ServiceLab.Parameters(("max_length", "1000")) } },
                new FieldSchema { Name = "signature", DataType = DataType.BinaryVector, TypeParams = { ServiceLab.Parameters(("dim", "128")) } },
            },
            Functions = { new FunctionSchema { Name = "hashes", Type = FunctionType.MinHash, InputFieldNames = { "text" }, OutputFieldNames = { "signature" }, Params = { ServiceLab.Parameters(parameters) } } },
        };
        return client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = schema.ToByteString() }).ResponseAsync;
    }

    private static Task<Demarc.Engine.Protocol.Status> Index(MilvusService.MilvusServiceClient client, params (string Key, string Value)[] parameters)
    {
        var request = new CreateIndexRequest { CollectionName = "docs", FieldName = "signature" };
        request.ExtraParams.Add(parameters.Select(p => new Pair { Key = p.Key, Value = p.Value }));
        return client.CreateIndexAsync(request).ResponseAsync;
    }

    private static InsertRequest Insert() => new()
    {
        CollectionName = "docs", NumRows = (uint)Texts.Length + 1,
        FieldsData =
        {
            new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { Enumerable.Range(0, Texts.Length + 1).Select(i => (long)i) } } } },
            new FieldData { FieldName = "text", ValidData = { Texts.Select(_ => true).Append(false) }, Scalars = new ScalarField { StringData = new StringArray { Data = { Texts } } } },
        },
    };

    private static async Task<SearchResults> Search(MilvusService.MilvusServiceClient client, string text, params (string Key, string Value)[] parameters)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { ByteString.CopyFromUtf8(text) } } } };
        var request = new SearchRequest { CollectionName = "docs", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1 };
        request.SearchParams.Add(ServiceLab.Parameters([("topk", "10"), ("anns_field", "signature"), .. parameters]));
        return await client.SearchAsync(request);
    }
}
