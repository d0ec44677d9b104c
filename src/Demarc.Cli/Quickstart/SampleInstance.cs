using System.Collections.Immutable;
using Demarc.Cli.Changes;
using Demarc.Cli.Environments;
using Demarc.Cli.Instances;
using Demarc.Cli.Samples;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Quickstart;

/// <summary>The quickstart's Milvus instance: ordered by the vendor when it is not there, resumed or restored when it rests.</summary>
internal sealed class SampleInstance(Invocation invocation, QuickstartFolder folder, Acts acts)
{
    private static readonly EnvironmentId Id = EnvironmentId.Parse(QuickstartNames.Environment);
    private static readonly InstanceId Name = InstanceId.Parse(QuickstartNames.Instance);

    // Where the vendor is severed the customer orders.
    private Party Orderer => invocation.Ordering;

    /// <summary>Waits for, or makes, a ready instance, and opens its credential as the customer.</summary>
    public async Task<OpenedCredential> ReadyAsync()
    {
        var vendor = invocation.Client(Orderer);
        var present = await PresentAsync(vendor);
        switch (present?.Status)
        {
            case null:
                await OrderAsync(vendor);
                break;
            case "suspended":
                await ChangeAsync(vendor, new InstanceRequest(ChangeAction.Resume.Name, Name, null));
                break;
            case "deleted":
                await ChangeAsync(vendor, new InstanceRequest(ChangeAction.Restore.Name, Name, null));
                break;
            case "provisioning":
                await FollowAsync(vendor, present.LastChange);
                break;
            case "failed":
                throw new CommandFailedException(ExitCodes.Failed, $"Instance {Name} is failed since change {present.LastChange}.", $"'demarc changes show {present.LastChange}' says why; 'demarc instances delete {Name}' clears it away.");
        }

        return await InstancesCredentialsCommand.OpenAsync(invocation, Name.Value);
    }

    /// <summary>Waits until Milvus itself answers: after a restart the agent brings it back by itself.</summary>
    public Task AnsweringAsync(MilvusConnection milvus) => acts.DoAsync(
        "Milvus",
        () => acts.UntilAsync("Milvus to answer", async () => await milvus.IsHealthyAsync(invocation.Stop) ? "healthy" : null, () => "See 'demarc status' for what the agent says."),
        word => $"Milvus is {word}");

    private async Task<InstanceView?> PresentAsync(PlaneClient client)
    {
        var all = await client.GetAsync($"/v1/environments/{Id}/instances", ViewJson.Default.ImmutableArrayInstanceView, invocation.Stop);
        return all.FirstOrDefault(i => i.Id == Name.Value);
    }

    private async Task OrderAsync(PlaneClient vendor)
    {
        var agent = RunningProgram.Under(folder.Agent).FirstOrDefault();
        var version = await acts.UntilAsync(
            "the agent to say which Milvus versions it offers",
            async () =>
            {
                try
                {
                    return await OrderCommand.NewestAsync(invocation, Orderer);
                }
                catch (CommandFailedException notYet) when (notYet.ExitCode == ExitCodes.Failed)
                {
                    return agent is { IsAlive: true } ? null : throw new CommandFailedException(ExitCodes.Failed, $"The agent has ended: {folder.LogTail("demarc-agent")}.");
                }
            },
            () => $"See the agent's log in {folder.Logs}.");
        await ChangeAsync(vendor, new InstanceRequest(ChangeAction.Create.Name, Name, new InstanceOrder(version, InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty.Add("made-by", "quickstart"))));
    }

    private async Task ChangeAsync(PlaneClient vendor, InstanceRequest request)
    {
        var change = ChangeId.New(invocation.Host.Random);
        await acts.DoAsync(request.Action, () => vendor.AppendAsync(Entry.Write(Id, Entry.NewId(invocation.Host.Random), invocation.Host.Now, new ChangeRequested(change, request), invocation.Key(Orderer)), invocation.Stop), at =>
            $"vendor requested {request.Action} {Name}: change {change}, entry {at.Index}");
        await FollowAsync(vendor, change.Value);
    }

    private async Task FollowAsync(PlaneClient vendor, string change)
    {
        var follower = new ChangeFollower(invocation, vendor);
        var planned = await acts.DoAsync("plan", () => follower.UntilAsync(change, ChangeEnds.IsPlanned), view => $"agent planned it: {view.Steps.Length} steps");
        if (planned.PlanHash is not null && !invocation.Terminal.Json && !invocation.Terminal.Quiet) ChangePrinter.Plan(invocation.Terminal, planned);
        var printer = new ChangePrinter(invocation.Terminal);
        ChangeEnds.Conclude(invocation, await follower.UntilAsync(change, ChangeEnds.StandsStill, printer.Progress));
    }
}
