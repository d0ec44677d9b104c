using System.Globalization;
using Demarc.Core.Changes;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary>How a change, its plan and its progress look.</summary>
internal sealed class ChangePrinter(Terminal.Terminal terminal)
{
    private const int BarWidth = 24;

    private readonly HashSet<(int Step, string Status)> told = [];

    /// <summary>The plan: what each step touches, whether it can be undone, how long it should take.</summary>
    public static void Plan(Terminal.Terminal terminal, ChangeView change)
    {
        terminal.Table(
            ["#", "step", "touches", "reversible", "expected"],
            change.Steps.Select(step => (IReadOnlyList<string>)
            [
                step.Number.ToString(CultureInfo.InvariantCulture), step.Kind, step.Touches.IsEmpty ? "nothing" : string.Join('\n', step.Touches),
                step.Reversible ? "yes" : "no", Seconds(step.ExpectedSeconds),
            ]));
        terminal.Line($"plan {change.PlanHash}, expected {Seconds(change.Steps.Sum(s => s.ExpectedSeconds))} in all");
    }

    /// <summary>The plan read out of the very text that an approval signs.</summary>
    public static void Plan(Terminal.Terminal terminal, Plan plan)
    {
        terminal.Table(
            ["#", "step", "touches", "reversible", "expected"],
            plan.Steps.Select((step, i) => (IReadOnlyList<string>)
            [
                (i + 1).ToString(CultureInfo.InvariantCulture), step.Kind, step.Touches.IsEmpty ? "nothing" : string.Join('\n', step.Touches),
                step.Reversible ? "yes" : "no", Seconds(step.Expected.TotalSeconds),
            ]));
        terminal.Line($"plan {plan.Hash}, expected {Seconds(plan.Expected.TotalSeconds)} in all");
        terminal.Line($"text {plan.Text}");
    }

    /// <summary>Everything about a change.</summary>
    public static void Whole(Terminal.Terminal terminal, ChangeView change)
    {
        terminal.Facts(
            ("change", change.Id), ("action", $"{change.Action} {change.Instance}"), ("task", change.Task), ("order", change.Order is null ? null : Order(change)), ("status", change.Status),
            ("requested", $"by the {change.RequestedBy} at {Moment(change.RequestedAt)}"), ("approval", change.NeedsApproval is { } who ? $"by the {who}" : "not needed"),
            ("awaits", change.Awaited.IsEmpty ? null : string.Join(" and ", change.Awaited.Select(awaited => awaited.Words))),
            ("held", change.Held), ("waits", change.Waits), ("put off until", Moment(change.DeferredUntil)), ("expires", Moment(change.ExpiresAt)),
            ("plan", change.PlanHash), ("earlier plan", change.Voided), ("started", Moment(change.StartedAt)), ("ended", Moment(change.EndedAt)), ("outcome", change.Reason));
        if (change.Steps.IsEmpty) return;
        terminal.Table(
            ["#", "step", "status", "took", "receipt"],
            change.Steps.Select(step => (IReadOnlyList<string>)
                [step.Number.ToString(CultureInfo.InvariantCulture), step.Kind, step.Status, Took(step), step.Receipt ?? ""]));
    }

    /// <summary>One line as each step ends, and, where a line can be written over, a bar of the whole.</summary>
    public void Progress(ChangeView change, ChangeFollower.StepNews? news)
    {
        var steps = change.Steps;
        foreach (var step in steps.Where(s => s.Status is "finished" or "failed" or "undone" && told.Add((s.Number, s.Status))))
        {
            terminal.Overwrite("");
            terminal.Say($"  {(step.Status == "finished" ? "✓" : step.Status == "failed" ? "✗" : "↶")} {step.Number}/{steps.Length} {step.Kind,-16} {Took(step),8}  {Terminal.Terminal.Printable(step.Receipt ?? "")}");
        }

        if (steps.IsEmpty || ChangeEnds.IsEnded(change)) terminal.Overwrite("");
        else terminal.Overwrite(Bar(change, news));
    }

    public static string Moment(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string? Moment(DateTimeOffset? at) => at is { } moment ? Moment(moment) : null;

    public static string Order(ChangeView change) => change.Order is { } order
        ? $"milvus {order.Version}, {Core.Instances.InstanceSizes.Word(order.Size)}{string.Concat(order.Labels.Select(l => $", {l.Key}={l.Value}"))}"
        : "none";

    private static string Bar(ChangeView change, ChangeFollower.StepNews? news)
    {
        var done = change.Steps.Count(s => s.Status == "finished");
        var now = change.Steps.FirstOrDefault(s => s.Status == "started");
        var part = now is not null && news is not null && news.Step == now.Number - 1 ? Math.Clamp(news.Fraction, 0, 1) : 0;
        var filled = (int)((done + part) / change.Steps.Length * BarWidth);
        return $"  [{new string('█', filled)}{new string('░', BarWidth - filled)}] {done}/{change.Steps.Length} {now?.Kind ?? change.Status}";
    }

    private static string Took(StepView step) => step is { StartedAt: { } from, EndedAt: { } to } ? $"{Math.Max(0, (to - from).TotalMilliseconds):0} ms" : "";

    private static string Seconds(double seconds) => seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";
}
