using System.Runtime.Versioning;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Which indexes are accepted and refused, in Milvus's codes and words, and indexes over places in JSON.</summary>
[UnsupportedOSPlatform("windows")]
public class IndexRulesTests
{
    public static TheoryData<string, string, string> Refused => new()
    {
        { "BinaryVector", "index_type=BIN_FLAT metric_type=L2", "binary vector index does not support metric type: L2: invalid parameter[expected=valid index params][actual=invalid index params]" },
        { "SparseFloatVector", "metric_type=L2", "only IP&BM25 is the supported metric type for sparse index: invalid parameter[expected=valid" },
        { "SparseFloatVector", "metric_type=BM25", "only BM25 Function output field support BM25 metric type" },
        { "Int8Vector", "metric_type=HAMMING", "int vector index does not support metric type: HAMMING" },
        { "SparseFloatVector", "index_type=HNSW metric_type=IP", "data type SparseFloatVector can't build with this index HNSW: invalid parameter" },
        { "Int8Vector", "index_type=IVF_FLAT metric_type=L2", "data type Int8Vector can't build with this index IVF_FLAT: invalid parameter" },
        { "FloatVector", "index_type=STL_SORT metric_type=L2", "data type FloatVector can't build with this index STL_SORT: invalid parameter" },
        { "FloatVector", "index_type=GPU_CAGRA", "invalid parameter[expected=valid index][actual=invalid index type: GPU_CAGRA]" },
        { "FloatVector", "index_type=hnsw metric_type=L2", "invalid index type: hnsw" },
        { "FloatVector", "index_type=HNSW", "metric type not set for vector index: invalid parameter[expected=valid" },
        { "FloatVector", "index_type=AUTOINDEX metric_type=L2 M=8", "only metric type can be passed when use AutoIndex: invalid parameter" },
        { "FloatVector", "index_type=HNSW metric_type=L2 dim=7", "dimension mismatch, dimension in schema: 16, dimension: 7" },
        { "FloatVector", "index_type=HNSW metric_type=L2 M=1", "Out of range in json: param 'M' (1) should be in range [2, 2048]: invalid parameter" },
        { "FloatVector", "index_type=HNSW metric_type=L2 M=16.0", "wrong data type in json, key: 'M', value: '16.0': invalid parameter" },
        { "FloatVector", "index_type=HNSW metric_type=L2 efConstruction=True", "invalid integer value, key: 'efConstruction', value: 'True'" },
        { "FloatVector", """index_type=HNSW metric_type=L2 params={"M":1}""", "param 'M' (1) should be in range" },
        { "FloatVector", "index_type=HNSW_PQ metric_type=L2 m=7", "The dimension of the vector (dim) should be a multiple of the number of subquantizers (m)." },
        { "FloatVector", "index_type=HNSW_PRQ metric_type=L2 nrq=17", "param 'nrq' (17) should be in range [1, 16]" },
        { "FloatVector", "index_type=HNSW_SQ metric_type=L2 sq_type=FP32", "invalid scalar quantizer type" },
        { "FloatVector", "index_type=HNSW_SQ metric_type=L2 refine=1", "Type conflict in json: param 'refine' (\"1\") should be a boolean" },
        { "FloatVector", "index_type=IVF_RABITQ metric_type=L2 refine_type=PQ", "invalid refine type : PQ, optional types are [sq6, sq8, fp16, bf16, fp32, flat]" },
        { "SparseFloatVector", "index_type=SPARSE_WAND metric_type=IP inverted_index_algo=NONE", "sparse inverted index algo NONE not found or not supported, supported: [TAAT_NAIVE DAAT_WAND" },
        { "SparseFloatVector", "index_type=SPARSE_WAND metric_type=IP quant_type=u16", "quant_type" },
        { "SparseFloatVector", "index_type=SPARSE_WAND metric_type=IP drop_ratio_build=1", "param 'drop_ratio_build' (1) should be in range [0.000000, 1.000000)" },
        { "FloatVector", "index_type=DISKANN metric_type=L2 mmap.enabled=true", "invalid mmap type params: index type DISKANN does not support mmap: invalid parameter: invalid parameter" },
        { "FloatVector", "index_type=FLAT metric_type=L2 warmup=soon", "invalid warmup params: invalid warmup policy: soon, must be 'disable', 'sync' or 'async': invalid parameter: invalid parameter" },
        { "FloatVector", "index_type=FLAT index_type=FLAT", "duplicated index param (key=index_type) (value=FLAT) found" },
        { "VarChar", "index_type=HNSW metric_type=L2", "index HNSW only supports vector data type" },
        { "VarChar", "index_type=HYBRID", "invalid parameter[expected=valid index][actual=invalid index type: HYBRID]" },
        { "VarChar", "index_type=NGRAM min_gram=2", "Ngram index must specify both min_gram and max_gram: missing parameter" },
        { "VarChar", "index_type=NGRAM min_gram=3 max_gram=2", "invalid min_gram or max_gram value for Ngram index, min_gram: 3, max_gram: 2" },
        { "VarChar", "index_type=NGRAM min_gram=2.5 max_gram=3", "min_gram for Ngram index must be an integer, got: 2.5" },
        { "VarChar", "index_type=INVERTED indexoffsetcache.enabled=true", "only bitmap index support indexoffsetcache.enabled now" },
        { "Double", "index_type=BITMAP", "bitmap index are only supported on bool, int, string and array field" },
        { "Double", "index_type=Trie", "TRIE are only supported on varchar field" },
        { "Double", "index_type=RTREE", "RTREE index can only be built on geometry field, got Double" },
        { "Double", "index_type=NGRAM min_gram=2 max_gram=3", "ngram index can only be created on VARCHAR or JSON field" },
        { "Bool", "index_type=STL_SORT", "STL_SORT are only supported on numeric, varchar or timestamptz field, got Bool" },
        { "Timestamptz", "index_type=INVERTED", "INVERTED are not supported on Timestamptz field" },
        { "Json", "index_type=INVERTED", "json index must specify cast type: missing parameter[missing_param=json_cast_type]" },
        { "Json", "index_type=BITMAP json_cast_type=double", "json_cast_type DOUBLE is not supported for BITMAP index" },
        { "Json", "json_cast_type=ARRAY_BOOL", "json_cast_type ARRAY_BOOL is not supported for HYBRID index" },
        { "Json", "index_type=INVERTED json_cast_type=FLOAT", "json_cast_type FLOAT is not supported: invalid parameter" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void What_Milvus_refuses_is_refused_in_its_words(string type, string parameters, string words) =>
        Assert.Contains(words, Assert.Throws<Fault>(() => IndexRules.Complete(Field(type), Pairs(parameters))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("FloatVector", "", "index_type=AUTOINDEX metric_type=COSINE")]
    [InlineData("BinaryVector", "index_type=AUTOINDEX", "index_type=AUTOINDEX metric_type=HAMMING")]
    [InlineData("BinaryVector", "metric_type=JACCARD index_type=HNSW", "metric_type=JACCARD index_type=HNSW")]
    [InlineData("FloatVector", """index_type=HNSW metric_type=L2 params={"M":8}""", """index_type=HNSW metric_type=L2 params={"M":8}""")]
    [InlineData("FloatVector", "index_type=HNSW_SQ metric_type=L2 refine=TRUE refine_type=Fp16 other=1", "index_type=HNSW_SQ metric_type=L2 refine=TRUE refine_type=Fp16 other=1")]
    [InlineData("Json", "json_cast_type=json", "json_cast_type=json")]
    [InlineData("Bool", "", "")]
    [InlineData("Bool", "index_type=INVERTED mmap.enabled=true", "index_type=INVERTED mmap.enabled=true")]
    public void What_is_accepted_is_kept_as_it_was_given(string type, string given, string kept) =>
        Assert.Equal(kept, string.Join(' ', IndexRules.Complete(Field(type), Pairs(given)).Select(p => $"{p.Key}={p.Value}")));

    [Theory]
    [InlineData("HNSW", "ef", "5", false, "ef(5) should be larger than k(10)")]
    [InlineData("HNSW_PQ", "ef", "5", false, null)]
    [InlineData("HNSW", "ef", "32.0", true, "Type conflict in json: param 'ef' (32.0) should be integer")]
    [InlineData("HNSW", "ef", "null", true, "param 'ef' (null) should be integer")]
    [InlineData("HNSW", "nprobe", "0", false, null)]
    [InlineData("IVF_FLAT", "nprobe", "0", false, "param 'nprobe' (0) should be in range [1, 65536]")]
    [InlineData("IVF_RABITQ", "refine_k", "0.5", true, "param 'refine_k' (0.5) should be in range [1.000000, 340282346638528859811704183484516925440.000000]")]
    [InlineData("IVF_RABITQ", "refine_k", "", false, "invalid float value, key: 'refine_k', value: ''")]
    [InlineData("DISKANN", "search_list_size", "5", true, "search_list_size(5) should be larger than k(10)")]
    [InlineData("SPARSE_WAND", "dim_max_score_ratio", "1.4", true, "should be in range [0.500000, 1.300000]")]
    public void A_search_may_say_what_its_index_takes(string type, string name, string text, bool isJson, string? words)
    {
        var index = new StoredIndex { Params = { Pairs($"index_type={type}") } };
        object? Read() => IndexParameters.Hints(Field("FloatVector"), index, n => n == name ? new SettingText(text, isJson) : null, 10);
        if (words is null)
        {
            Assert.NotNull(Read());
        }
        else
        {
            Assert.Contains(words, Assert.Throws<Fault>(Read).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Places_in_json_have_an_index_each_also_keys_beyond_the_schema()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        await lab.Ready(rows: 10);
        await Made("info", "json_path=info['deep']['n'] json_cast_type=double index_type=INVERTED");
        await Made("info", "json_path=info['deep']['n'] json_cast_type=double index_type=INVERTED");
        await Made("info", "json_path=info['tag'] json_cast_type=varchar index_type=INVERTED");
        await Made("colour", "json_cast_type=varchar index_type=INVERTED");
        await Made("size", "json_path=size['x~/y'] json_cast_type=varchar index_type=AUTOINDEX", "sizes");
        await Failed(1100, "at most one distinct index is allowed per field", "info", "json_path=info['tag'] json_cast_type=bool index_type=INVERTED");
        await Failed(1100, "creating multiple indexes on same field is not supported", "info", "json_path=info['tag'] json_cast_type=varchar index_type=INVERTED", "other");
        await Failed(1100, "at most one distinct index is allowed per field", "title", "index_type=INVERTED", "sizes");
        await Failed(2201, "cannot parse identifier: 1: query plan failed", "info", "json_path=1 json_cast_type=varchar index_type=INVERTED");
        await Failed(2201, "mismatched input '/'", "info", "json_path=/ json_cast_type=varchar index_type=INVERTED");
        await Failed(1100, "fieldID not match with field name", "info", "json_path=other json_cast_type=varchar index_type=INVERTED");
        await Failed(1100, "Invalid index name: 1x. The first character of a index name", "title", "index_type=INVERTED", "1x");

        var shown = await engine.Client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "things" });
        Assert.Equal(["$meta/colour", "info/deep/n", "info/tag", "sizes", "vec"], shown.IndexDescriptions.Select(d => d.IndexName).Order(StringComparer.Ordinal));
        Assert.Equal(["colour", "info", "info", "size", "vec"], shown.IndexDescriptions.Select(d => d.FieldName).Order(StringComparer.Ordinal));
        Assert.All(shown.IndexDescriptions, d => Assert.Equal(IndexState.Finished, d.State));
        Assert.Equal(10, shown.IndexDescriptions[0].TotalRows);

        // What may be altered is not, while rows are loaded; nor the rest ever.
        var alter = new AlterIndexRequest { CollectionName = "things", IndexName = "sizes", ExtraParams = { Pairs("mmap.enabled=true") } };
        Assert.Equal(104, (await engine.Client.AlterIndexAsync(alter)).Code);
        ServiceLab.Ok(await engine.Client.ReleaseCollectionAsync(new ReleaseCollectionRequest { CollectionName = "things" }));
        ServiceLab.Ok(await engine.Client.AlterIndexAsync(alter));
        Assert.Contains("M is not a configable index property", (await engine.Client.AlterIndexAsync(new AlterIndexRequest { CollectionName = "things", IndexName = "vec", ExtraParams = { Pairs("M=1") } })).Reason, StringComparison.Ordinal);
        ServiceLab.Ok(await engine.Client.DropIndexAsync(new DropIndexRequest { CollectionName = "things", IndexName = "info/tag" }));
        Assert.Equal(4, (await engine.Client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "things" })).IndexDescriptions.Count);

        async Task<Demarc.Engine.Protocol.Status> Make(string field, string parameters, string name) =>
            await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = field, IndexName = name, ExtraParams = { Pairs(parameters) } });

