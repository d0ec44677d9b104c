namespace Demarc.Sim;

/// <summary>Where things go wrong: an operation fails before its effect, has its effect and the answer is lost, or its process dies on either side of it.</summary>
internal sealed class SimFaults(SimLoop loop, Random dice)
{
    /// <summary>The share of operations that something happens to; none when the world has calmed down.</summary>
    public double Rate { get; set; }

    /// <summary>Does the operation, or what is left of it.</summary>
    public void Strike(SimProcess process, Action effect, string what)
    {
        if (Rate == 0 || !dice.Chance(Rate))
        {
            effect();
            return;
        }

        switch (dice.Next(4))
        {
            case 0:
                loop.Trace.Line(loop.Now, "fault", $"{what}: no space left");
                throw new IOException("No space left on device");
            case 1:
                process.Die($"before an effect on {what}");
                process.MustLive();
                break;
            case 2:
                effect();
                process.Die($"after an effect on {what}");
                process.MustLive();
                break;
            default:
                effect();
                loop.Trace.Line(loop.Now, "fault", $"{what}: done, and the answer is lost");
                throw new IOException("Input/output error");
        }
    }
}
