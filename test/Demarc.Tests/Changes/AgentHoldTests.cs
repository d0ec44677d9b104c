using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Cli;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Changes;

/// <summary>The customer's brake at the agent itself: it needs no plane, it survives a restart, and it stands in the ledger.</summary>
public sealed class AgentHoldTests : IDisposable
{
    private static readonly InstanceId Alpha = InstanceId.Parse("alpha");
    private readonly ChangeLab lab = new();

    public void Dispose() => lab.Dispose();

    [Fact]
    public void Nothing_is_begun_while_it_is_held_and_all_goes_on_when_it_is_let_go()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        Assert.NotNull(lab.Ledger.Write(AgentFindings.Held("look first")).Entry);
        lab.Settle();
        Assert.Empty(lab.Calls);
        Assert.Equal(ChangeStatus.Requested, lab[id].Status);
        Assert.Equal("held at the agent itself: look first", lab.Lab.State.Findings[AgentFindings.ChangesHeld].Reason);
        lab.Ledger.Write(new FindingCleared(AgentFindings.ChangesHeld));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
    }

    [Fact]
    public void With_no_plane_in_reach_a_running_change_stands_still_after_its_step_also_after_a_restart()
    {
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Lab.Sync(lab.Ledger);
        lab.Drain();
        lab.Lab.Sync(lab.Ledger);
        lab.Plane.Connected = false;
        lab.Applying = step =>
        {
            if (step.Kind == "mint-credential") Assert.NotNull(lab.Ledger.Write(AgentFindings.Held("the storage is being moved")).Entry);
        };
        lab.Drain();
        Assert.Equal(["create-data", "mint-credential"], lab.Calls);
        lab.Restart();
        lab.Drain();
        Assert.Equal(2, lab.Calls.Count);
        Assert.Equal(ChangeStatus.Running, lab.Ledger.State.Changes[id].Status);
        lab.Ledger.Write(new FindingCleared(AgentFindings.ChangesHeld));
        lab.Plane.Connected = true;
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Single(lab.Calls, "mint-credential");
    }

    [Fact]
    public void A_step_that_only_waits_is_broken_off_and_taken_up_again()
    {
        lab.Probe.Slow = true;
        var polls = 0;
        var id = lab.Lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Probe.Asked = () =>
        {
            if (++polls == 3) lab.Ledger.Write(AgentFindings.Held("lunch"));
        };
        lab.Settle();
        Assert.InRange(polls, 3, 4);
        Assert.Equal(ChangeStatus.Running, lab[id].Status);
        lab.Probe.Slow = false;
        lab.Ledger.Write(new FindingCleared(AgentFindings.ChangesHeld));
        lab.Settle();
        Assert.Equal(ChangeStatus.Succeeded, lab[id].Status);
        Assert.Equal(InstanceStatus.Ready, lab.Lab.State.Instances[Alpha].Status);
    }

    [Fact]
    public async Task It_is_held_and_let_go_from_the_command_line()
    {
        using var folder = new TemporaryFolder();
        using var home = AgentHome.Take(folder.Path)!;
        using var stop = new CancellationTokenSource();
        var (door, fault) = AgentDoor.Open(home, TimeProvider.System, NullLogger.Instance);
        Assert.Null(fault);
        new HoldAsks(lab.Ledger).Register(door!);
        var asking = Task.Factory.StartNew(() => door!.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler).Unwrap();
        using var shell = new CommandLine();
        await shell.RefusedAsync(1, "not held", "agent", "release", "--agent-data", folder.Path);
        await shell.RefusedAsync(2, "--reason", "agent", "hold", "--agent-data", folder.Path);
        await shell.RefusedAsync(2, "reason", "agent", "hold", "--reason", "", "--agent-data", folder.Path);
        Assert.Contains("begins nothing", (await shell.MustAsync("agent", "hold", "--reason", "look first", "--agent-data", folder.Path)).Out, StringComparison.Ordinal);
        Assert.Equal("held at the agent itself: look first", lab.Ledger.State.Findings[AgentFindings.ChangesHeld].Reason);
        await shell.RefusedAsync(1, "held at the agent itself: look first", "agent", "hold", "--reason", "again", "--agent-data", folder.Path);
        Assert.False((await shell.MustAsync("agent", "release", "--agent-data", folder.Path, "-o", "json")).Json.GetProperty("held").GetBoolean());
        Assert.Empty(lab.Ledger.State.Findings);
        await stop.CancelAsync();
        await asking.ContinueWith(static _ => { }, TaskScheduler.Default);
        door!.Dispose();
    }
}
