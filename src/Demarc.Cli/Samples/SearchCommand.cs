using System.CommandLine;
using System.Collections.Immutable;
using System.Globalization;
using Demarc.Cli.Instances;
using Demarc.Cli.Quickstart;

namespace Demarc.Cli.Samples;

/// <summary><c>demarc search TEXT</c>: searches the sample collection, over the Milvus protocol with the customer's credential.</summary>
internal static class SearchCommand
{
    public static Command Create()
    {
        var text = new Argument<string>("text") { Description = "What to look for." };
        var top = OptionValues.WholeNumber("--top", ["-n"], "How many paragraphs", 1, 50, 3);
        var instance = new Option<string>("--instance") { Description = "Which instance.", DefaultValueFactory = _ => QuickstartNames.Instance };
        return new Verb("search", "Search the sample collection that 'demarc up' loaded.", invocation =>
            RunAsync(invocation, invocation.Get(text)!, invocation.Get(top), invocation.Get(instance)!), [text, top, instance]);
    }

    /// <summary>Prints what was found so that a person can judge it.</summary>
    public static void Print(Terminal.Terminal terminal, IEnumerable<Hit> hits)
    {
        var number = 0;
        foreach (var hit in hits)
        {
            terminal.Line($"  {++number}. {hit.Score.ToString("0.000", CultureInfo.InvariantCulture)}  {hit.Source}");
            foreach (var line in Wrapped(Terminal.Terminal.Printable(hit.Text)).Take(6)) terminal.Line($"       {line}");
        }
    }

    private static async Task<int> RunAsync(Invocation invocation, string text, int top, string instance)
    {
        var weights = QuickstartFolder.Of(invocation, null).SampleWeights;
        if (!File.Exists(weights) || TextVectors.Load(await File.ReadAllBytesAsync(weights, invocation.Stop)) is not { } method)
            throw new CommandFailedException(ExitCodes.NotFound, $"There is no sample collection on this machine ({weights}).", "'demarc up' loads one.");
        var credential = await InstancesCredentialsCommand.OpenAsync(invocation, instance);
        using var milvus = new MilvusConnection(credential.Uri, credential.User, credential.Password);
        var hits = (await milvus.SearchAsync(SampleCollection.Name, method.Of(text), top, invocation.Stop)).ToImmutableArray();
        invocation.Terminal.Result(hits, terminal => Print(terminal, hits));
        return ExitCodes.Ok;
    }

    private static IEnumerable<string> Wrapped(string text)
    {
        const int width = 110;
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var rest = line;
            while (rest.Length > width)
            {
                var end = rest.LastIndexOf(' ', width - 1, width / 2);
                if (end < 0) end = width;
                yield return rest[..end];
                rest = rest[end..].TrimStart();
            }

            yield return rest;
        }
    }
}
