using System.CommandLine;
using Demarc.Cli.Access;
using Demarc.Cli.Agents;
using Demarc.Cli.Audit;
using Demarc.Cli.Changes;
using Demarc.Cli.Charter;
using Demarc.Cli.Emergency;
using Demarc.Cli.Environments;
using Demarc.Cli.Instances;
using Demarc.Cli.Monitoring;
using Demarc.Cli.Quickstart;
using Demarc.Cli.Samples;

namespace Demarc.Cli;

/// <summary>The whole command line as a tree, and the one place where what goes wrong becomes a paragraph and an exit code.</summary>
internal static class DemarcCommand
{
    public static RootCommand Create(CliHost host)
    {
        var root = new RootCommand($"Runs Milvus in a customer's account on behalf of a vendor, with every act signed, planned and provable.\n\n{ExitCodes.Help}");
        GlobalOptions.AddTo(root);
        Examples.AddTo(root);
        foreach (var command in All()) root.Add(command);
        Bind(root, host);
        return root;
    }

    /// <summary>Parses and runs; never throws.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CliHost host, CancellationToken stop)
    {
        var parsed = Create(host).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            await host.Error.WriteLineAsync($"demarc: {Wrong(parsed)} Run '{Line(parsed)} --help' for what is possible.");
            return ExitCodes.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = host.Out, Error = host.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop);
        }
        catch (CommandFailedException failed)
        {
            await host.Error.WriteLineAsync(failed.Paragraph);
            return failed.ExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await host.Error.WriteLineAsync("demarc: Interrupted. What was already asked for goes on: see 'demarc changes list'.");
            return ExitCodes.Failed;
        }
        catch (Exception unexpected) when (unexpected is IOException or UnauthorizedAccessException)
        {
            await host.Error.WriteLineAsync($"demarc: {unexpected.Message}");
            return ExitCodes.Failed;
        }
#pragma warning disable CA1031 // The last resort of a program that promises never to show a stack trace.
        catch (Exception bug)
#pragma warning restore CA1031
        {
            await host.Error.WriteLineAsync($"demarc: This should not have happened ({bug.GetType().Name}: {bug.Message}). Please report it with the command you ran; {Where(bug)}.");
            return ExitCodes.Failed;
        }
    }

    private static string Wrong(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command is Verb) return string.Join(' ', parsed.Errors.Take(3).Select(error => error.Message.TrimEnd('.') + '.'));
        var has = string.Join(", ", command.Subcommands.Select(sub => sub.Name));
        return parsed.UnmatchedTokens is [var token, ..] ? $"'{Line(parsed)}' has no command '{token}', it has: {has}." : $"'{Line(parsed)}' needs a command: {has}.";
    }

    private static string Line(ParseResult parsed)
    {
        var names = new List<string>();
        for (var result = parsed.CommandResult; result is not null; result = result.Parent as System.CommandLine.Parsing.CommandResult)
            names.Insert(0, result.Command is RootCommand ? "demarc" : result.Command.Name);
        return string.Join(' ', names);
    }

    private static string Where(Exception bug) => bug.TargetSite is { } site ? $"it was in {site.DeclaringType?.Name}.{site.Name}" : "its place is not known";

    // A command is declared without its host, so that the tree is data; the host comes in here.
    private static void Bind(Command command, CliHost host)
    {
        if (command is Verb verb) verb.SetAction((parsed, stop) => verb.RunAsync(parsed, host, stop));
        foreach (var child in command.Subcommands) Bind(child, host);
    }

    private static IEnumerable<Command> All() =>
    [
        UpCommand.Create(),
        DownCommand.Create(),
        StatusCommand.Create(),
        Verb.Group("env", "Environments: found, list, show, invite or revoke the agent.", EnvFoundCommand.Create(), EnvListCommand.Create(), EnvShowCommand.Create(), EnvInviteCommand.Create(), EnvRevokeAgentCommand.Create()),
        SeverCommand.Create(),
        RejoinCommand.Create(),
        Verb.Group("keys", "Your own keys on this machine: create, list, rotate.", KeysCreateCommand.Create(), KeysListCommand.Create(), KeysRotateCommand.Create(), KeysUseSshCommand.Create()),
        Verb.Group("members", "People of both parties and their roles: list, add, remove, link, review; another root.", MembersListCommand.Create(), MembersAddCommand.Create(), MembersRemoveCommand.Create(), MembersRekeyCommand.Create(), MembersExpireCommand.Create(), MembersLinkCommand.CreateLink(), MembersLinkCommand.CreateUnlink(), MembersReviewCommand.Create(), MembersReplaceRootCommand.Create(), MembersReplaceRootCommand.CreateCosign()),
        Verb.Group("tokens", "Keys for services, with a scope and an end: issue, list, revoke.", TokensCommand.CreateAll()),
        Verb.Group("egress", "What leaves for the vendor, seen at the customer's own agent: watch, show, report, schema, allow.", EgressCommand.CreateAll()),
        Verb.Group("agent", "The agent on this machine, asked at its own door: status, hold, release.", AgentStatusCommand.Create(), AgentHoldCommand.CreateHold(), AgentHoldCommand.CreateRelease()),
        Verb.Group("charter", "Who is responsible for what: show, history, explain, validate, diff, propose, sign.", CharterShowCommand.Create(), CharterHistoryCommand.Create(), CharterExplainCommand.Create(), CharterValidateCommand.Create(), CharterDiffCommand.Create(), CharterProposeCommand.Create(), CharterSignCommand.Create()),
        OrderCommand.Create(),
        PlanCommand.Create(),
        ApproveCommand.Create(),
        RejectCommand.Create(),
        WithdrawCommand.Create(),
        Verb.Group("changes", "Changes: list, show, follow, and hold up: pause, resume, stop, defer.", [ChangesListCommand.Create(), ChangesShowCommand.Create(), ChangesFollowCommand.Create(), .. HoldCommand.CreateAll(), DeferCommand.Create()]),
        Verb.Group("instances", "Instances: list, show, credentials, and what can be done to them.", [InstancesListCommand.Create(), InstancesShowCommand.Create(), InstancesCredentialsCommand.Create(), InstancesModifyCommand.Create(), .. InstanceActionCommand.CreateAll()]),
        Verb.Group("audit", "The ledger: show, search, follow, verify, export; its head: print, compare, evidence.", AuditShowCommand.Create(), AuditSearchCommand.Create(), AuditFollowCommand.Create(), AuditVerifyCommand.Create(), AuditExportCommand.Create(), AuditHeadCommand.Create(), AuditCompareCommand.Create(), AuditEvidenceCommand.Create()),
        Verb.Group("emergency", "Emergency sessions: ask for, decide, work in, watch, cut, play and review.", EmergencyCommand.CreateAll()),
        Verb.Group("notify", "Where your party is told that something waits for it: add, list, remove, test.", NotifyCommand.CreateAll()),
        SearchCommand.Create(),
        ConsoleCommand.Create(),
        CompletionCommand.Create(),
        VersionCommand.Create(),
    ];
}
