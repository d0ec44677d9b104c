using System.CommandLine;

namespace Demarc.Cli;

/// <summary>A command that does something: its symbols, and what it does with one invocation.</summary>
internal sealed class Verb : Command
{
    private readonly Func<Invocation, Task<int>> run;

    public Verb(string name, string description, Func<Invocation, Task<int>> run, params IEnumerable<Symbol> symbols) : base(name, description)
    {
        this.run = run;
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) Add(argument);
            else Add((Option)symbol);
        }
    }

    public async Task<int> RunAsync(ParseResult parsed, CliHost host, CancellationToken stop)
    {
        using var invocation = new Invocation(parsed, host, stop);
        return await run(invocation);
    }

    /// <summary>A command that only groups others.</summary>
    public static Command Group(string name, string description, params IEnumerable<Command> commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands) group.Add(command);
        return group;
    }
}
