using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Core.Changes;

/// <summary>What the charter in force says of how one change may be held up.</summary>
internal static class ChangeTerms
{
    /// <summary>Whether a stop undoes what was done.</summary>
    public static bool RollsBack(EnvironmentState state, Change change) => state.Charter?[change.Action.Task].OnStop != OnStop.Leave;

    /// <summary>How long the customer may put it off in all.</summary>
    public static TimeSpan Deferral(EnvironmentState state, Change change) => state.Charter?[change.Action.Task].Deferral ?? TimeSpan.Zero;
}
