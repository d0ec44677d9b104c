using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using Demarc.Cli.Changes;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>One entry as people read it.</summary>
internal sealed record AuditLine(long Index, DateTimeOffset At, string Kind, string Author, string Id, string LeafHash)
{
    public static AuditLine Of(long index, byte[] bytes) => Entry.Read(bytes) is { Entry: { } entry }
        ? new AuditLine(index, entry.At, entry.Body.Kind, entry.Author.KeyId, entry.Id, Convert.ToHexStringLower(entry.LeafHash))
        : throw LedgerCheck.Fail($"Entry {index} does not hold: {Entry.Read(bytes).Fault}.");

    [JsonIgnore]
    public IReadOnlyList<string> Row => [Index.ToString(CultureInfo.InvariantCulture), ChangePrinter.Moment(At), Kind, Author, LeafHash[..16]];
}

/// <summary><c>demarc audit show</c>: the last entries of the ledger.</summary>
internal static class AuditShowCommand
{
    public static Command Create()
    {
        var last = OptionValues.WholeNumber("--last", ["-n"], "How many entries", 1, 10_000, 20);
        return new Verb("show", "Show the last entries of the ledger.", invocation => RunAsync(invocation, invocation.Get(last)), [last]);
    }

    private static async Task<int> RunAsync(Invocation invocation, int last)
    {
        var size = LedgerCheck.ReadNote(await AuditLedger.HeadAsync(invocation)).Checkpoint.Size;
        var lines = ImmutableArray.CreateBuilder<AuditLine>();
        await AuditLedger.ReadAsync(invocation, Math.Max(0, size - last), size, (index, bytes) => lines.Add(AuditLine.Of(index, bytes)));
        invocation.Terminal.Result(lines.ToImmutable(), terminal => terminal.Table(["index", "at", "kind", "author", "hash"], lines.Select(line => line.Row)));
        return ExitCodes.Ok;
    }
}
