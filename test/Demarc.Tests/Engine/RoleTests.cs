using System.Runtime.Versioning;
using Demarc.Engine.Credentials;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Tests.Engine;

/// <summary>Who may do what: refused without the privilege, allowed with it, on that object in that database and nowhere else.</summary>
[UnsupportedOSPlatform("windows")]
public class RoleTests
{
    private const string Password = "secret-of-ann";

    [Fact]
    public async Task A_role_without_the_privilege_is_refused_and_with_it_is_not()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder["data"], "--credential-file", EngineProcess.CredentialFile(folder["cred.json"], "root", "secret-of-root"));
        var client = engine.Client;
        var root = EngineProcess.Login("root", "secret-of-root");
        var ann = EngineProcess.Login("ann", Password);
        var lab = new ServiceLab(client, root);
        await lab.Ready(rows: 5);
        await lab.Ready("others", rows: 5);
        ServiceLab.Ok(await client.CreateAliasAsync(new CreateAliasRequest { CollectionName = "things", Alias = "nick" }, root));
        ServiceLab.Ok(await client.CreateCredentialAsync(new CreateCredentialRequest { Username = "ann", Password = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Password)) }, root));
        ServiceLab.Ok(await client.CreateRoleAsync(new CreateRoleRequest { Entity = new RoleEntity { Name = "reader" } }, root));

        var search = ServiceLab.Search([1, 1, 1, 1], 1);
        var refused = (await client.SearchAsync(search, ann)).Status;
        Assert.Equal(1401, refused.Code);
        Assert.Equal(ErrorCode.PermissionDenied, refused.ErrorCode);
        Assert.Contains("PrivilegeSearch", refused.Reason, StringComparison.Ordinal);

        await Grant("Search", "things");
        Assert.Equal(1401, (await client.SearchAsync(search, ann)).Status.Code);
        ServiceLab.Ok(await client.OperateUserRoleAsync(new OperateUserRoleRequest { Username = "ann", RoleName = "reader" }, root));
        ServiceLab.Ok((await client.SearchAsync(search, ann)).Status);
        search.CollectionName = "nick";
        ServiceLab.Ok((await client.SearchAsync(search, ann)).Status);
        search.CollectionName = "others";
        Assert.Equal(1401, (await client.SearchAsync(search, ann)).Status.Code);
        Assert.Equal(1401, (await client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id > 0" }, ann)).Status.Code);
        Assert.Equal(1401, (await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "things" }, ann)).Code);
        Assert.Equal(1401, (await client.OperateUserRoleAsync(new OperateUserRoleRequest { Username = "ann", RoleName = "admin" }, ann)).Code);
        Assert.Equal(1401, (await client.FlushAsync(new FlushRequest { CollectionNames = { "things", "others" } }, ann)).Status.Code);

        // A group of Milvus's, one of our own, and everybody's right to what is their own.
        await Grant("CollectionReadOnly", "*");
        ServiceLab.Ok((await client.QueryAsync(new QueryRequest { CollectionName = "others", Expr = "id > 0" }, ann)).Status);
        ServiceLab.Ok(await client.CreatePrivilegeGroupAsync(new CreatePrivilegeGroupRequest { GroupName = "writers" }, root));
        ServiceLab.Ok(await client.OperatePrivilegeGroupAsync(new OperatePrivilegeGroupRequest { GroupName = "writers", Privileges = { new PrivilegeEntity { Name = "Delete" } } }, root));
        await Grant("writers", "others");
        ServiceLab.Ok((await client.DeleteAsync(new DeleteRequest { CollectionName = "others", Expr = "id in [1]" }, ann)).Status);
        Assert.Equal(1401, (await client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [1]" }, ann)).Status.Code);
        Assert.Equal(1100, (await client.DropPrivilegeGroupAsync(new DropPrivilegeGroupRequest { GroupName = "writers" }, root)).Code);
        Assert.Equal("reader", (await client.SelectUserAsync(new SelectUserRequest { User = new UserEntity { Name = "ann" }, IncludeRoleInfo = true }, ann)).Results.Single().Roles.Single().Name);
        Assert.Equal(1401, (await client.SelectUserAsync(new SelectUserRequest { User = new UserEntity { Name = "root" } }, ann)).Status.Code);

        // Taken away again: a role in use is not dropped unawares, and what it allowed goes with it.
        Assert.Equal(65535, (await client.DropRoleAsync(new DropRoleRequest { RoleName = "reader" }, root)).Code);
        ServiceLab.Ok(await client.DropRoleAsync(new DropRoleRequest { RoleName = "reader", ForceDrop = true }, root));
        search.CollectionName = "things";
        Assert.Equal(1401, (await client.SearchAsync(search, ann)).Status.Code);
        ServiceLab.Ok(await client.OperateUserRoleAsync(new OperateUserRoleRequest { Username = "ann", RoleName = "admin" }, root));
        ServiceLab.Ok(await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "others" }, ann));

        async Task Grant(string privilege, string collection) => ServiceLab.Ok(await client.OperatePrivilegeV2Async(
            new OperatePrivilegeV2Request { Role = new RoleEntity { Name = "reader" }, Grantor = new GrantorEntity { Privilege = new PrivilegeEntity { Name = privilege } }, DbName = "default", CollectionName = collection }, root));
    }

    [Fact]
    public async Task A_grant_holds_in_its_database_only()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder["data"], "--credential-file", EngineProcess.CredentialFile(folder["cred.json"], "root", "secret-of-root"));
        var client = engine.Client;
        var root = EngineProcess.Login("root", "secret-of-root");
        var ann = EngineProcess.Login("ann", Password);
        ServiceLab.Ok(await client.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "sales" }, root));
        var lab = new ServiceLab(client, root);
        await lab.Ready(rows: 2);
        await lab.Ready(database: "sales", rows: 2);
        ServiceLab.Ok(await client.CreateCredentialAsync(new CreateCredentialRequest { Username = "ann", Password = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Password)) }, root));
        ServiceLab.Ok(await client.CreateRoleAsync(new CreateRoleRequest { Entity = new RoleEntity { Name = "seller" } }, root));
        ServiceLab.Ok(await client.OperateUserRoleAsync(new OperateUserRoleRequest { Username = "ann", RoleName = "seller" }, root));
        ServiceLab.Ok(await client.OperatePrivilegeAsync(new OperatePrivilegeRequest
        {
            Entity = new GrantEntity
            {
                Role = new RoleEntity { Name = "seller" }, Object = new ObjectEntity { Name = "Collection" }, ObjectName = "things", DbName = "sales",
                Grantor = new GrantorEntity { Privilege = new PrivilegeEntity { Name = "PrivilegeQuery" } },
            },
        }, root));
        var query = new QueryRequest { CollectionName = "things", Expr = "id >= 0" };
        Assert.Equal(1401, (await client.QueryAsync(query, ann)).Status.Code);

        // The database may stand in the request or in the connection's header.
        ServiceLab.Ok((await client.QueryAsync(query, new Metadata { ann[0], { "dbname", "sales" } })).Status);
        query.DbName = "sales";
        ServiceLab.Ok((await client.QueryAsync(query, ann)).Status);
    }

    [Fact]
    public async Task Users_made_while_logins_are_off_are_kept_and_asked_for_nothing()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder["data"]);
        var password = Convert.ToBase64String("a-password"u8);
        ServiceLab.Ok(await engine.Client.CreateCredentialAsync(new CreateCredentialRequest { Username = "ann", Password = password }));
        Assert.Equal(["ann", "root"], (await engine.Client.ListCredUsersAsync(new ListCredUsersRequest())).Usernames);
        ServiceLab.Ok(await engine.Client.CreateCredentialAsync(new CreateCredentialRequest { Username = "root", Password = password }));
        await Assert.ThrowsAsync<RpcException>(async () => await engine.Client.ListCredUsersAsync(new ListCredUsersRequest()));
        Assert.Equal(1401, (await engine.Client.ListCredUsersAsync(new ListCredUsersRequest(), EngineProcess.Login("ann", "a-password"))).Status.Code);
        ServiceLab.Ok((await engine.Client.ListCredUsersAsync(new ListCredUsersRequest(), EngineProcess.Login("root", "a-password"))).Status);
    }

    [Fact]
    public void Every_request_has_a_privilege_or_is_free_on_purpose()
    {
        foreach (var method in MilvusService.Descriptor.Methods)
        {
            var needed = Requirements.Of(method.InputType);
            Assert.True(needed is null || Privileges.Known.Contains(needed.Privilege), $"{method.Name} needs {needed?.Privilege}, which nobody can be granted");
            if (needed is { NameField: > 0 })
            {
                Assert.NotNull(method.InputType.FindFieldByNumber(needed.NameField));
            }
        }
    }
}
