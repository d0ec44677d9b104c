using System.Collections.Immutable;
using System.Security.Cryptography;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Live.Faults;

/// <summary>
/// The people who look after one instance: the vendor's operator asks for whatever fits its state, the customer approves or says no, and both wait
/// until the change has ended. A change that does not end is the fault this day looks for.
/// </summary>
internal sealed class DayOperator(DayInstance instance, PlaneDoor vendor, PlaneDoor customer, Promises promises, Random random)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Stuck = TimeSpan.FromMinutes(4);
    private readonly InstanceId id = InstanceId.Parse(instance.Name);
    private int labels;

    /// <summary>One change after another until the day is over; the one under way is followed to its end.</summary>
    public async Task WorkAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await ChangeAsync((await instance.ViewAsync())?.Status switch
            {
                null => Order(InstanceSize.Small),
                "ready" => random.Next(5) switch { 0 => Wish(ChangeAction.Suspend), 1 => Wish(ChangeAction.Delete), 2 => Modify(InstanceSize.Medium), _ => Modify(InstanceSize.Small) },
                "suspended" => random.Next(4) == 0 ? Wish(ChangeAction.Delete) : Wish(ChangeAction.Resume),
                "deleted" => Wish(ChangeAction.Restore),
                "failed" => Wish(ChangeAction.Delete),
                _ => null,
            });
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 3000)), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Brings the instance back to ready, so that what is in it can be read.</summary>
    public async Task SettleAsync()
    {
        for (var attempt = 0; attempt < 12; attempt++)
        {
            var status = (await instance.ViewAsync())?.Status;
            if (status is null or "ready") return;
            await ChangeAsync(status switch { "suspended" => Wish(ChangeAction.Resume), "deleted" => Wish(ChangeAction.Restore), "failed" => Wish(ChangeAction.Delete), _ => null }, mayRefuse: false);
        }

        promises.Broken.Enqueue($"{instance.Name} does not become ready again: {(await instance.ViewAsync())?.Status}");
    }

    private async Task ChangeAsync(InstanceRequest? request, bool mayRefuse = true)
    {
        if (request is null)
        {
            await Task.Delay(Pause, TimeProvider.System);
            return;
        }

        var change = ChangeId.New(RandomNumberGenerator.Fill);
        if (await vendor.AppendAsync(new ChangeRequested(change, request)) is null)
        {
            // The agent's own healing may have come first; what the state was when it was looked at is old by now.
            await Task.Delay(Pause, TimeProvider.System);
            return;
        }

        promises.Count($"asked {request.Action}");
        var end = await FollowAsync(change, mayRefuse ? random.Next(6) : 5);
        promises.Count($"{request.Action} {end.Status}");
        if (end.Status is not ("succeeded" or "rejected" or "withdrawn")) promises.Unsettled.Enqueue($"{request.Action} {instance.Name} {end.Status}: {end.Reason}");
    }

    private async Task<ChangeView> FollowAsync(ChangeId change, int mood)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var view = await vendor.GetAsync($"/changes/{change}", ViewJson.Default.ChangeView) ?? throw new InvalidOperationException($"change {change} was acknowledged, and the plane does not know it");
            if (view.EndedAt is not null) return view;
            if (TimeProvider.System.GetElapsedTime(began) > Stuck)
            {
                promises.Broken.Enqueue($"change {change} ({view.Action} {view.Instance}) is stuck: {view.Status} after {Stuck.TotalMinutes} minutes");
                return view;
            }

            if (view.Status == "planned" && view.Awaits.Contains(Party.Customer))
            {
                // What is refused here has moved on meanwhile; the next look tells.
                if (mood == 0) await customer.AppendAsync(new ChangeRejected(change, "not today"));
                else if (mood == 1) await vendor.AppendAsync(new ChangeWithdrawn(change, "asked too soon"));
                else if (await customer.AppendAsync(new ChangeApproved(change, view.PlanHash!)) is not null) promises.Count("approvals");
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    private InstanceRequest Wish(ChangeAction action) => new(action.Name, id, null);

    private InstanceRequest Order(InstanceSize size) => new(ChangeAction.Create.Name, id, new InstanceOrder("2.6.4", size, Labels()));

    private InstanceRequest Modify(InstanceSize size) => new(ChangeAction.Modify.Name, id, new InstanceOrder("2.6.4", size, Labels()));

    private ImmutableSortedDictionary<string, string> Labels() => ImmutableSortedDictionary<string, string>.Empty.Add("turn", $"{++labels}");
}
