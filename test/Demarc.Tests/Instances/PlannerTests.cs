using System.Text;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Tests.Environments;
using Demarc.Tests.House;

namespace Demarc.Tests.Instances;

/// <summary>Plans as people approve them, and every reason for which there is none.</summary>
public sealed class PlannerTests
{
    [Fact]
    public void Each_action_has_this_plan()
    {
        var text = new StringBuilder();
        var world = new World().Joined();
        Show(text, world, ChangeAction.Create, world.Vendor);
        world.Carry(ChangeAction.Create);
        Show(text, world, ChangeAction.Modify, world.Vendor);
        Show(text, world, ChangeAction.Suspend, world.Vendor);
        Show(text, world, ChangeAction.Heal, world.Agent);
        Show(text, world, ChangeAction.Delete, world.Vendor);
        world.Carry(ChangeAction.Suspend);
        Show(text, world, ChangeAction.Resume, world.Vendor);
        world.Carry(ChangeAction.Delete);
        Show(text, world, ChangeAction.Restore, world.Vendor);
        world.Now = world.Now.AddDays(31);
        Show(text, world, ChangeAction.Purge, world.Agent);
        Golden.Check("plans.txt", text.ToString());
    }

    [Fact]
    public void The_same_input_gives_the_same_plan_byte_for_byte()
    {
        var world = new World().Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var plan = world.PlanFor(change);
        Assert.Equal(plan.Hash, world.PlanFor(change).Hash);
        Assert.Equal(plan.Text, Plan.Read(plan.Text)!.Text);
        Assert.Equal(plan.Steps, Plan.Read(plan.Text)!.Steps);
    }

    [Theory]
    [InlineData("version", "2.5.0")]
    [InlineData("memory", "24")]
    [InlineData("port", "19530")]
    [InlineData("bucket", "disk is full")]
    [InlineData("data", "docs")]
    public void What_stands_against_a_new_instance_is_named_with_the_remedy(string rule, string word)
    {
        var world = new World().Joined();
        var change = world.Request(ChangeAction.Create, world.Vendor);
        var seen = world.Seen(o => rule switch
        {
            "version" => o with { Versions = ["2.5.0"] },
            "memory" => o with { Machine = o.Machine with { MemoryMib = 24 } },
            "port" => o with { FreePorts = [] },
            "bucket" => o with { Bucket = o.Bucket with { Problem = "the disk is full: make room." } },
            _ => o with { Instances = o.Instances.Add(World.Docs, new ObservedInstance(true, false, false, false, 0, 0, 0)) },
        });
        var planned = InstancePlanner.Plan(world.State, world.State.Changes[change], seen);
        Assert.Null(planned.Plan);
        Assert.Equal(rule, planned.Rule);
        Assert.Contains(word, planned.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void An_observation_survives_the_wire_with_its_instances()
    {
        var world = new World().Joined().Carry(ChangeAction.Create);
        var text = System.Text.Json.JsonSerializer.Serialize(world.Seen(), Demarc.Core.Ledger.LedgerJson.Default.Observation);
        var read = System.Text.Json.JsonSerializer.Deserialize(text, Demarc.Core.Ledger.LedgerJson.Default.Observation)!;
        Assert.Equal(world.Seen().Instances[World.Docs], read.Instances[World.Docs]);
        Assert.Equal(text, System.Text.Json.JsonSerializer.Serialize(read, Demarc.Core.Ledger.LedgerJson.Default.Observation));
    }

    [Fact]
    public void Nothing_is_started_over_missing_data()
    {
        var world = new World().Joined().Carry(ChangeAction.Create);
        var heal = world.Request(ChangeAction.Heal, world.Agent);
        var planned = InstancePlanner.Plan(world.State, world.State.Changes[heal], world.Seen(o => o with { Instances = o.Instances.Clear() }));
        Assert.Null(planned.Plan);
        Assert.Contains("nothing is started over it", planned.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_instances_never_get_one_port()
    {
        var world = new World().Joined();
        var ports = new HashSet<int>();
        for (var i = 0; i < 8; i++)
        {
            var id = InstanceId.Parse($"i{i}x");
            world.Carry(ChangeAction.Create, instance: id);
            Assert.True(ports.Add(world.State.Instances[id].Port));
        }
    }

    private static void Show(StringBuilder text, World world, ChangeAction action, Demarc.Core.Ledger.SigningKey by)
    {
        var before = world.State;
        var plan = world.PlanFor(world.Request(action, by));
        text.AppendLine($"{action.Name}: {action.Summary}");
        foreach (var step in plan.Steps) text.AppendLine($"  {step.Kind,-16} {(step.Reversible ? "reversible  " : "irreversible")} {step.Expected.TotalSeconds,4}s  {string.Join(", ", step.Touches)}");
        world.State = before;
    }
}
