using System.Collections.Immutable;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Monitoring;

/// <summary>What may leave on a day: what the charter says, and what the customer has allowed beyond it for that very day.</summary>
public static class EgressBudget
{
    /// <summary>Bytes of a class on a UTC day.</summary>
    public static long Of(EnvironmentState state, EgressClass which, DateOnly day) => Agreed(state, which) + Consented(state, which, day);

    /// <summary>What the charter in force allows per day.</summary>
    public static long Agreed(EnvironmentState state, EgressClass which)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Charter?[TaskId.Monitoring].Egress.TryGetValue(which.Word(), out var bytes) == true ? bytes : EgressLimits.Default(which);
    }

    /// <summary>What the customer has allowed for this day beyond the charter.</summary>
    public static long Consented(EnvironmentState state, EgressClass which, DateOnly day)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.EgressConsents.GetValueOrDefault(new EgressConsentKey(day, which));
    }
}

/// <summary>What a consent is for.</summary>
/// <param name="Day">Which UTC day.</param>
/// <param name="Class">Which class.</param>
public readonly record struct EgressConsentKey(DateOnly Day, EgressClass Class);
