using Demarc.Engine.Credentials;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Tests.Engine;

/// <summary>Users who exist for the time of an emergency session: they read, do nothing else, and are gone in the moment in which they are taken out.</summary>
public sealed class TemporaryUserTests : IDisposable
{
    private const string Password = "planted-Temporary-88213-pass";
    private readonly Demarc.Tests.Ledger.TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_temporary_user_reads_and_does_nothing_else_and_is_gone_at_once()
    {
        await using var engine = await EngineProcess.Start(folder.File("data"), "--credential-file", EngineProcess.CredentialFile(folder.File("cred.json"), "root", "planted-Root-3310-pass"));
        var root = EngineProcess.Login("root", "planted-Root-3310-pass");
        var session = EngineProcess.Login("session_s_one", Password);
        var client = engine.Client;
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)));

        Write(TimeProvider.System.GetUtcNow().AddMinutes(5));
        Assert.Equal(0, (await client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)).Status.Code);
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await client.ShowCollectionsAsync(new ShowCollectionsRequest(), EngineProcess.Login("session_s_one", "not it"))));
        foreach (var write in new Func<Task>[]
        {
            async () => await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "x" }, session),
            async () => await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = "x" }, session),
            async () => await client.InsertAsync(new InsertRequest { CollectionName = "x" }, session),
            async () => await client.UpsertAsync(new UpsertRequest { CollectionName = "x" }, session),
            async () => await client.DeleteAsync(new DeleteRequest { CollectionName = "x" }, session),
            async () => await client.FlushAsync(new FlushRequest(), session),
            async () => await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "x" }, session),
            async () => await client.DropIndexAsync(new DropIndexRequest { CollectionName = "x" }, session),
            async () => await client.CreateCredentialAsync(new CreateCredentialRequest { Username = "y", Password = Convert.ToBase64String("planted-Other-1"u8) }, session),
            async () => await client.UpdateCredentialAsync(new UpdateCredentialRequest { Username = "session_s_one" }, session),
            async () => await client.ListCredUsersAsync(new ListCredUsersRequest(), session),
        }) Assert.Equal(StatusCode.PermissionDenied, await RefusedAsync(write));

        // Root goes on as before, and knows nothing of the temporary one.
        Assert.DoesNotContain("session_s_one", (await client.ListCredUsersAsync(new ListCredUsersRequest(), root)).Usernames);

        // Taken out, it is out with the very next call, though its password was right a moment ago.
        File.Delete(folder.File(TemporaryLogins.FileName));
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)));

        // And its time ends it when nobody takes it out.
        Write(TimeProvider.System.GetUtcNow().AddMinutes(5));
        Assert.Equal(0, (await client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)).Status.Code);
        Write(TimeProvider.System.GetUtcNow().AddSeconds(-1));
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)));
        Assert.DoesNotContain(Password, engine.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_that_others_could_have_written_or_that_makes_no_sense_holds_nobody()
    {
        await using var engine = await EngineProcess.Start(folder.File("data"), "--credential-file", EngineProcess.CredentialFile(folder.File("cred.json"), "root", "planted-Root-3310-pass"));
        var session = EngineProcess.Login("session_s_one", Password);
        Write(TimeProvider.System.GetUtcNow().AddMinutes(5));
        File.SetUnixFileMode(folder.File(TemporaryLogins.FileName), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await engine.Client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)));
        foreach (var text in new[] { "", "{", "[]", """{"users":[{"user":"session_s_one"}]}""", """{"users":[null]}""", new string(' ', 20_000) })
        {
            await File.WriteAllTextAsync(folder.File(TemporaryLogins.FileName), text);
            File.SetUnixFileMode(folder.File(TemporaryLogins.FileName), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Assert.Equal(StatusCode.Unauthenticated, await RefusedAsync(async () => await engine.Client.ShowCollectionsAsync(new ShowCollectionsRequest(), session)));
        }
    }

    private void Write(DateTimeOffset until)
    {
        var hash = PasswordHash.Create(Password, PasswordHash.MinIterations).Encode();
        File.WriteAllText(folder.File(TemporaryLogins.FileName), $$"""{"users":[{"user":"session_s_one","passwordHash":"{{hash}}","until":"{{until:O}}"}]}""");
        File.SetUnixFileMode(folder.File(TemporaryLogins.FileName), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static async Task<StatusCode> RefusedAsync(Func<Task> call) => (await Assert.ThrowsAsync<RpcException>(call)).StatusCode;
}
