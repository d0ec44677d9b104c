using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;

namespace Demarc.Cli.Monitoring;

/// <summary><c>demarc notify</c>: where the people of one's own party are told that something waits for them.</summary>
internal static class NotifyCommand
{
    public static Command[] CreateAll() => [Add(), List(), Remove(), Test(), Deliveries(), Retry()];

    private static Verb Add()
    {
        var kind = new Argument<string>("kind") { Description = "webhook: a signed POST; email: a message, where the plane has a mail server." }.OneOf("webhook", "email");
        var target = new Argument<string>("target") { Description = "The webhook's https address, or the e-mail address." };
        var name = new Option<string?>("--name") { Description = "What it shall be called; by default what the address says.", HelpName = "TEXT" };
        return new Verb("add", "Add a hook: it is told at once what waits for your party now, and from then on what begins to.", async invocation =>
        {
            var request = new HookRequest(invocation.Get(kind)!, invocation.Get(target)!, invocation.Get(name));
            var added = await invocation.Reader.PostAsync($"{invocation.Path}/hooks", request, ViewJson.Default.HookRequest, ViewJson.Default.HookAddedView, invocation.Stop);
            invocation.Terminal.Result(added, terminal =>
            {
                terminal.Line($"{added.Hook.Id} tells {Terminal.Terminal.Printable(added.Hook.Name)} what waits for the {added.Hook.Party.Word()} in {invocation.Environment}.");
                if (added.Secret is not { } secret) return;
                terminal.Line($"Its secret, shown this once: {secret}");
                terminal.Line("Give it to the receiver, who checks each webhook's signature with it (docs/notifications.md).");
            });
            return ExitCodes.Ok;
        }, [kind, target, name]);
    }

    private static Verb List() => new("list", "List your party's hooks and how their deliveries stand.", async invocation =>
    {
        var hooks = await invocation.Reader.GetAsync($"{invocation.Path}/hooks", ViewJson.Default.ImmutableArrayHookView, invocation.Stop);
        invocation.Terminal.Result(hooks, terminal =>
        {
            if (hooks.IsEmpty) terminal.Line("Your party has no hooks: 'demarc notify add webhook https://…' adds one.");
            else terminal.Table(["id", "kind", "name", "where", "under way", "delivered", "given up"], hooks.Select(h => (IReadOnlyList<string>)[h.Id, h.Kind, h.Name, h.Target, $"{h.Waiting}", $"{h.Delivered}", $"{h.GivenUp}"]));
        });
        return ExitCodes.Ok;
    });

    private static Verb Remove()
    {
        var id = HookId();
        return new Verb("remove", "Remove a hook with what it was told; what is under way is not sent any more.", async invocation =>
        {
            var removed = await invocation.Reader.DeleteAsync($"{invocation.Path}/hooks/{Uri.EscapeDataString(invocation.Get(id)!)}", ViewJson.Default.HookView, invocation.Stop);
            invocation.Terminal.Result(removed, terminal => terminal.Line($"{Terminal.Terminal.Printable(removed.Name)} is told nothing more."));
            return ExitCodes.Ok;
        }, [id]);
    }

    private static Verb Test()
    {
        var id = HookId();
        return new Verb("test", "Send a test and wait for what the receiver answers.", async invocation =>
        {
            var sent = await invocation.Reader.PostNothingAsync($"{invocation.Path}/hooks/{Uri.EscapeDataString(invocation.Get(id)!)}/test", ViewJson.Default.DeliveryView, invocation.Stop);
            return await AwaitAsync(invocation, sent);
        }, [id]);
    }

    private static Verb Deliveries()
    {
        var givenUp = new Option<bool>("--given-up") { Description = "Only those that were given up." };
        return new Verb("deliveries", "List what your party's hooks were told, newest first.", async invocation =>
        {
            var all = await invocation.Reader.GetAsync($"{invocation.Path}/deliveries", ViewJson.Default.ImmutableArrayDeliveryView, invocation.Stop);
            if (invocation.Get(givenUp)) all = [.. all.Where(delivery => delivery.State == "given up")];
            invocation.Terminal.Result(all, terminal =>
            {
                if (all.IsEmpty) terminal.Line("There are none.");
                else terminal.Table(["id", "hook", "what", "state", "attempts", "answer", "since"], all.Select(d => (IReadOnlyList<string>)[d.Id, d.Hook, d.What, d.State, $"{d.Attempts}", d.Answer ?? "", ChangePrinter.Moment(d.At)]));
            });
            return ExitCodes.Ok;
        }, [givenUp]);
    }

    private static Verb Retry()
    {
        var id = new Argument<string>("delivery") { Description = "The delivery, as 'demarc notify deliveries' shows it." };
        return new Verb("retry", "Send a delivery again that was given up, and wait for what the receiver answers.", async invocation =>
        {
            var again = await invocation.Reader.PostNothingAsync($"{invocation.Path}/deliveries/{Uri.EscapeDataString(invocation.Get(id)!)}/retry", ViewJson.Default.DeliveryView, invocation.Stop);
            return await AwaitAsync(invocation, again);
        }, [id]);
    }

    private static Argument<string> HookId() => new("hook") { Description = "The hook, as 'demarc notify list' shows it." };

    private static async Task<int> AwaitAsync(Invocation invocation, DeliveryView delivery)
    {
        var began = invocation.Host.Time.GetTimestamp();
        while (delivery.Attempts == 0 && delivery.State == "waiting")
        {
            if (invocation.Host.Time.GetElapsedTime(began) > invocation.Patience) throw new CommandFailedException(ExitCodes.TimedOut, $"Delivery {delivery.Id} was not tried within {invocation.Patience.TotalSeconds:0} s.", "It stays in the outbox: see 'demarc notify deliveries'.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), invocation.Host.Time, invocation.Stop);
            var all = await invocation.Reader.GetAsync($"{invocation.Path}/deliveries", ViewJson.Default.ImmutableArrayDeliveryView, invocation.Stop);
            delivery = all.FirstOrDefault(d => d.Id == delivery.Id) ?? throw new CommandFailedException(ExitCodes.NotFound, $"Delivery {delivery.Id} is gone: its hook was removed.");
        }

        if (delivery.State != "delivered")
            throw new CommandFailedException(ExitCodes.Failed, $"It did not arrive: {delivery.Answer}.", delivery.NextAt is { } next ? $"It is tried again at {ChangePrinter.Moment(next)}." : "It was given up: 'demarc notify retry' sends it again.");
        invocation.Terminal.Result(delivery, terminal => terminal.Line($"It arrived: {delivery.Answer}."));
        return ExitCodes.Ok;
    }
}
