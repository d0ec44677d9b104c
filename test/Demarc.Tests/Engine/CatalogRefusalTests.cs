using System.Runtime.Versioning;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>What the catalogue refuses, with Milvus's codes and words and in Milvus's order.</summary>
[UnsupportedOSPlatform("windows")]
public class CatalogRefusalTests
{
    private static readonly string Long = new('a', 256);

    [Theory]
    [InlineData("collection", "12-s", 1100, "Invalid collection name: 12-s. the first character of a collection name must be an underscore or letter: invalid parameter")]
    [InlineData("collection", "a-s", 1100, "Invalid collection name: a-s. collection name can only contain numbers, letters and underscores: invalid parameter")]
    [InlineData("collection", "", 1100, "collection name should not be empty: invalid parameter")]
    [InlineData("alias", "中文", 1100, "Invalid collection alias: 中文. the first character of a collection alias must be an underscore or letter: invalid parameter")]
    [InlineData("partition", " ", 1100, "Invalid partition name: . Partition name should not be empty.: invalid parameter")]
    [InlineData("partition", "(mn)", 1100, "Invalid partition name: (mn). The first character of a partition name must be an underscore or letter.: invalid parameter")]
    [InlineData("partition", "7-days", 0, "")]
    [InlineData("field", "1st", 1701, "Invalid field name: 1st. The first character of a field name must be an underscore or letter.: field name invalid[field=1st]")]
    [InlineData("field", "nUll", 1701, "Invalid field name: nUll. nUll is keyword in milvus.: field name invalid[field=nUll]")]
    [InlineData("field", "text_match", 1701, "Invalid field name: text_match. text_match is keyword in milvus.: field name invalid[field=text_match]")]
    [InlineData("field", "RowID", 1701, "field name \"RowID\" is reserved for internal use and cannot be used in user schemas: field name invalid[field=RowID]")]
    [InlineData("field", "Null_1", 0, "")]
    [InlineData("database", "  ", 802, "the first character of a database name must be an underscore or letter: invalid database name[database=  ]")]
    [InlineData("resource group", "", 1101, "resource group name couldn't be empty: missing parameter")]
    [InlineData("resource group", "a b", 1100, "Invalid resource group name a b. resource group name can only contain numbers, letters and underscores: invalid parameter")]
    [InlineData("privilege group", "a-b", 1100, "privilege group name a-b can only contain numbers, letters and underscores: invalid parameter")]
    [InlineData("privilege group", "1b", 1402, "1b: invalid privilege group name[privilegeGroup=the first character of a privilege group name %s must be an underscore or letter]")]
    [InlineData("user", "a.b-c_1", 0, "")]
    [InlineData("user", "_a", 1100, "invalid user name _a, the first character must be a letter, but got _: invalid parameter")]
    [InlineData("user", "abcdefghijklmnopqrstuvwxyz1234567", 1100, "invalid username abcdefghijklmnopqrstuvwxyz1234567 with length 33, the length of username must be less than 32: invalid parameter")]
    [InlineData("role name", " ", 1100, "role name should be not empty: invalid parameter[expected=not empty][actual=]")]
    [InlineData("role name", "1a", 1100, "the first character of role name must be an underscore or letter: invalid parameter[expected=95][actual=49]")]
    [InlineData("role name", "a/b", 1100, "role name can only contain numbers, letters, underscores, and allowed characters ($), found / at 1: invalid parameter")]
    public void A_name_is_refused_in_the_words_of_its_kind(string kind, string name, int code, string words)
    {
        var fault = Record.Exception(() => Check(kind, name)) as Fault;
        Assert.Equal((code, words), (fault?.Code ?? 0, fault?.Message ?? ""));
    }

    [Theory]
    [InlineData("collection", 1100, "the length of a collection name must be less than 255 characters: invalid parameter")]
    [InlineData("partition", 1100, "The length of a partition name must be less than 255 characters.: invalid parameter")]
    [InlineData("database", 802, "the length of a database name must be less than 255 characters: invalid database name")]
    [InlineData("snapshot name", 1100, "the length of snapshot name must be not greater than limit: invalid parameter[256 out of range 0 <= value <= 255]")]
    public void A_long_name_is_refused(string kind, int code, string words)
    {
        var fault = Assert.Throws<Fault>(() => Check(kind, Long));
        Assert.Equal(code, fault.Code);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Check(kind, Long[1..]);
    }

