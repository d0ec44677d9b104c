using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Demarc.Cli;

/// <summary>Values that the command line takes from a short list or a range; what is wrong is said with the value, the option and what would be right.</summary>
internal static class OptionValues
{
    /// <summary>An option that takes one of a few words.</summary>
    public static Option<T> OneOf<T>(this Option<T> option, params string[] words)
    {
        option.HelpName = string.Join('|', words);
        option.CompletionSources.Add(words);
        option.Validators.Add(result => Check(result, option.Name, words));
        return option;
    }

    /// <summary>An argument that takes one of a few words.</summary>
    public static Argument<T> OneOf<T>(this Argument<T> argument, params string[] words)
    {
        argument.HelpName = string.Join('|', words);
        argument.CompletionSources.Add(words);
        argument.Validators.Add(result => Check(result, argument.Name, words));
        return argument;
    }

    /// <summary>An option that takes a whole number within bounds.</summary>
    public static Option<int> WholeNumber(string name, string[] aliases, string description, int least, int most, int byDefault) => new(name, aliases)
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"{description}, {least} to {most}."),
        HelpName = "NUMBER",
        DefaultValueFactory = _ => byDefault,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} '{text}' is not a whole number from {least} to {most}."));
            return byDefault;
        },
    };

    /// <summary>A time for an address: with an offset, or else by UTC. A text that is none is refused.</summary>
    public static string Time(string text, string option) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? Uri.EscapeDataString(at.ToString("O", CultureInfo.InvariantCulture))
            : throw CommandFailedException.Usage($"{option} '{text}' is not a time.", "Write 2026-12-24T02:00Z, or with an offset.");

    private static void Check(SymbolResult result, string name, string[] words)
    {
        foreach (var token in result.Tokens.Where(token => !words.Contains(token.Value, StringComparer.Ordinal)))
            result.AddError($"{name} '{token.Value}' is not one of {string.Join(", ", words)}.");
    }
}
