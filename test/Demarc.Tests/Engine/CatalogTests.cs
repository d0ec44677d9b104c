using System.Runtime.Versioning;
using Demarc.Engine;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Databases, aliases, partitions, changes of a schema: what they do, and that a restart keeps them.</summary>
[UnsupportedOSPlatform("windows")]
public class CatalogTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_catalogue_holds_is_there_after_a_restart(bool killed)
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder["data"]))
        {
            await Fill(new ServiceLab(engine.Client));
            if (killed)
            {
                await engine.Kill();
            }
            else
            {
                Assert.Equal(0, await engine.Stop());
            }
        }

        await using var again = await EngineProcess.Start(folder["data"]);
        await Check(new ServiceLab(again.Client));
    }

    [Fact]
    public async Task A_name_means_one_thing_and_what_is_in_use_is_not_dropped()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await new ServiceLab(client).Ready();
        Assert.Equal(1100, (await client.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "default" })).Code);
        Assert.Equal(800, (await client.ShowCollectionsAsync(new ShowCollectionsRequest { DbName = "nowhere" })).Status.Code);
        ServiceLab.Ok(await client.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "other" }));
        ServiceLab.Ok(await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "things", Alias = "nick" }));
        Assert.Equal(1601, (await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "things", Alias = "things" })).Code);
        Assert.Equal(1100, (await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" })).Code);
        Assert.Equal(1100, (await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "nick" })).Code);
        Assert.Equal(1601, (await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "nick", Schema = Sample.Schema().ToByteString() })).Code);
        Assert.Equal(1100, (await client.RenameCollectionAsync(new RenameCollectionRequest { OldName = "things", NewName = "things", NewDBName = "other" })).Code);
        ServiceLab.Ok(await client.DropAliasAsync(new DropAliasRequest { Alias = "nick" }));
        ServiceLab.Ok(await client.RenameCollectionAsync(new RenameCollectionRequest { OldName = "things", NewName = "moved", NewDBName = "other" }));
        Assert.False((await client.HasCollectionAsync(new HasCollectionRequest { CollectionName = "things" })).Value);
        Assert.True((await client.HasCollectionAsync(new HasCollectionRequest { DbName = "other", CollectionName = "moved" })).Value);
        Assert.Equal(1100, (await client.DropDatabaseAsync(new DropDatabaseRequest { DbName = "other" })).Code);
        ServiceLab.Ok(await client.DropCollectionAsync(new DropCollectionRequest { DbName = "other", CollectionName = "moved" }));
        ServiceLab.Ok(await client.DropDatabaseAsync(new DropDatabaseRequest { DbName = "other" }));
        Assert.Equal(["default"], (await client.ListDatabasesAsync(new ListDatabasesRequest())).DbNames);
        var missing = (await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "gone" })).Status;
        Assert.Equal((100, ErrorCode.UnexpectedError), (missing.Code, missing.ErrorCode));
    }

    [Fact]
    public async Task Reads_and_writes_of_a_partition_touch_no_other()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        var lab = new ServiceLab(client);
        await lab.Ready();
        ServiceLab.Ok(await client.CreatePartitionAsync(new CreatePartitionRequest { CollectionName = "things", PartitionName = "north" }));
        await lab.Insert([1, 2, 3]);
        await lab.Insert([10, 11], partition: "north");
        Assert.Equal([1, 2, 3, 10, 11], await lab.Keys());
        Assert.Equal([10, 11], await lab.Keys(partitions: "north"));
        Assert.Equal([10], await lab.Keys("id in [1, 10]", partitions: "north"));
        var search = ServiceLab.Search([11, 0, 0, 1], 10);
        search.PartitionNames.Add("_default");
        Assert.Equal([3, 2, 1], (await lab.Found(search)).Ids.IntId.Data);
        Assert.Equal(1100, (await client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id > 0", PartitionNames = { "south" } })).Status.Code);

        var deleted = await client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [1, 10]", PartitionName = "north" });
        Assert.Equal(1, deleted.DeleteCnt);
        Assert.Equal([1, 2, 3, 11], await lab.Keys());
        Assert.Equal("1", (await client.GetPartitionStatisticsAsync(new GetPartitionStatisticsRequest { CollectionName = "things", PartitionName = "north" })).Stats[0].Value);

        // Loaded is a matter of each partition.
        Assert.Equal(1100, (await client.DropPartitionAsync(new DropPartitionRequest { CollectionName = "things", PartitionName = "north" })).Code);
        ServiceLab.Ok(await client.ReleasePartitionsAsync(new ReleasePartitionsRequest { CollectionName = "things", PartitionNames = { "north" } }));
        Assert.Equal([1, 2, 3], await lab.Keys());
        Assert.Equal(201, (await client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id > 0", PartitionNames = { "north" } })).Status.Code);
        Assert.Equal(LoadState.NotLoad, (await client.GetLoadStateAsync(new GetLoadStateRequest { CollectionName = "things", PartitionNames = { "north" } })).State);
        ServiceLab.Ok(await client.DropPartitionAsync(new DropPartitionRequest { CollectionName = "things", PartitionName = "north" }));
        Assert.Equal("3", (await client.GetCollectionStatisticsAsync(new GetCollectionStatisticsRequest { CollectionName = "things" })).Stats[0].Value);
        Assert.Equal(["_default"], (await client.ShowPartitionsAsync(new ShowPartitionsRequest { CollectionName = "things" })).PartitionNames);
        Assert.Equal(1100, (await client.DropPartitionAsync(new DropPartitionRequest { CollectionName = "things", PartitionName = "_default" })).Code);
    }

    [Fact]
    public async Task A_partition_key_spreads_rows_by_itself()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        var lab = new ServiceLab(client);
        var schema = Sample.Schema();
        schema.Fields.First(f => f.Name == "title").IsPartitionKey = true;
        await lab.Ready(schema: schema, rows: 500);
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "things" });
        Assert.Equal(Limits.DefaultKeyPartitions, described.NumPartitions);
        var names = (await client.ShowPartitionsAsync(new ShowPartitionsRequest { CollectionName = "things" })).PartitionNames;
        Assert.Equal(Limits.DefaultKeyPartitions, names.Count);
        var counts = new List<int>();
        foreach (var name in names)
        {
            counts.Add(int.Parse((await client.GetPartitionStatisticsAsync(new GetPartitionStatisticsRequest { CollectionName = "things", PartitionName = name })).Stats[0].Value, System.Globalization.CultureInfo.InvariantCulture));
        }

        Assert.Equal(500, counts.Sum());
        Assert.All(counts, c => Assert.InRange(c, 5, 100));
        Assert.Equal([7], await lab.Keys("title == \"row 7 v0\""));
        Assert.Equal(1100, (await client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id > 0", PartitionNames = { names[0] } })).Status.Code);
        Assert.Equal(65535, (await client.CreatePartitionAsync(new CreatePartitionRequest { CollectionName = "things", PartitionName = "p" })).Code);
    }

    [Fact]
    public async Task A_folder_of_the_format_before_is_read_and_a_later_one_is_not()
    {
        using var folder = Sample.Folder();
        var data = folder["data"];
        await using (var engine = await EngineProcess.Start(data))
        {
            await new ServiceLab(engine.Client).Ready(rows: 5);
        }

        var identity = Path.Combine(data, "engine.json");
        var text = await File.ReadAllTextAsync(identity);
        await File.WriteAllTextAsync(identity, OfFormat(text, DataDirectory.FormatVersion - 1));
        await using (var engine = await EngineProcess.Start(data))
        {
            Assert.Equal([0, 1, 2, 3, 4], await new ServiceLab(engine.Client).Keys());
        }

        Assert.Equal(text, await File.ReadAllTextAsync(identity));
        await File.WriteAllTextAsync(identity, OfFormat(text, DataDirectory.FormatVersion + 1));
        var (code, said) = await EngineProcess.RunToEnd(data);
        Assert.Equal(ExitCodes.WrongData, code);
        Assert.Contains($"is of format {DataDirectory.FormatVersion + 1}; this engine reads formats 1 to {DataDirectory.FormatVersion}", said, StringComparison.Ordinal);
    }

    /// <summary>As an engine of another format writes it; earlier ones had no sum.</summary>
    private static string OfFormat(string identity, int format)
    {
        var content = System.Text.Json.Nodes.JsonNode.Parse(identity)!.AsObject();
        Assert.Equal(DataDirectory.FormatVersion, (int)content["format"]!);
        content["format"] = format;
        Assert.True(content.Remove("sum"));
        return content.ToJsonString();
    }

    private static async Task Fill(ServiceLab lab)
    {
        var client = lab.Client;
        ServiceLab.Ok(await client.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "sales", Properties = { new Pair { Key = "database.max.collections", Value = "9" } } }));
        ServiceLab.Ok(await client.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "empty" }));
        ServiceLab.Ok(await client.DropDatabaseAsync(new DropDatabaseRequest { DbName = "empty" }));
        await lab.Ready(database: "sales", rows: 20);
        ServiceLab.Ok(await client.CreatePartitionAsync(new CreatePartitionRequest { DbName = "sales", CollectionName = "things", PartitionName = "north" }));
        await lab.Insert([100, 101], database: "sales", partition: "north");
        ServiceLab.Ok(await client.CreateAliasAsync(new CreateAliasRequest { DbName = "sales", CollectionName = "things", Alias = "nick" }));
        ServiceLab.Ok(await client.AlterCollectionAsync(new AlterCollectionRequest { DbName = "sales", CollectionName = "nick", Properties = { new Pair { Key = "mine", Value = "1" } } }));
        var added = new FieldSchema { Name = "later", DataType = DataType.VarChar, Nullable = true, TypeParams = { new Pair { Key = "max_length", Value = "10" } }, DefaultValue = new ValueField { StringData = "d" } };
        ServiceLab.Ok(await client.AddCollectionFieldAsync(new AddCollectionFieldRequest { DbName = "sales", CollectionName = "things", Schema = added.ToByteString() }));
        Assert.Equal(1100, (await client.AddCollectionFieldAsync(new AddCollectionFieldRequest { DbName = "sales", CollectionName = "things", Schema = added.ToByteString() })).Code);
        ServiceLab.Ok(await client.AlterCollectionFieldAsync(new AlterCollectionFieldRequest { DbName = "sales", CollectionName = "things", FieldName = "title", Properties = { new Pair { Key = "max_length", Value = "200" } } }));
        ServiceLab.Ok(await client.RenameCollectionAsync(new RenameCollectionRequest { DbName = "sales", OldName = "things", NewName = "goods" }));
        await lab.Ready("cut", rows: 3);
        ServiceLab.Ok((await client.TruncateCollectionAsync(new TruncateCollectionRequest { CollectionName = "cut" })).Status);
        await lab.Insert([7], "cut");
        ServiceLab.Ok(await client.CreateResourceGroupAsync(new CreateResourceGroupRequest { ResourceGroup = "rg" }));
        ServiceLab.Ok(await client.CreateRoleAsync(new CreateRoleRequest { Entity = new RoleEntity { Name = "reader", Description = "reads" } }));
        ServiceLab.Ok(await client.OperatePrivilegeV2Async(new OperatePrivilegeV2Request
        {
            Role = new RoleEntity { Name = "reader" }, Grantor = new GrantorEntity { Privilege = new PrivilegeEntity { Name = "Search" } }, DbName = "sales", CollectionName = "goods",
        }));
        ServiceLab.Ok(await client.CreatePrivilegeGroupAsync(new CreatePrivilegeGroupRequest { GroupName = "mygroup" }));
    }

    private static async Task Check(ServiceLab lab)
    {
        var client = lab.Client;
        Assert.Equal(["default", "sales"], (await client.ListDatabasesAsync(new ListDatabasesRequest())).DbNames);
        Assert.Equal("9", (await client.DescribeDatabaseAsync(new DescribeDatabaseRequest { DbName = "sales" })).Properties.Single().Value);
        var goods = await client.DescribeCollectionAsync(new DescribeCollectionRequest { DbName = "sales", CollectionName = "nick" });
        ServiceLab.Ok(goods.Status);
        Assert.Equal("goods", goods.CollectionName);
        Assert.Equal(["nick"], goods.Aliases);
        Assert.Contains(goods.Properties, p => p is { Key: "mine", Value: "1" });
        Assert.Equal("200", goods.Schema.Fields.First(f => f.Name == "title").TypeParams.Single().Value);
        Assert.Equal("later", goods.Schema.Fields[^1].Name);
        Assert.Equal([100, 101], await lab.Keys(name: "goods", database: "sales", partitions: "north"));
        Assert.Equal(22, (await lab.Keys("later == \"d\"", "goods", "sales")).Count);
        Assert.Equal([7], await lab.Keys(name: "cut"));
        Assert.Contains("rg", (await client.ListResourceGroupsAsync(new ListResourceGroupsRequest())).ResourceGroups);
        var grants = (await client.SelectGrantAsync(new SelectGrantRequest { Entity = new GrantEntity { Role = new RoleEntity { Name = "reader" } } })).Entities;
        Assert.Equal(("Collection", "goods", "sales", "Search"), (grants.Single().Object.Name, grants[0].ObjectName, grants[0].DbName, grants[0].Grantor.Privilege.Name));
        var nobody = await client.SelectRoleAsync(new SelectRoleRequest { Role = new RoleEntity { Name = "nobody" } });
        Assert.Equal((0, 0), (nobody.Status.Code, nobody.Results.Count));
        Assert.Equal("reads", (await client.SelectRoleAsync(new SelectRoleRequest { Role = new RoleEntity { Name = "reader" } })).Results.Single().Role.Description);
        Assert.Contains((await client.ListPrivilegeGroupsAsync(new ListPrivilegeGroupsRequest())).PrivilegeGroups, g => g.GroupName == "mygroup");
    }
}
