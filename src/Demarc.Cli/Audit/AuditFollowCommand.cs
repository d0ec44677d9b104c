using System.CommandLine;
using System.Text.Json;

namespace Demarc.Cli.Audit;

/// <summary><c>demarc audit follow</c>: prints entries as they come, one a line, until interrupted.</summary>
internal static class AuditFollowCommand
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);
    private static readonly CliJson OneLine = new(new JsonSerializerOptions(CliJson.Default.Options) { WriteIndented = false });

    public static Command Create() => new Verb("follow", "Print new entries as they come, until interrupted.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var next = LedgerCheck.ReadNote(await AuditLedger.HeadAsync(invocation)).Checkpoint.Size;
        while (!invocation.Stop.IsCancellationRequested)
        {
            var size = LedgerCheck.ReadNote(await AuditLedger.HeadAsync(invocation)).Checkpoint.Size;
            await AuditLedger.ReadAsync(invocation, next, size, (index, bytes) =>
            {
                var line = AuditLine.Of(index, bytes);
                invocation.Terminal.Line(invocation.Terminal.Json ? JsonSerializer.Serialize(line, OneLine.AuditLine) : string.Join("  ", line.Row));
            });
            next = Math.Max(next, size);
            await Task.Delay(AskAgain, invocation.Host.Time, invocation.Stop);
        }

        return ExitCodes.Ok;
    }
}
