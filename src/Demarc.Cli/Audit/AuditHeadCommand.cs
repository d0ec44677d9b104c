using System.CommandLine;
using System.Text;
using Demarc.Core.Audit;

namespace Demarc.Cli.Audit;

/// <summary>A head for somebody else to hold against theirs.</summary>
internal sealed record HeadReport(string Environment, long Size, string Root, string Words, string Note);

/// <summary><c>demarc audit head</c>: the plane's head as a signed note, to print, to send, or to add to a witness file.</summary>
internal static class AuditHeadCommand
{
    /// <summary>A witness file that has grown beyond this is begun anew by people, who keep the old one.</summary>
    public const int MaxWitnessBytes = 4 * 1024 * 1024;

    public static Command Create()
    {
        var to = new Option<string?>("--to") { Description = "Add the head to this witness file, which several people share, unless it holds it already.", HelpName = "FILE" };
        return new Verb("head", "Print the head of the ledger as a signed note, for others to compare with theirs.", invocation => RunAsync(invocation, invocation.Get(to)), [to]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string? to)
    {
        var note = await AuditLedger.HeadAsync(invocation);
        var head = SignedHead.Read(note).Head!;
        if (to is not null) Add(Path.GetFullPath(to), head);
        var report = new HeadReport(invocation.Environment.Value, head.Checkpoint.Size, Demarc.Core.Ledger.Base64Text.Encode(head.Checkpoint.Root), head.Words, note);
        invocation.Terminal.Say($"{invocation.Environment}: {head.Words}");
        invocation.Terminal.Result(report, terminal => terminal.Line(to is null ? note.TrimEnd('\n') : $"The head over {head.Checkpoint.Size} entries is in {to}. Others compare with it: demarc audit compare '{to}'"));
        return ExitCodes.Ok;
    }

    // Only ever added to, in one write: two people who add at once both stand in it.
    private static void Add(string path, SignedHead head)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        if (file.Length > MaxWitnessBytes) throw new CommandFailedException(ExitCodes.Failed, $"{path} is larger than {MaxWitnessBytes} bytes.", "Keep it, and begin a new one.");
        using var reader = new StreamReader(file, Encoding.UTF8, leaveOpen: true);
        if (SignedHead.Split(reader.ReadToEnd()).Any(note => SignedHead.Read(note).Head is { } there && there.Checkpoint.Equals(head.Checkpoint))) return;
        file.Seek(0, SeekOrigin.End);
        file.Write(Encoding.UTF8.GetBytes((file.Length == 0 ? "" : "\n") + head.Text));
        file.Flush(flushToDisk: true);
    }
}
