using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text;
using Demarc.Cli.Agents;
using Demarc.Cli.Quickstart;
using Demarc.Core.Agents;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>One head that was compared.</summary>
internal sealed record ComparedHead(string From, long Size, string Root, string Result);

/// <summary>What came of it: all of one history, or the command ends with the evidence.</summary>
internal sealed record ComparedReport(string Environment, ImmutableArray<ComparedHead> Heads);

/// <summary><c>demarc audit compare</c>: holds the plane's head against the agent's, against this profile's, and against what others have seen.</summary>
internal static class AuditCompareCommand
{
    private static readonly TimeSpan UrlPatience = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        var with = new Argument<string[]>("with") { Description = "What others have seen: a file with signed heads ('audit head', a witness file), an export's folder, or an http(s) address that gives one.", Arity = ArgumentArity.ZeroOrMore };
        return new Verb("compare", "Compare the plane's head with the agent's, this profile's and those of others.", invocation => RunAsync(invocation, invocation.Get(with) ?? []), [with, AgentDoorClient.Data]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string[] with)
    {
        var id = invocation.Environment;
        var before = new HeadMemory(invocation.Profile, invocation.Host.Time).Newest(id);
        var shown = HeadSide.OfPlane(invocation.Reader, await AuditLedger.HeadAsync(invocation), id, invocation.Stop);
        var heads = ImmutableArray.CreateBuilder<ComparedHead>();
        heads.Add(Line(shown, "signed by the plane in force"));
        if (before is not null) heads.Add(Agreeing(shown, HeadSide.OfNote($"this profile since {before.SeenAt:u}", before.Note, id)));
        if (await AgentAsync(invocation, id) is { } agent) heads.Add(await CompareAsync(invocation, id, shown, agent));
        foreach (var other in await OthersAsync(invocation, id, with)) heads.Add(await CompareAsync(invocation, id, shown, other));
        invocation.Terminal.Result(new ComparedReport(id.Value, heads.ToImmutable()), terminal =>
        {
            terminal.Table(["head of", "entries", "root", "result"], heads.Select(head => (IReadOnlyList<string>)[head.From, head.Size.ToString(CultureInfo.InvariantCulture), SignedHead.Spoken(Convert.FromBase64String(head.Root)), head.Result]));
            terminal.Line(heads.Count == 1 ? "There was nothing to compare with: name a file or an address, or an agent with --agent-data." : $"ONE HISTORY. All {heads.Count} heads of {id} are of the same ledger.");
        });
        return ExitCodes.Ok;
    }

    private static async Task<ComparedHead> CompareAsync(Invocation invocation, EnvironmentId id, HeadSide shown, HeadSide other)
    {
        var key = await SignerAsync(invocation, id, other);

        // Where nobody but the plane can be asked about the longer head, the plane is: it signed it, and has to continue it.
        if (other.Checkpoint.Size > shown.Checkpoint.Size && other.Entries is null)
            throw LedgerCheck.Fail(
                $"{char.ToUpperInvariant(other.Name[0])}{other.Name[1..]} has a head over {other.Checkpoint.Size} entries that the plane has signed; to this profile {shown.Name} shows {shown.Head.Words} and no more: it holds entries back, or shows another history.",
                $"The evidence is in {new EvidenceFiles(invocation).Keep(id, key, shown, other, HeadsCompared.Of(HeadsAre.Unshown))}. Go through docs/runbooks/two-histories.md.");
        await invocation.Watch.MustAgreeAsync(id, key, other, shown);
        return Agreeing(shown, other);
    }

    private static ComparedHead Agreeing(HeadSide shown, HeadSide other) => Line(other, other.Checkpoint.Size == shown.Checkpoint.Size ? "the same head" : "one history");

    // A head counts when a plane that gives or gave this ledger its order has signed it.
    private static async Task<string> SignerAsync(Invocation invocation, EnvironmentId id, HeadSide other)
    {
        var view = await invocation.Reader.GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop);
        var known = new HeadMemory(invocation.Profile, invocation.Host.Time).All(id).Select(head => head.PlaneKey).Concat(view.Planes.IsDefault ? [] : view.Planes.Select(term => term.Key));
        return known.Distinct().FirstOrDefault(text => NoteKey.TryParse(text, out var key) && other.Head.Note.IsSignedBy(key))
            ?? throw LedgerCheck.Fail($"The head of {other.Name} is signed by no plane that was ever in force in {id}: it says nothing of this ledger.", "Ask where it comes from.");
    }

    private static async Task<HeadSide?> AgentAsync(Invocation invocation, EnvironmentId id)
    {
        // Without being named, only an agent that is there is asked.
        var named = invocation.Get(AgentDoorClient.Data) is not null;
        if (!named && !File.Exists(Path.Combine(QuickstartFolder.Of(invocation, null).Agent, AgentDoorForm.SocketName))) return null;
        var door = AgentDoorClient.Of(invocation);
        try
        {
            if (!named && (string?)(await door.OneAsync(AgentDoorClient.Ask("status"), invocation.Stop))["environment"] != id.Value) return null;
            return await HeadSide.OfAgentAsync(door, id, invocation.Stop);
        }
        catch (CommandFailedException away) when (!named && away.ExitCode == ExitCodes.Unreachable)
        {
            invocation.Terminal.Say($"The quickstart's agent was not asked: {away.Message}");
            return null;
        }
    }

    private static async Task<List<HeadSide>> OthersAsync(Invocation invocation, EnvironmentId id, string[] with)
    {
        var others = new List<HeadSide>();
        foreach (var place in with)
        {
            var text = Uri.TryCreate(place, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? await FetchAsync(address, invocation.Stop) : ReadFile(place);
            var notes = SignedHead.Split(text);
            if (notes.IsEmpty) throw LedgerCheck.Fail($"'{place}' holds no signed head.", "Compare with what 'demarc audit head' prints.");
            foreach (var note in notes) others.Add(HeadSide.OfNote(notes.Length == 1 ? place : $"{place} ({others.Count + 1})", note, id));
        }

        return others;
    }

    private static string ReadFile(string place)
    {
        var path = Directory.Exists(place) ? Path.Combine(place, TlogTiles.CheckpointPath) : place;
        var file = new FileInfo(path);
        if (!file.Exists) throw new CommandFailedException(ExitCodes.NotFound, $"There is no '{place}' with a signed head.");
        return file.Length <= AuditHeadCommand.MaxWitnessBytes ? File.ReadAllText(path, Encoding.UTF8) : throw CommandFailedException.Usage($"'{place}' is larger than {AuditHeadCommand.MaxWitnessBytes} bytes.");
    }

    private static async Task<string> FetchAsync(Uri address, CancellationToken stop)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback, AllowAutoRedirect = false }) { MaxResponseContentBufferSize = AuditHeadCommand.MaxWitnessBytes, Timeout = UrlPatience };
        try
        {
            return await http.GetStringAsync(address, stop);
        }
        catch (Exception away) when (away is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCodes.Unreachable, $"{address} gave no head: {away.Message.TrimEnd('.')}.", "Ask for it in another way, and name the file.");
        }
    }

    private static ComparedHead Line(HeadSide side, string result) => new(side.Name, side.Checkpoint.Size, Base64Text.Encode(side.Checkpoint.Root), result);
}
