using System.CommandLine;

namespace Demarc.Cli;

/// <summary>Options that every command takes.</summary>
internal static class GlobalOptions
{
    public static Option<string> Output { get; } = new Option<string>("--output", "-o")
    {
        Description = "How results are printed: table for people, json for programs (the stable names of the REST API).",
        Recursive = true,
        DefaultValueFactory = _ => "table",
    }.OneOf("table", "json");

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Print results and errors only, no progress.", Recursive = true };

    public static Option<string?> As { get; } = new Option<string?>("--as")
    {
        Description = "Whose key signs: vendor or customer. Default: the party whose task it is.",
        Recursive = true,
    }.OneOf("vendor", "customer");

    public static Option<string?> Environment { get; } = new("--environment", "-e")
    {
        Description = "Which environment. Default: the current one of the profile, or $DEMARC_ENVIRONMENT.",
        HelpName = "NAME",
        Recursive = true,
    };

    public static Option<string?> Plane { get; } = new("--plane")
    {
        Description = "Address of the plane. Default: that of the profile, or $DEMARC_PLANE.",
        HelpName = "URL",
        Recursive = true,
    };

    public static Option<int> Timeout { get; } = Patience();

    public static Option<bool> Yes() => new("--yes", "-y") { Description = "Do not ask for confirmation." };

    public static Option<bool> NoWait() => new("--no-wait") { Description = "Return as soon as the change stands in the ledger." };

    public static void AddTo(Command root)
    {
        root.Add(Output);
        root.Add(Quiet);
        root.Add(As);
        root.Add(Environment);
        root.Add(Plane);
        root.Add(Timeout);
    }

    private static Option<int> Patience()
    {
        var seconds = OptionValues.WholeNumber("--timeout", [], "How many seconds to wait for something to happen before giving up with exit code 7", 1, 86_400, 300);
        seconds.HelpName = "SECONDS";
        seconds.Recursive = true;
        return seconds;
    }
}
