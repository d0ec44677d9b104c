using Demarc.Core;

namespace Demarc.Sim;

/// <summary>Randomness out of the seed: a die for the world, and fillers for the processes that do not disturb each other.</summary>
internal static class SimRandom
{
    public static FillRandom Filler(Random dice)
    {
        var own = new Random(dice.Next());
        return own.NextBytes;
    }

    public static bool Chance(this Random dice, double probability) => dice.NextDouble() < probability;

    public static TimeSpan Between(this Random dice, double from, double to) => TimeSpan.FromSeconds(from + dice.NextDouble() * (to - from));

    public static T Pick<T>(this Random dice, IReadOnlyList<T> of) => of[dice.Next(of.Count)];
}
