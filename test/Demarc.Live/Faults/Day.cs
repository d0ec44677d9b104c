using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Live.Faults;

/// <summary>
/// A day of an environment, in a loop: orders, rows, searches, modified labels and sizes, suspending, resuming, deleting, restoring, approvals and
/// refusals, amended charters, exports. Everybody in it is patient and keeps a list of what they were promised.
/// </summary>
internal sealed class Day : IAsyncDisposable
{
    private readonly Quickstart quickstart;
    private readonly CancellationTokenSource over = new();
    private readonly AgeIdentity sealing;
    private readonly List<(DayInstance Instance, DayOperator Operator)> instances = [];
    private readonly List<Task> work = [];

    public Day(Quickstart quickstart, Uri plane, int seed)
    {
        this.quickstart = quickstart;
        Assert.True(AgeIdentity.TryParse(quickstart.KeyLine("customer-sealing.key"), out var identity));
        sealing = identity;
        Customer = new PlaneDoor(plane, "plane.local", quickstart.Key("customer"), Promises);
        Vendor = new PlaneDoor(plane, "plane.local", quickstart.Key("vendor"), Promises);
        for (var i = 0; i < 3; i++)
        {
            var instance = new DayInstance($"day-{i + 1}", Customer, sealing, Promises, new Random(seed + i));
            instances.Add((instance, new DayOperator(instance, Vendor, Customer, Promises, new Random(seed + 10 + i))));
        }
    }

    public Promises Promises { get; } = new();

    public PlaneDoor Customer { get; }

    public PlaneDoor Vendor { get; }

    public int Rows => instances.Sum(pair => pair.Instance.Kept);

    public void Begin()
    {
        foreach (var (instance, people) in instances) work.AddRange([instance.UseAsync(over.Token), people.WorkAsync(over.Token)]);
        work.AddRange([AmendAsync(), ExportAsync()]);
    }

    /// <summary>Throws when somebody in the day has met something that must not be.</summary>
    public async Task NoticeAsync()
    {
        foreach (var ended in work.Where(task => task.IsFaulted)) await ended;
    }

    /// <summary>Everybody finishes what they are at; then every instance is made readable and read.</summary>
    public async Task EndAsync()
    {
        await over.CancelAsync();
        await Task.WhenAll(work);
        await Task.WhenAll(instances.Select(pair => pair.Operator.SettleAsync()));
        foreach (var (instance, _) in instances) await instance.CheckAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await Task.WhenAll(work).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(TimeSpan.FromMinutes(5));
        foreach (var (instance, _) in instances) instance.Dispose();
        Customer.Dispose();
        Vendor.Dispose();
        sealing.Dispose();
        over.Dispose();
    }

    // The parties agree on the same rules again under the next number: what a signature must survive is the point, not what it says.
    private async Task AmendAsync()
    {
        while (!over.IsCancellationRequested)
        {
            var charter = (await Vendor.GetAsync("/charter", ViewJson.Default.CharterView))!;
            if (charter.ProposedYaml is not { } yaml)
            {
                var next = charter.Version!.Value + 1;
                await Vendor.AppendAsync(new CharterProposed(next, CharterYaml.Write(CharterDocument.Default with { Version = next })));
                continue;
            }

            foreach (var (party, door) in new[] { (Party.Vendor, Vendor), (Party.Customer, Customer) })
            {
                if (!charter.SignedBy.Contains(party) && await door.AppendAsync(new CharterSigned(charter.ProposedVersion!.Value, CharterText.Hash(yaml))) is not null) Promises.Count("charter signatures");
            }

            await PauseAsync(TimeSpan.FromSeconds(7));
        }
    }

    // An export that was cut short says so by its exit code; one that claims to be done must verify without any server.
    private async Task ExportAsync()
    {
        for (var number = 0; !over.IsCancellationRequested; number++)
        {
            var folder = Path.Combine(quickstart.Home, $"export-{number}");
            var export = await quickstart.DemarcAsync("audit", "export", folder);
            if (export.ExitCode == 0)
            {
                var verify = await quickstart.DemarcAsync("audit", "verify", "--offline", folder);
                if (verify.ExitCode == 0) Promises.Count("exports verified");
                else Promises.Broken.Enqueue($"an export does not verify: {verify.Everything}");
            }
            else if (export.ExitCode is not (1 or 5 or 7))
            {
                Promises.Broken.Enqueue($"audit export ended with {export.Everything}");
            }
            else
            {
                Promises.Unsettled.Enqueue($"audit export ended with {export.ExitCode}: {export.Error.Trim()}");
            }

            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            await PauseAsync(TimeSpan.FromSeconds(export.ExitCode == 0 ? 10 : 1));
        }
    }

    private async Task PauseAsync(TimeSpan time)
    {
        try
        {
            await Task.Delay(time, TimeProvider.System, over.Token);
        }
        catch (OperationCanceledException)
        {
            // The day is over; the loop looks.
        }
    }
}
