using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary>
/// <c>demarc members replace-root</c> and <c>cosign</c>: owners of a party put another root in the place of theirs. Each signs on their own device: the draft
/// goes from one to the next as a file, and the one who makes it enough hands it in.
/// </summary>
internal static class MembersReplaceRootCommand
{
    public static Command Create()
    {
        var root = new Argument<string>("root") { Description = "The root's public key, 'ed25519:…', as 'demarc members list' shows it." };
        var next = new Argument<string>("new-root") { Description = "The public key that takes its place." };
        var to = new Option<string>("--to") { Description = "Where the draft goes.", HelpName = "FILE", Required = true };
        var reason = new Option<string>("--reason") { Description = "Why, for the ledger.", HelpName = "TEXT", Required = true };
        return new Verb("replace-root", "Draft the replacement of your party's root, for its owners to sign.", invocation =>
        {
            var party = invocation.Looking;
            var data = new RootReplaced(MemberRoles.Key(invocation.Get(root)!), MemberRoles.Key(invocation.Get(next)!), invocation.Get(reason)!);
            var draft = Entry.Write(invocation.Environment, Entry.NewId(invocation.Host.Random), invocation.Host.Now, data, invocation.Key(party));
            Save(invocation.Get(to)!, draft);
            Say(invocation, draft, $"Drafted and signed: {invocation.Get(to)}. The other owners and the new root sign it with 'demarc members cosign', the last one with --submit.");
            return Task.FromResult(ExitCodes.Ok);
        }, [root, next, to, reason]);
    }

    public static Command CreateCosign()
    {
        var file = new Argument<string>("file") { Description = "The draft." };
        var submit = new Option<bool>("--submit") { Description = "Hand it in once it is signed." };
        var yes = GlobalOptions.Yes();
        return new Verb("cosign", "Sign a draft that another owner of your party has made.", async invocation =>
        {
            var draft = Read(invocation.Get(file)!);
            var data = (RootReplaced)draft.Data;
            var party = invocation.Looking;
            invocation.Terminal.Confirm($"Sign, as the {party.Word()}, that {data.NewRoot} takes the place of the root {data.Root} in {draft.Environment} ('{Terminal.Terminal.Printable(data.Reason)}')?", invocation.Get(yes));
            var signed = draft.Cosign(invocation.Key(party));
            Save(invocation.Get(file)!, signed);
            if (invocation.Get(submit)) await invocation.Client(party).AppendAsync(signed, invocation.Stop);
            Say(invocation, signed, invocation.Get(submit) ? $"{data.NewRoot} is the root now." : $"Signed: {invocation.Get(file)}.");
            return ExitCodes.Ok;
        }, [file, submit, yes]);
    }

    private static void Say(Invocation invocation, Entry draft, string line) =>
        invocation.Terminal.Result(new RootDraft(draft.Environment.Value, ((RootReplaced)draft.Data).Root, ((RootReplaced)draft.Data).NewRoot, [.. draft.Signers.Select(s => s.KeyId)]), terminal =>
        {
            terminal.Line(line);
            foreach (var signer in draft.Signers) terminal.Line($"  signed by {signer.KeyId}");
        });

    private static void Save(string path, Entry draft) => File.WriteAllBytes(path, draft.Bytes.ToArray());

    private static Entry Read(string path)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no file '{path}'.");
        if (new FileInfo(path).Length > Entry.MaxBytes) throw new CommandFailedException(ExitCodes.Failed, $"'{path}' is larger than an entry can be.");
        var read = Entry.Read(File.ReadAllBytes(path));
        return read.Entry is { Data: RootReplaced } draft ? draft : throw new CommandFailedException(ExitCodes.Failed, $"'{path}' is no draft of another root: {read.Fault ?? "it is another kind of entry"}.");
    }
}

/// <summary>A draft with who has signed it so far.</summary>
internal sealed record RootDraft(string Environment, string Root, string NewRoot, System.Collections.Immutable.ImmutableArray<string> SignedBy);
