using Demarc.Cli.Audit;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;

namespace Demarc.Cli.Emergency;

/// <summary>A session as the ledger says, after verifying all of the ledger here.</summary>
internal static class CheckedSession
{
    public static async Task<(Session Session, EnvironmentState State)> FindAsync(Invocation invocation, Party party, SessionId id)
    {
        var (_, state) = await AuditLedger.CheckedAsync(invocation, invocation.Client(party), invocation.Environment);
        return state.Sessions.TryGetValue(id, out var session)
            ? (session, state)
            : throw new CommandFailedException(ExitCodes.NotFound, $"There is no session {id} in {invocation.Environment}.", "'demarc emergency list' shows which there are.");
    }
}
