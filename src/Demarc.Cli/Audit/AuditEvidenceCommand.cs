using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>What a piece of evidence proves.</summary>
internal sealed record EvidenceReport(bool Proven, string PlaneKey, DateTimeOffset FoundAt, string First, string Second, ImmutableArray<string> Says);

/// <summary><c>demarc audit evidence FILE</c>: judges evidence of two histories, with nothing but the plane's public key.</summary>
internal static class AuditEvidenceCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The evidence, as a command that ended with exit code 6 has kept it." };
        var key = new Option<string>("--plane-key") { Description = "The plane's verifier key as you know it, not as the evidence says: 'demarc env show', or the founding entry.", HelpName = "KEY", Required = true };
        return new Verb("evidence", "Verify evidence that a plane has signed two histories; needs its public key and nothing else.", invocation => Task.FromResult(Run(invocation, invocation.Get(file)!, invocation.Get(key)!)), [file, key]);
    }

    private static int Run(Invocation invocation, string path, string planeKey)
    {
        if (!NoteKey.TryParse(planeKey, out var key)) throw CommandFailedException.Usage($"'{planeKey}' is not a verifier key: a name, eight hex digits and base64, joined by '+'.");
        var file = new FileInfo(path);
        if (!file.Exists) throw new CommandFailedException(ExitCodes.NotFound, $"There is no file '{path}'.");
        if (file.Length > TwoHistories.MaxBytes) throw LedgerCheck.Fail($"'{path}' is larger than {TwoHistories.MaxBytes} bytes: it is no evidence of two histories.", "Name the file that a command has kept.");
        TwoHistories? evidence;
        try
        {
            evidence = JsonSerializer.Deserialize(File.ReadAllBytes(path), EvidenceFileJson.Default.TwoHistories);
        }
        catch (JsonException unreadable)
        {
            throw LedgerCheck.Fail($"'{path}' cannot be read: {unreadable.Message}", "Name the file that a command has kept.");
        }

        if (evidence is null) throw LedgerCheck.Fail($"'{path}' holds nothing.", "Name the file that a command has kept.");
        var verdict = evidence.Judge(key);
        if (!verdict.Proven) throw LedgerCheck.Fail($"The evidence does not prove two histories: {string.Join("; ", verdict.Says)}.", "It may still show that something was held back: docs/runbooks/two-histories.md says what it is good for.");
        invocation.Terminal.Result(new EvidenceReport(true, planeKey, evidence.FoundAt, evidence.First.From, evidence.Second.From, verdict.Says), terminal =>
        {
            terminal.Line($"PROVEN: whoever holds the key {planeKey} has signed two histories.");
            foreach (var sentence in verdict.Says) terminal.Line($"  ✓ {Terminal.Terminal.Printable(sentence)}");
            terminal.Line($"  found {evidence.FoundAt:u}; the heads came from: {Terminal.Terminal.Printable(evidence.First.From)}; {Terminal.Terminal.Printable(evidence.Second.From)} (the finder's words, not proven)");
        });
        return ExitCodes.Ok;
    }
}
