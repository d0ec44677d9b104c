extern alias cli;

using System.CommandLine;
using System.Text;
using cli::Demarc.Cli;
using Demarc.Tests.House;

namespace Demarc.Tests.Cli;

/// <summary>The whole surface of the command line: reviewed as a file, described to people, with examples that hold.</summary>
public sealed class CommandTreeTests
{
    private static readonly RootCommand Root = DemarcCommand.Create(new CliHost(TextWriter.Null, TextWriter.Null, TextReader.Null, _ => null, TimeProvider.System, _ => { }, false, false, false));

    public static TheoryData<string> Paths => [.. Commands(Root).Select(Examples.PathOf)];

    [Fact]
    public void Every_command_and_option_stands_in_the_contract()
    {
        var text = new StringBuilder("# Every command with its arguments and options, as scripts rely on them. Options of 'demarc' hold for all.\n");
        foreach (var command in Commands(Root))
        {
            text.Append(command == Root ? "demarc" : $"demarc {Examples.PathOf(command)}");
            foreach (var argument in command.Arguments) text.Append(argument.Arity.MinimumNumberOfValues == 0 ? $" [{argument.Name}]" : $" <{argument.Name}>").Append(Values(argument.HelpName));
            text.Append('\n');
            foreach (var option in command.Options.OrderBy(o => o.Name, StringComparer.Ordinal))
            {
                text.Append("    ").AppendJoin(", ", option.Aliases.Where(alias => alias[0] == '-').Order(StringComparer.Ordinal).Prepend(option.Name));
                if (option.Arity.MaximumNumberOfValues > 0) text.Append(' ').Append(option.HelpName ?? option.Name.TrimStart('-').ToUpperInvariant());
                if (option.Arity.MaximumNumberOfValues > 1) text.Append(" (repeated)");
                if (option.Required) text.Append(" (required)");
                text.Append('\n');
            }
        }

        Golden.Check("cli.txt", text.ToString());
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Every_command_has_a_help_that_describes_all_of_it(string path)
    {
        using var shell = new CommandLine();
        var help = (await shell.MustAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"])).Out;
        var command = Commands(Root).Single(c => Examples.PathOf(c) == path);
        Assert.NotEmpty(command.Description!);
        Assert.Contains(command.Description!.Split('\n')[0], help, StringComparison.Ordinal);
        Assert.All(command.Options, option => Assert.Contains(option.Name, help, StringComparison.Ordinal));
        Assert.All(command.Options, option => Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{option.Name} has no description"));
        Assert.All(command.Arguments, argument => Assert.False(string.IsNullOrWhiteSpace(argument.Description), $"{argument.Name} has no description"));
        Assert.All(Examples.Of(path), example => Assert.Contains(example, help, StringComparison.Ordinal));
        Assert.Equal(command.Subcommands.Count == 0, Examples.Of(path).Count > 0);
    }

    [Fact]
    public void Every_example_parses_as_the_command_it_is_an_example_of()
    {
        var known = Commands(Root).Select(Examples.PathOf).ToHashSet();
        foreach (var path in Examples.Paths)
        {
            Assert.Contains(path, known);
            foreach (var example in Examples.Of(path))
            {
                var line = example.StartsWith("source <(", StringComparison.Ordinal) ? example["source <(".Length..^1] : example.Split(" > ")[0];
                var parsed = Root.Parse(line["demarc ".Length..]);
                Assert.True(parsed.Errors.Count == 0, $"'{example}': {string.Join(", ", parsed.Errors.Select(e => e.Message))}");
                Assert.Equal(path, Examples.PathOf(parsed.CommandResult.Command));
            }
        }
    }

    [Fact]
    public async Task The_help_lists_the_exit_codes()
    {
        using var shell = new CommandLine();
        var help = (await shell.MustAsync("--help")).Out;
        for (var code = 0; code <= 7; code++) Assert.Matches($@"\b{code}  [a-z]", help);
    }

    [Theory]
    [InlineData("demarc ins", "instances")]
    [InlineData("demarc instances re", "restore")]
    [InlineData("demarc order docs --size ", "medium")]
    [InlineData("demarc members add k --role ", "auditor")]
    [InlineData("demarc keys create ", "customer-sealing")]
    public async Task The_program_completes_what_a_person_types(string line, string offers)
    {
        using var shell = new CommandLine();
        var offered = (await shell.MustAsync($"[suggest:{line.Length}]", line)).Out;
        Assert.Contains(offers, offered.Split('\n', StringSplitOptions.TrimEntries));
    }

    private static string Values(string? words) => words?.Contains('|', StringComparison.Ordinal) == true ? $" ({words})" : "";

    private static IEnumerable<Command> Commands(Command command) => command.Subcommands.SelectMany(Commands).Prepend(command);
}