    [Theory]
    [InlineData("""{"fields":[{"name":"id","dataType":"Int64","isPrimaryKey":true}]}""", 1100, "schema does not contain vector field")]
    [InlineData("""{"fields":[{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"1"}]}]}""", 1101, "primary key is not specified: missing parameter")]
    [InlineData("""{"fields":[KEY,{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"1"}]}]}""", 1100, "invalid dimension: 1. should be in range 2 ~ 32768: ")]
    [InlineData("""{"fields":[KEY,{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"-3"}]}]}""", 1100, "invalid dimension: -3. should be in range 2 ~ 32768: ")]
    [InlineData("""{"fields":[KEY,{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"32769"}]}]}""", 1100, "invalid dimension: 32769 of field v. float vector dimension should be in range 2 ~ 32768")]
    [InlineData("""{"fields":[KEY,{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"x"}]}]}""", 65535, "strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"t","dataType":"VarChar"}]}""", 1101, "type param(max_length) should be specified for the field(t) of collection things: missing parameter")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"t","dataType":"String"}]}""", 1100, "string data type not supported yet, please use VarChar type instead")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"v","dataType":"Int8"}]}""", 1100, "duplicated field name v found")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"j","dataType":"JSON","defaultValue":{"longData":"1"}}]}""", 1100, "type not support default_value, type:JSON, name:j")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"n","dataType":"Int8","defaultValue":{"doubleData":1.5}}]}""", 1100, "type (Int8) of field (n) is not equal to the type(DataType_Double) of default_value")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"n","dataType":"Int8","defaultValue":{"intData":200}}]}""", 1100, "default value out of range: invalid parameter[200 out of range -128 <= value <= 127]")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"c","dataType":"Bool","isClusteringKey":true}]}""", 105, "clustering key field c has unsupported data type Bool: illegal collection schema[collection=things]")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"p","dataType":"Int64","isPartitionKey":true,"nullable":true}]}""", 1100, "partition key field not support nullable")]
    [InlineData("""{"fields":[KEY,VECTOR,{"name":"id2","dataType":"Int64","isPrimaryKey":true}]}""", 1100, "there are more than one primary key, field name = id, id2")]
    [InlineData("""{"fields":[{"name":"id","dataType":"Int64","isPrimaryKey":true,"nullable":true},VECTOR]}""", 1100, "primary field not support null, type:Int64, name:id")]
    public void A_schema_is_refused_for_the_first_thing_that_is_wrong(string schema, int code, string words)
    {
        var given = JsonParser.Default.Parse<CollectionSchema>(schema
            .Replace("KEY", """{"name":"id","dataType":"Int64","isPrimaryKey":true}""", StringComparison.Ordinal)
            .Replace("VECTOR", """{"name":"v","dataType":"FloatVector","typeParams":[{"key":"dim","value":"4"}]}""", StringComparison.Ordinal));
        var fault = Assert.Throws<Fault>(() => SchemaRules.Complete(given, "things"));
        Assert.Equal(code, fault.Code);
        Assert.StartsWith(words, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_are_looked_at_before_what_they_name()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await new ServiceLab(client).Ready();
        ServiceLab.Ok(await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "things", Alias = "nick" }));
        Said(1100, "Invalid collection name: 1. ", await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "1", Alias = "b" }));
        Said(100, "collection not found[database=default][collection=gone]", await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "gone", Alias = "b" }));
        Said(100, "collection not found[collection=gone]", await client.AlterAliasAsync(new AlterAliasRequest { CollectionName = "gone", Alias = "b" }));
        Said(1600, "alias not found[database=default][alias=b]", await client.AlterAliasAsync(new AlterAliasRequest { CollectionName = "things", Alias = "b" }));
        Said(1601, "alias and collection name conflict[database=default][alias=nick]", await client.RenameCollectionAsync(new RenameCollectionRequest { OldName = "things", NewName = "nick" }));
        Said(1100, "duplicated new collection name default:things with other collection name or alias", await client.RenameCollectionAsync(new RenameCollectionRequest { OldName = "things", NewName = "things" }));
        Said(1100, "Invalid collection name: 1. ", (await client.HasCollectionAsync(new HasCollectionRequest { CollectionName = "1" })).Status);
        Said(100, "can't find collection[database=default][collection=gone]", (await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "gone" })).Status);
        Said(100, "collection not found[database=default][collection=gone]", await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "gone" }));
        Said(12, "when load 3 replica count: service resource insufficient", await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things", ReplicaNumber = 3 }));
        Said(1100, "can't change the replica number for loaded partitions: invalid parameter[expected=1][actual=2]", await client.LoadPartitionsAsync(new LoadPartitionsRequest { CollectionName = "things", PartitionNames = { "_default" }, ReplicaNumber = 2 }));
        Said(1100, "invalid parameter[expected=any partition]", await client.ReleasePartitionsAsync(new ReleasePartitionsRequest { CollectionName = "things" }));
        Said(1100, "Invalid partition name: 1 2. ", (await client.HasPartitionAsync(new HasPartitionRequest { CollectionName = "things", PartitionName = "1 2" })).Status);
        Said(802, "the first character", await client.DropDatabaseAsync(new DropDatabaseRequest { DbName = "1" }));
        ServiceLab.Ok(await client.OperateUserRoleAsync(new OperateUserRoleRequest { Username = "nobody", RoleName = "public", Type = OperateUserRoleType.RemoveUserFromRole }));
        Said(1400, "old password not correct for nobody: not authenticated", await client.UpdateCredentialAsync(new UpdateCredentialRequest { Username = "nobody", OldPassword = "YWJjZGVm", NewPassword = "YWJjZGVm" }));
        Said(1100, "privilege group name a-b can only contain", await client.OperatePrivilegeGroupAsync(new OperatePrivilegeGroupRequest { GroupName = "a-b" }));
        Said(1100, "alter database with empty", await client.AlterDatabaseAsync(new AlterDatabaseRequest { DbName = "default" }));
    }

    [Fact]
    public async Task A_field_s_description_changes_and_what_only_a_released_collection_allows_waits()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await new ServiceLab(client).Ready();
        ServiceLab.Ok(await Field("title", "field.description", "what it is called"));
        var fields = (await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "things" })).Schema.Fields;
        Assert.Equal("what it is called", fields.Single(f => f.Name == "title").Description);
        Assert.DoesNotContain(fields.SelectMany(f => f.TypeParams), p => p.Key == "field.description");
        Said(1100, "field other does not exist in collection", await Field("other", "field.description", "x"));
        Said(1100, " can not modify the maxlength for non-string types", await Field("flag", "max_length", "5"));
        Said(104, "can not alter collection field properties if collection loaded: collection already loaded[collection=things]", await Field("title", "mmap.enabled", "true"));
        Said(104, "can not alter mmap properties if collection loaded", await Alter("mmap.enabled", "true"));
        Said(104, "can not alter warmup properties if collection loaded", await Alter("warmup.vectorField", "sync"));
        ServiceLab.Ok(await client.ReleaseCollectionAsync(new ReleaseCollectionRequest { CollectionName = "things" }));
        Said(1100, "invalid warmup policy: soon, must be 'disable', 'sync' or 'async'", await Field("title", "warmup", "soon"));
        Said(1100, "invalid warmup value for key warmup.vectorField: invalid warmup policy: soon", await Alter("warmup.vectorField", "soon"));
        Said(1100, "warmup key 'warmup' is only allowed at field level", await Alter("warmup", "sync"));
        Said(1100, "the value for allow_insert_auto_id must be false when autoID is false", await Alter("allow_insert_auto_id", "true"));
        ServiceLab.Ok(await Alter("mmap.enabled", "true"));
        ServiceLab.Ok(await Alter("warmup.vectorField", "async"));
        ServiceLab.Ok(await Field("title", "warmup", "disable"));

        async Task<Status> Field(string field, string key, string value) =>
            await client.AlterCollectionFieldAsync(new AlterCollectionFieldRequest { CollectionName = "things", FieldName = field, Properties = { new Pair { Key = key, Value = value } } });

        async Task<Status> Alter(string key, string value) =>
            await client.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", Properties = { new Pair { Key = key, Value = value } } });
    }

    private static void Said(int code, string words, Status status)
    {
        Assert.Equal(code, status.Code);
        Assert.StartsWith(words, status.Reason, StringComparison.Ordinal);
    }

    private static void Check(string kind, string name)
    {
        switch (kind)
        {
            case "collection":
                Assert.Equal(name, NameRules.Collection(name));
                break;
            case "alias":
                Assert.Equal(name, NameRules.Alias(name));
                break;
            case "partition":
                NameRules.CheckPartition(name);
                break;
            case "field":
                NameRules.CheckField(name);
                break;
            case "database":
                NameRules.CheckDatabase(name);
                break;
            case "resource group":
                NameRules.CheckResourceGroup(name);
                break;
            case "privilege group":
                NameRules.CheckPrivilegeGroup(name);
                break;
            case "user":
                NameRules.CheckUser(name);
                break;
            default:
                NameRules.Check(name, kind);
                break;
        }
    }
}
