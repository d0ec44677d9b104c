using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter explain ACTION</c>: the rules that lead to an answer, and what would change it.</summary>
internal static class CharterExplainCommand
{
    private static readonly Dictionary<string, string> Answers = new(StringComparer.Ordinal)
    {
        ["allowed"] = "ALLOWED",
        ["needs-approval"] = "NEEDS APPROVAL",
        ["waits"] = "ALLOWED, AND WAITS",
        ["denied"] = "DENIED",
    };

    public static Command Create()
    {
        var action = new Argument<string>("action") { Description = "What to ask about, as in instances.delete." }.OneOf([.. ChangeAction.All.Select(a => a.Name)]);
        var instance = new Option<string?>("--instance") { Description = "Of which instance.", HelpName = "NAME" };
        var size = new Option<string>("--size") { Description = "For an order: of which size.", DefaultValueFactory = _ => "small" }.OneOf("small", "medium", "large");
        var role = new Option<string>("--role") { Description = "Asked for by somebody in which role.", DefaultValueFactory = _ => "operator" }.OneOf("owner", "operator", "approver", "auditor", "viewer");
        var agent = new Option<bool>("--agent") { Description = "Asked for by the agent under standing authority." };
        var at = new Option<string?>("--at") { Description = "At which time. Default: now.", HelpName = "TIME" };
        return new Verb("explain", "Say which rules allow or refuse an action, and what would change the answer.", async invocation =>
        {
            var party = invocation.Get(agent) ? "agent" : invocation.Acting(Party.Vendor).Word();
            var query = $"action={invocation.Get(action)}&party={party}&role={invocation.Get(role)}&size={invocation.Get(size)}"
                + (invocation.Get(instance) is { } name ? $"&instance={Uri.EscapeDataString(name)}" : "")
                + (invocation.Get(at) is { } time ? $"&at={OptionValues.Time(time, "--at")}" : "");
            var explanation = await invocation.Reader.GetAsync($"{invocation.Path}/charter/explain?{query}", ViewJson.Default.Explanation, invocation.Stop);
            invocation.Terminal.Result(explanation, terminal => Print(terminal, explanation));
            return explanation.Answer == "denied" ? ExitCodes.Refused : ExitCodes.Ok;
        }, [action, instance, size, role, agent, at]);
    }

    private static void Print(Terminal.Terminal terminal, Explanation explanation)
    {
        terminal.Line($"{explanation.Action} by the {explanation.Asker}: {Answers.GetValueOrDefault(explanation.Answer, explanation.Answer)}");
        foreach (var rule in explanation.Path)
        {
            terminal.Line($"  {rule.Verdict,-4}  {rule.Rule}: {Terminal.Terminal.Printable(rule.Says)}");
            if (rule.Otherwise is { } otherwise) terminal.Line($"        to change it: {otherwise}");
        }
    }
}
