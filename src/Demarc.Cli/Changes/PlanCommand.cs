using System.CommandLine;
using Demarc.Core.Changes;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc plan CHANGE</c>: what a change will do, or did.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        return new Verb("plan", "Show the plan of a change: steps, what they touch, and what can be undone.", invocation => RunAsync(invocation, invocation.Get(id)!), [id]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string id)
    {
        var change = await invocation.Reader.GetAsync($"{invocation.Path}/changes/{ChangeNames.Checked(id)}", ViewJson.Default.ChangeView, invocation.Stop);
        if (change.PlanText is null || Plan.Read(change.PlanText) is not { } plan)
            throw new CommandFailedException(ExitCodes.NotFound, $"Change {change.Id} is {change.Status} and has no plan.", change.Status == "requested" ? "The agent has yet to plan it: is it connected ('demarc status')?" : null);
        invocation.Terminal.Result(change, terminal => ChangePrinter.Plan(terminal, plan));
        return ExitCodes.Ok;
    }
}

/// <summary>Names of changes on the command line.</summary>
internal static class ChangeNames
{
    public static string Checked(string id) => ChangeId.TryParse(id, out var parsed)
        ? parsed.Value
        : throw CommandFailedException.Usage($"'{id}' is not the name of a change: {ChangeId.Form}.", "'demarc changes list' shows those there are.");

    public static ChangeId Parsed(string id) => ChangeId.Parse(Checked(id));
}
