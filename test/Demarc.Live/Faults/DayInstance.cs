using Demarc.Core.Access;
using Demarc.Core.Environments;
using Grpc.Core;

namespace Demarc.Live.Faults;

/// <summary>
/// One instance as its users know it: rows are written, searched and deleted whenever it is ready, and each answer is a promise. Rows whose insert or
/// delete was never answered are left out of every expectation: they may be there or not.
/// </summary>
internal sealed class DayInstance(string name, PlaneDoor customer, AgeIdentity sealing, Promises promises, Random random) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private readonly SortedSet<long> kept = [];
    private readonly SortedSet<long> gone = [];
    private long next = 1;
    private MilvusDoor? door;
    private string? uri;
    private (string Uri, string User, string Password)? credential;

    public string Name => name;

    public int Kept => kept.Count;

    public Task<InstanceView?> ViewAsync() => customer.GetAsync($"/instances/{name}", ViewJson.Default.InstanceView);

    /// <summary>Writes and searches until the day is over.</summary>
    public async Task UseAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            try
            {
                if (await OpenAsync() is { } milvus) await UseOnceAsync(milvus);
            }
            catch (RpcException unanswered)
            {
                promises.Unsettled.Enqueue($"{name}: {unanswered.StatusCode} {unanswered.Status.Detail}");
                Close();
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Reads everything back that was promised; each miss is named.</summary>
    public async Task CheckAsync()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if (await OpenAsync() is { } milvus)
                {
                    await CheckAsync(milvus);
                    return;
                }
            }
            catch (RpcException unanswered) when (attempt < 100)
            {
                promises.Unsettled.Enqueue($"{name} at the end: {unanswered.StatusCode} {unanswered.Status.Detail}");
                Close();
            }

            Assert.True(attempt < 100, $"{name} cannot be read at the end of the day: {(await ViewAsync())?.Status}");
            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    public void Dispose() => Close();

    private async Task CheckAsync(MilvusDoor milvus)
    {
        foreach (var ids in kept.Chunk(500))
        {
            var read = await milvus.ReadAsync(ids);
            foreach (var id in ids)
            {
                if (!read.TryGetValue(id, out var vector)) promises.Broken.Enqueue($"{name}: acknowledged row {id} is lost");
                else if (!vector.AsSpan().SequenceEqual(MilvusDoor.Vector(id))) promises.Broken.Enqueue($"{name}: row {id} has another vector than was written");
            }
        }

        foreach (var ids in gone.Chunk(500))
        {
            foreach (var id in (await milvus.ReadAsync(ids)).Keys) promises.Broken.Enqueue($"{name}: row {id} was deleted and is back");
        }
    }

    private async Task UseOnceAsync(MilvusDoor milvus)
    {
        var ids = Enumerable.Range(0, random.Next(1, 40)).Select(_ => next++).ToList();
        await milvus.InsertAsync(ids);
        kept.UnionWith(ids);
        promises.Count("inserts");

        var wanted = kept.ElementAt(random.Next(kept.Count));
        if (await milvus.NearestAsync(wanted) is var found && found != wanted) promises.Broken.Enqueue($"{name}: the search for row {wanted} found {found?.ToString() ?? "nothing"}");
        promises.Count("searches");

        if (random.Next(4) != 0) return;
        var doomed = ids.Take(2).ToList();
        // Until the answer is there nobody knows: the rows are expected neither way.
        kept.ExceptWith(doomed);
        await milvus.DeleteAsync(doomed);
        gone.UnionWith(doomed);
        promises.Count("row deletes");
    }

    private async Task<MilvusDoor?> OpenAsync()
    {
        if (await ViewAsync() is not { Status: "ready", HasCredential: true } view) return null;
        if (door is not null && view.Uri == uri) return door;
        Close();
        credential ??= await CredentialAsync();
        if (credential is not { } login) return null;
        door = new MilvusDoor(uri = view.Uri, login.User, login.Password);
        await door.PrepareAsync();
        return door;
    }

    private async Task<(string, string, string)?> CredentialAsync()
    {
        if (await customer.GetAsync($"/instances/{name}/credential", ViewJson.Default.CredentialView) is not { } view) return null;
        var opened = AgeFile.TryDecrypt(view.Sealed, sealing);
        if (opened.IsOpen) return (view.Uri, view.User, opened.Plaintext.Reveal());
        promises.Broken.Enqueue($"{name}: the credential does not open: {opened.Error}");
        return null;
    }

    private void Close()
    {
        door?.Dispose();
        door = null;
    }
}
