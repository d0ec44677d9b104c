extern alias cli;

using System.Text.RegularExpressions;
using cli::Demarc.Cli;

namespace Demarc.Tests.House;

/// <summary>What the documents lead to is there: files, headings, pictures, commands.</summary>
public sealed partial class DocumentTests
{
    private const int MostOfAPicture = 150_000;

    private static readonly IReadOnlyList<string> Documents =
    [
        .. Directory.GetFiles(Golden.Root, "*.md"), .. Directory.GetFiles(Path.Combine(Golden.Root, "docs"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal),
    ];

    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading_that_are_there()
    {
        Assert.True(Documents.Count > 25);
        var broken = new List<string>();
        foreach (var document in Documents)
        {
            foreach (Match link in Link().Matches(Code().Replace(File.ReadAllText(document), "")))
            {
                var target = link.Groups[1].Value;
                if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal)) continue;
                var (path, anchor) = target.Split('#', 2) switch { [var one, var two] => (one, two), [var one] => (one, ""), _ => ("", "") };
                var file = path.Length == 0 ? document : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(document)!, path));
                if (!File.Exists(file) && !Directory.Exists(file)) broken.Add($"{Name(document)}: {target}");
                else if (anchor.Length > 0 && !Headings(file).Contains(anchor)) broken.Add($"{Name(document)}: {target} (no such heading)");
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void Every_document_is_reached_from_the_readme()
    {
        var reached = new HashSet<string>();
        var open = new Queue<string>([Path.Combine(Golden.Root, "README.md")]);
        while (open.TryDequeue(out var document))
        {
            if (!reached.Add(document)) continue;
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                var file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value.Split('#')[0]));
                if (Directory.Exists(file)) foreach (var one in Directory.GetFiles(file, "*.md")) open.Enqueue(one);
                else if (file.EndsWith(".md", StringComparison.Ordinal) && File.Exists(file)) open.Enqueue(file);
            }
        }

        Assert.Empty(Documents.Except(reached).Where(document => Path.GetFileName(document) != "CHANGELOG.md").Select(Name));
    }

    [Fact]
    public void Every_command_in_a_console_block_is_one_that_there_is()
    {
        var root = DemarcCommand.Create(new CliHost(TextWriter.Null, TextWriter.Null, TextReader.Null, _ => null, TimeProvider.System, _ => { }, false, false, false));
        var wrong = new List<string>();
        var seen = 0;
        foreach (var document in Documents)
        {
            foreach (Match block in ConsoleBlock().Matches(File.ReadAllText(document)))
            {
                foreach (Match line in Command().Matches(block.Groups[1].Value))
                {
                    seen++;
                    var words = line.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    var command = (System.CommandLine.Command)root;
                    var at = 0;
                    while (at < words.Length && command.Subcommands.FirstOrDefault(c => c.Name == words[at]) is { } next) (command, at) = (next, at + 1);
                    if (command.Subcommands.Count > 0) wrong.Add($"{Name(document)}: {line.Value.Trim()}");
                    foreach (var option in words.Skip(at).Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(word => word.Split('=')[0]))
                        if (!command.Options.Concat(root.Options.Where(o => o.Recursive)).Any(o => o.Name == option || o.Aliases.Contains(option))) wrong.Add($"{Name(document)}: {line.Value.Trim()} has no {option}");
                }
            }
        }

        Assert.True(seen > 30, $"only {seen} commands were found");
        Assert.Empty(wrong);
    }

    [Fact]
    public void Pictures_are_small_and_shown_somewhere()
    {
        var all = string.Concat(Documents.Select(File.ReadAllText));
        foreach (var picture in Directory.Exists(Path.Combine(Golden.Root, "docs", "images")) ? Directory.GetFiles(Path.Combine(Golden.Root, "docs", "images")) : [])
        {
            Assert.True(new FileInfo(picture).Length <= MostOfAPicture, $"{Name(picture)} has {new FileInfo(picture).Length} bytes");
            Assert.Contains(Path.GetFileName(picture), all, StringComparison.Ordinal);
        }
    }

    private static string Name(string file) => Path.GetRelativePath(Golden.Root, file).Replace('\\', '/');

    // As hosts of repositories make them: lower case, no punctuation, a hyphen for a space.
    private static HashSet<string> Headings(string file) =>
        [.. Heading().Matches(File.ReadAllText(file)).Select(match => NoAnchor().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NoAnchor();

    [GeneratedRegex("```console\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ConsoleBlock();

    [GeneratedRegex(@"^\$ (?:\./dev run|demarc) ([^#|>&\n""]*)", RegexOptions.Multiline)]
    private static partial Regex Command();
}
