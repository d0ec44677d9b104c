using Demarc.Core.Changes;
using Demarc.Core.Instances;

namespace Demarc.Sim;

/// <summary>All that goes wrong around the processes, at random moments, until the storm is over. A bad plane gets fair weather: its deeds shall be what is seen.</summary>
internal sealed class Weather(SimWorld world, Random dice)
{
    public async Task BlowAsync()
    {
        var honest = world.Plan.Treason == Treason.None;
        var calmSeed = world.Plan.FaultRate == 0;
        while (world.Stormy)
        {
            await world.WaitAsync(dice.Between(0.1, calmSeed ? 12 : 6));
            foreach (var id in new[] { "alpha", "beta", "gamma" })
            {
                if (world.AgentDisk.Verified.Instances.GetValueOrDefault(InstanceId.Parse(id))?.Status == InstanceStatus.Ready) world.Machine.ClientWrites(InstanceId.Parse(id));
            }

            if (!world.Stormy) return;
            if (dice.Chance(0.15)) LeapToAWindow();
            if (honest && !calmSeed) Strike();
            else if (dice.Chance(0.1)) world.Machine.KillEngine();
        }
    }

    // Nights pass quickly here, or nothing that waits for one would ever run.
    private void LeapToAWindow()
    {
        var state = world.AgentDisk.Verified;
        var waits = state.OpenChanges.Where(change => change.Status == ChangeStatus.Approved).Select(change => ChangeWaits.Until(state, change, world.AgentWallTime)?.Until).OfType<DateTimeOffset>().ToList();
        if (waits.Count > 0) world.Leap(waits.Min() - world.AgentWallTime - dice.Between(0, 10));
    }

    private void Strike()
    {
        var machine = world.Machine;
        switch (dice.Next(40 + world.Plan.ClockJumps))
        {
            case 0 or 1: world.CrashAgent(); break;
            case 2 or 3: world.CrashPlane(); break;
            case 4 or 5 or 6: foreach (var stream in world.Streams.ToList()) stream.Cut(); break;
            case 7: Say("the connection stalls", () => world.Streams.ForEach(stream => (stream.Up.Stalled, stream.Down.Stalled) = (dice.Chance(0.5), true))); break;
            case 8: For(5, 60, "no way between them", () => world.Partition(true), () => world.Partition(false)); break;
            case 9 or 10 or 11 or 12: machine.KillEngine(); break;
            case 13 when dice.Chance(0.3): Reboot(); break;
            case 14: For(3, 40, "the bucket is unmounted", () => machine.BucketMounted = false, () => machine.BucketMounted = true); break;
            case 15: For(3, 40, "the bucket is full", () => machine.FreeMib = 10, () => machine.FreeMib = 50_000); break;
            case 16: For(5, 50, "engines do not come up", () => machine.BadStarts = 0.8, () => machine.BadStarts = 0); break;
            case 17 when dice.Chance(0.4): machine.LoseFolder(); break;
            case 18: machine.PutBack(); break;
            case 19 or >= 40: Say("clocks jump", () => world.Skew(TimeSpan.FromMinutes(dice.Next(-120, 120)), TimeSpan.FromMinutes(dice.Next(-120, 120)))); break;
            case 20 when dice.Chance(0.15): world.Leap(TimeSpan.FromDays(dice.Chance(0.5) ? 8 : 31)); break;
            default: break;
        }
    }

    private void Reboot()
    {
        world.Machine.Reboot();
        world.Sessions?.Machine.Reboot(world.Sessions.Dice);
        world.CrashAgent();
    }

    private void For(double from, double to, string what, Action begin, Action end)
    {
        Say(what, begin);
        world.At(world.Loop.Now + dice.Between(from, to), () =>
        {
            end();
        });
    }

    private void Say(string what, Action act)
    {
        world.Loop.Trace.Line(world.Loop.Now, "weather", what);
        act();
    }
}