        async Task Made(string field, string parameters, string name = "") => ServiceLab.Ok(await Make(field, parameters, name));

        async Task Failed(int code, string words, string field, string parameters, string name = "")
        {
            var status = await Make(field, parameters, name);
            Assert.Equal(code, status.Code);
            Assert.Contains(words, status.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_dynamic_field_an_unknown_name_is_refused()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var schema = Sample.Schema();
        schema.EnableDynamicField = false;
        ServiceLab.Ok(await engine.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = schema.ToByteString() }));
        var status = await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "colour" });
        Assert.Equal((65535, "cannot create index on non-exist field: colour"), (status.Code, status.Reason));
    }

    private static FieldDefinition Field(string typeName)
    {
        var type = Enum.Parse<DataType>(typeName);
        var dimension = FieldDefinition.IsVectorType(type) && type != DataType.SparseFloatVector ? 16 : 0;
        var schema = new FieldSchema { Name = "field", DataType = type };
        if (dimension > 0)
        {
            schema.TypeParams.Add(new Pair { Key = "dim", Value = "16" });
        }

        return new FieldDefinition(schema, dimension, type == DataType.VarChar ? 100 : 0);
    }

    private static IEnumerable<Pair> Pairs(string parameters) =>
        parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2)).Select(p => new Pair { Key = p[0], Value = p[1] });
}
