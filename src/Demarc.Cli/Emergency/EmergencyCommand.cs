using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Emergency;

/// <summary><c>demarc emergency</c>: asking for, deciding, looking at and reviewing sessions. Working in one and watching one stand beside this file.</summary>
internal static class EmergencyCommand
{
    public static Command[] CreateAll() =>
    [
        Request(), List(), Show(), Approve(),
        Reasoned("reject", "Say no to a session that awaits approval.", Party.Customer, (id, reason) => new SessionRejected(id, reason)),
        Reasoned("withdraw", "Take back a session that your side has asked for and not opened.", Party.Vendor, (id, reason) => new SessionWithdrawn(id, reason)),
        OpenCommand.Create(), WatchCommand.Create(), RevokeCommand.Create(), PlayCommand.Create(), ReleaseCommand.Create(), Review(),
    ];

    internal static Option<string> Reason(bool required = true) => new("--reason") { Description = "Why; it stands in the ledger and the other party reads it.", Required = required, HelpName = "TEXT" };

    private static Verb Request()
    {
        var kind = new Argument<string>("kind") { Description = "What to open." }.OneOf("bundle", "milvus", "terminal");
        var instance = new Option<string?>("--instance") { Description = "The instance of a milvus session.", HelpName = "NAME" };
        var minutes = OptionValues.WholeNumber("--minutes", ["-m"], "How long it may last, from its approval on", 1, SessionLimits.MaxMinutes, 30);
        var @override = new Option<bool>("--override") { Description = "Open it before anybody has approved, where the charter allows that. The customer is told at once, and nothing else of yours begins until they have reviewed it." };
        var reason = Reason();
        var yes = GlobalOptions.Yes();
        return new Verb("request", "Ask for an emergency session.", async invocation =>
        {
            var party = invocation.Acting(Party.Vendor);
            var which = SessionKinds.ByWord(invocation.Get(kind))!.Value;
            if (which == SessionKind.Milvus != (invocation.Get(instance) is not null)) throw CommandFailedException.Usage(which == SessionKind.Milvus ? "A milvus session is of one instance." : $"A {which.Word()} session names no instance.", which == SessionKind.Milvus ? "Name it with --instance." : "Leave out --instance.");
            InstanceId? on = invocation.Get(instance) is { } name ? Instances.InstanceNames.Parsed(name) : null;
            if (invocation.Get(@override)) invocation.Terminal.Confirm($"Open it without anybody's approval? The {party.Other().Word()} is told at once, and has to review it.", invocation.Get(yes));
            using var sealing = which == SessionKind.Milvus ? RequesterSealing.OpenOrNew(invocation, party) : null;
            var terms = new SessionTerms(which, on, invocation.Get(minutes), invocation.Get(@override), sealing?.Recipient.ToString(), invocation.Get(reason)!);
            var id = SessionId.New(invocation.Host.Random);
            await invocation.AppendAsync(party, new SessionRequested(id, terms));
            var view = await SessionNames.FindAsync(invocation, party, id);
            invocation.Terminal.Result(view, terminal =>
            {
                terminal.Line(id.Value);
                foreach (var awaited in view.Awaited) terminal.Say($"It awaits {awaited.Words}: demarc emergency approve {id} --as {awaited.Party.Word()}");
                if (view.Status == "approved") terminal.Say($"It may be opened until {SessionNames.Moment(view.ExpiresAt)}: demarc emergency open {id}");
            });
            return ExitCodes.Ok;
        }, [kind, instance, minutes, @override, reason, yes]);
    }

    private static Verb List()
    {
        var open = new Option<bool>("--open") { Description = "Only those that have not ended." };
        return new Verb("list", "List emergency sessions, newest first.", async invocation =>
        {
            var sessions = await invocation.Reader.GetAsync($"{invocation.Path}/sessions{(invocation.Get(open) ? "?open=true" : "")}", ViewJson.Default.ImmutableArraySessionView, invocation.Stop);
            invocation.Terminal.Result(sessions, terminal =>
            {
                if (sessions.IsEmpty) terminal.Line(invocation.Get(open) ? "No session is open or asked for." : "There have been no emergency sessions.");
                else terminal.Table(["session", "what", "status", "by", "at", "reason", "waits for"], sessions.Select(view => (IReadOnlyList<string>)
                    [view.Id, SessionNames.What(view), view.Status, view.RequestedFor.Word(), SessionNames.Moment(view.RequestedAt), view.Reason.Length <= 60 ? view.Reason : view.Reason[..59] + "…", WaitsFor(view)]));
            });
            return ExitCodes.Ok;
        }, [open]);
    }

    private static string WaitsFor(SessionView view) =>
        view.AwaitsReview ? "the customer's review"
        : view is { Status: "open", Bundle.Released: false } ? "the customer's release"
        : view.Status == "approved" ? $"its opening, until {SessionNames.Moment(view.ExpiresAt)}"
        : string.Join(" and ", view.Awaited.Select(awaited => awaited.Words));

