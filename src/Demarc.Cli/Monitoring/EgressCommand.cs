using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Demarc.Cli.Agents;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;

namespace Demarc.Cli.Monitoring;

/// <summary><c>demarc egress</c>: what leaves for the vendor, seen and bounded at the customer's own agent.</summary>
internal static class EgressCommand
{
    public static Command[] CreateAll() => [Watch(), Show(), Report(), Schema(), EgressAllowCommand.Create()];

    private static Verb Watch()
    {
        var only = Class();
        return new Verb("watch", "Show every frame that leaves for the vendor, in clear, as it leaves, until interrupted.", async invocation =>
        {
            invocation.Terminal.Say("Watching what leaves this machine's agent for the vendor's plane. Ctrl-C ends it.");
            await EgressFrames.PrintAsync(invocation, AgentDoorClient.Of(invocation).AskAsync(AgentDoorClient.Ask("egress.watch"), invocation.Stop), EgressFrames.OfClass(invocation.Get(only)));
            return ExitCodes.Ok;
        }, [only, AgentDoorClient.Data]);
    }

    private static Verb Show()
    {
        var only = Class();
        var since = new Option<string?>("--since") { Description = "From this time on. Default: all that is kept, some megabytes.", HelpName = "TIME" };
        return new Verb("show", "Show the frames that have left, in clear, as the agent has kept them.", async invocation =>
        {
            var ask = AgentDoorClient.Ask("egress.show");
            if (invocation.Get(since) is { } from) ask["since"] = from;
            await EgressFrames.PrintAsync(invocation, AgentDoorClient.Of(invocation).AskAsync(ask, invocation.Stop), EgressFrames.OfClass(invocation.Get(only)));
            return ExitCodes.Ok;
        }, [only, since, AgentDoorClient.Data]);
    }

    private static Verb Report()
    {
        var days = OptionValues.WholeNumber("--days", ["-n"], "How many days", 1, EgressLimits.Days, 1);
        return new Verb("report", "Show how much has left, by class and day, and what the day's budgets are.", async invocation =>
        {
            var ask = AgentDoorClient.Ask("egress.report");
            ask["days"] = invocation.Get(days);
            var found = ImmutableArray.CreateBuilder<EgressDayTotals>();
            await foreach (var line in AgentDoorClient.Of(invocation).AskAsync(ask, invocation.Stop)) found.Add(line.Deserialize(AgentDoorJson.Default.EgressDayTotals)!);
            invocation.Terminal.Result(found.ToImmutable(), terminal => terminal.Table(
                ["day (UTC)", "class", "frames", "bytes", "budget", "dropped", "waiting", "withheld"],
                found.SelectMany(day => day.Classes.Select(total => (IReadOnlyList<string>)
                [
                    $"{day.Day:yyyy-MM-dd}", total.Class.Word(), Number(total.Frames), Number(total.Bytes), total.Consented > 0 ? $"{Number(total.Cap)}, {Number(total.Consented)} of it allowed" : Number(total.Cap),
                    Number(total.Dropped), Number(total.Waiting), Number(total.Withheld),
                ]))));
            return ExitCodes.Ok;
        }, [days, AgentDoorClient.Data]);
    }

    private static Verb Schema() => new("schema", "Show everything that may leave, field by field, as the agent checks it.", async invocation =>
    {
        var answer = await AgentDoorClient.Of(invocation).OneAsync(AgentDoorClient.Ask("egress.schema"), invocation.Stop);
        if (invocation.Terminal.Json) invocation.Terminal.Line(answer.ToJsonString());
        else invocation.Terminal.Line(((string)answer["schema"]!).TrimEnd('\n'));
        return ExitCodes.Ok;
    }, AgentDoorClient.Data);

    private static Option<string?> Class() => new Option<string?>("--class") { Description = "Only frames of this class." }.OneOf([.. EgressClasses.Words]);

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary><c>demarc egress allow CLASS</c>: the customer lets more of one class leave on one day than the charter allows.</summary>
internal static class EgressAllowCommand
{
    public static Command Create()
    {
        var which = new Argument<string>("class") { Description = "What may leave in larger numbers." }.OneOf([.. EgressClasses.Words]);
        var bytes = new Option<string>("--bytes") { Description = "How many bytes more, as in 500000, 64KiB or 10MiB.", HelpName = "BYTES", Required = true };
        var reason = new Option<string>("--reason") { Description = "Why, for the ledger.", HelpName = "TEXT", Required = true };
        var day = new Option<string?>("--day") { Description = "On which UTC day, as in 2026-12-24. Default: today.", HelpName = "DAY" };
        return new Verb("allow", "Allow more of one class to leave on one day than the charter does.", async invocation =>
        {
            var consent = new EgressConsented(EgressClasses.ByWord(invocation.Get(which))!.Value, Bytes(invocation.Get(bytes)!), Day(invocation, invocation.Get(day)), invocation.Get(reason)!);
            var party = invocation.Acting(Party.Customer);
            if (party != Party.Customer) throw new CommandFailedException(ExitCodes.Refused, "What leaves the customer's account is the customer's to allow.", "Leave out --as vendor, or ask the customer.");
            var appended = await invocation.AppendAsync(party, consent);
            invocation.Terminal.Result(new EgressAllowed(consent.Class.Word(), consent.Bytes, consent.Day, appended.Index), terminal =>
                terminal.Line($"{consent.Bytes.ToString("N0", CultureInfo.InvariantCulture)} bytes more of {consent.Class.Word()} may leave on {consent.Day:yyyy-MM-dd} (UTC). What is held leaves as soon as the agent has seen this."));
            return ExitCodes.Ok;
        }, [which, bytes, reason, day]);
    }

    private static long Bytes(string text)
    {
        var (digits, unit) = text.EndsWith("MiB", StringComparison.Ordinal) ? (text[..^3], 1L << 20) : text.EndsWith("KiB", StringComparison.Ordinal) ? (text[..^3], 1L << 10) : (text, 1L);
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= EgressLimits.MaxConsent && number * unit <= EgressLimits.MaxConsent
            ? number * unit
            : throw CommandFailedException.Usage($"--bytes '{text}' is not a number of bytes from 1 to {EgressLimits.MaxConsent >> 20}MiB.", "Write it as in 500000, 64KiB or 10MiB.");
    }

    private static DateOnly Day(Invocation invocation, string? text)
    {
        if (text is null) return DateOnly.FromDateTime(invocation.Host.Now.UtcDateTime);
        return DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? day
            : throw CommandFailedException.Usage($"--day '{text}' is not a day.", "Write it as in 2026-12-24.");
    }
}

/// <summary>What was allowed.</summary>
internal sealed record EgressAllowed(string Class, long Bytes, DateOnly Day, long Entry);