    private static Verb Show()
    {
        var id = SessionNames.Argument();
        var credential = new Option<bool>("--credential") { Description = "Open the temporary credential of a milvus session, with the key of who asked for it." };
        return new Verb("show", "Show one session: who, why, its clock, what it did.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            if (!invocation.Get(credential))
            {
                var view = await SessionNames.FindAsync(invocation, invocation.Looking, name);
                invocation.Terminal.Result(view, terminal => SessionNames.Print(terminal, view));
                return ExitCodes.Ok;
            }

            var party = invocation.Acting(Party.Vendor);
            var opened = RequesterSealing.Open(invocation, party, await SessionNames.FindAsync(invocation, party, name));
            invocation.Terminal.Result(opened, terminal => terminal.Facts(("uri", opened.Uri), ("user", opened.User), ("password", opened.Password), ("until", SessionNames.Moment(opened.Until))));
            return ExitCodes.Ok;
        }, [id, credential]);
    }

    private static Verb Approve()
    {
        var id = SessionNames.Argument();
        var yes = GlobalOptions.Yes();
        return new Verb("approve", "Approve a session under exactly the terms that are shown. Its clock starts.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Acting(Party.Customer);
            var view = await SessionNames.FindAsync(invocation, party, name);
            var hash = SessionTerms.HashOf(view.TermsText);
            if (hash != view.TermsHash || !view.TermsText.Contains($"\nsession: {name}\n", StringComparison.Ordinal))
                throw new CommandFailedException(ExitCodes.NotVerified, $"The plane shows terms of session {name} that are not the ones it names ({view.TermsHash}).", "Approve nothing from this plane, and run 'demarc audit verify'.");
            if (!view.Awaits.Contains(party))
                throw new CommandFailedException(view.Awaits.IsEmpty ? ExitCodes.Failed : ExitCodes.Refused, $"Session {name} is {view.Status} and awaits no approval of the {party.Word()}.", view.Awaits.IsEmpty ? null : $"It awaits {string.Join(" and ", view.Awaited.Select(awaited => awaited.Words))}.");
            if (!invocation.Terminal.Json) invocation.Terminal.Line(Terminal.Terminal.Printable(view.TermsText));
            invocation.Terminal.Confirm($"Approve exactly this as the {party.Word()}?", invocation.Get(yes));
            await invocation.AppendAsync(party, new SessionApproved(name, hash));
            var after = await SessionNames.FindAsync(invocation, party, name);
            invocation.Terminal.Result(after, terminal => terminal.Line(after.Status == "approved"
                ? $"Session {name} is approved and may be opened until {SessionNames.Moment(after.ExpiresAt)}. Watch it with 'demarc emergency watch {name}', end it with 'demarc emergency revoke {name}'."
                : $"Session {name} is {after.Status} and awaits {string.Join(" and ", after.Awaited.Select(awaited => awaited.Words))}."));
            return ExitCodes.Ok;
        }, [id, yes]);
    }

    private static Verb Review()
    {
        var id = SessionNames.Argument();
        var note = new Option<string>("--note") { Description = "What you found; it stands in the ledger and the other party reads it.", Required = true, HelpName = "TEXT" };
        return new Verb("review", "Say that you have looked at a session that is over (customer only).", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Acting(Party.Customer);

            // The head is taken from the ledger itself, verified here: what is signed is what the agent has said, not what a page shows.
            var (session, _) = await CheckedSession.FindAsync(invocation, party, name);
            if (session.Recording is null || session.Status != SessionStatus.Ended) throw new CommandFailedException(ExitCodes.Failed, $"Session {name} is {session.Word}: only one that was open and is over is reviewed.");
            await invocation.AppendAsync(party, new SessionReviewed(name, session.Recording.Head, invocation.Get(note)!));
            var after = await SessionNames.FindAsync(invocation, party, name);
            invocation.Terminal.Result(after, terminal => terminal.Line($"Session {name} is reviewed.{(session.Terms.Override ? " What waited for that goes on." : "")}"));
            return ExitCodes.Ok;
        }, [id, note]);
    }

    private static Verb Reasoned(string verb, string description, Party byDefault, Func<SessionId, string, EntryData> entry)
    {
        var id = SessionNames.Argument();
        var reason = Reason();
        return new Verb(verb, description, async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Acting(byDefault);
            await invocation.AppendAsync(party, entry(name, invocation.Get(reason)!));
            var view = await SessionNames.FindAsync(invocation, party, name);
            invocation.Terminal.Result(view, terminal => terminal.Line($"Session {name} is {view.Status}."));
            return ExitCodes.Ok;
        }, [id, reason]);
    }
}
