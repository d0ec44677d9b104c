using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace Demarc.Cli.Samples;

/// <summary>A piece of real text: short enough to read, long enough to mean something.</summary>
/// <param name="Source">The file it is from, as people know it, and the heading it stands under.</param>
/// <param name="Text">The text.</param>
internal sealed record Paragraph(string Source, string Text);

/// <summary>
/// Cuts documents into paragraphs. Documents are this project's own, from its repository when the program runs inside one and from the
/// program itself otherwise, and any file or folder a person names. Each item of a list is a paragraph; headings say where it stands; tables and code,
/// which say little by their words, are left out.
/// </summary>
internal static partial class Paragraphs
{
    /// <summary>Longest paragraph, in characters; a longer one is cut at a sentence.</summary>
    private const int MaxLength = 600;

    /// <summary>Shorter ones are joined to the next: a lone line says too little to be found by.</summary>
    private const int MinLength = 60;

    /// <summary>A text file beyond this is a data file.</summary>
    private const int MaxFileBytes = 4 * 1024 * 1024;

    /// <summary>Files taken from one folder, so that a slip such as <c>--text /</c> ends.</summary>
    private const int MaxFiles = 2000;

    /// <summary>Paragraphs in all: what a small instance holds and a person waits for.</summary>
    public const int MaxParagraphs = 20_000;

    /// <summary>Refuses a name that is neither a file nor a folder, before anything is begun.</summary>
    public static void MustExist(IReadOnlyList<string> named)
    {
        if (named.FirstOrDefault(path => !File.Exists(path) && !Directory.Exists(path)) is { } missing)
            throw new CommandFailedException(ExitCodes.NotFound, $"--text '{missing}' is neither a file nor a folder.");
    }

    /// <summary>Everything there is to load, in an order that does not depend on the machine.</summary>
    public static List<Paragraph> Read(IReadOnlyList<string> named)
    {
        MustExist(named);
        var found = new List<Paragraph>();
        foreach (var (source, text) in OwnDocuments()) found.AddRange(Cut(source, text));
        foreach (var path in named)
        {
            if (File.Exists(path)) AddFile(found, path, Path.GetFileName(path));
            else AddFolder(found, path);
        }

        return found.Count <= MaxParagraphs
            ? found
            : throw new CommandFailedException(ExitCodes.Failed, $"The named texts have {found.Count} paragraphs, the sample takes at most {MaxParagraphs}.", "Name fewer files with --text.");
    }

    /// <summary>The paragraphs of one text.</summary>
    public static IEnumerable<Paragraph> Cut(string source, string text)
    {
        var waiting = new StringBuilder();
        var (heading, code) = ("", false);
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.TrimEntries).Append(""))
        {
            var fence = line.StartsWith("```", StringComparison.Ordinal);
            code ^= fence;
            if (code || fence || line.StartsWith('|')) continue;
            var title = Title().Match(line);
            var item = Item().Match(line);
            var ends = title.Success || item.Success || line.Length == 0;
            if (ends && (waiting.Length >= MinLength || title.Success))
            {
                foreach (var piece in Pieces(Plain(waiting.ToString()))) yield return new Paragraph(Under(source, heading), piece);
                waiting.Clear();
            }

            if (title.Success)
            {
                heading = Plain(title.Groups[1].Value);
                continue;
            }

            if (waiting.Length > 0 && line.Length > 0) waiting.Append(' ');
            waiting.Append(line.AsSpan(item.Length));
        }

        foreach (var piece in Pieces(Plain(waiting.ToString()))) yield return new Paragraph(Under(source, heading), piece);
    }

    private static string Under(string source, string heading) => heading.Length == 0 ? source : $"{source} › {heading}";

    /// <summary>Text without the marks of Markdown that a reader does not see.</summary>
    private static string Plain(string text) => Link().Replace(text, "$1").Replace("**", "", StringComparison.Ordinal);

    [GeneratedRegex(@"^#{1,6} +(.{1,120}?)( +#+)?$")]
    private static partial Regex Title();

    [GeneratedRegex(@"^([*+-]|\d{1,3}\.) +")]
    private static partial Regex Item();

    [GeneratedRegex(@"\[([^\]]{1,200})\]\([^)]{1,500}\)")]
    private static partial Regex Link();

    private static IEnumerable<string> Pieces(string text)
    {
        while (text.Length > MaxLength)
        {
            var end = text.LastIndexOfAny(['.', '。', ';'], MaxLength - 1, MaxLength / 2);
            if (end < 0) end = text.LastIndexOf(' ', MaxLength - 1, MaxLength / 2);
            if (end < 0) end = char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 2 : MaxLength - 1;
            yield return text[..(end + 1)].Trim();
            text = text[(end + 1)..].Trim();
        }

        if (text.Length > 0) yield return text;
    }

    private static IEnumerable<(string Source, string Text)> OwnDocuments()
    {
        if (Repository() is { } root)
        {
            var documents = Directory.EnumerateFiles(root, "*.md").ToList();
            if (Directory.Exists(Path.Combine(root, "docs"))) documents.AddRange(Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md", SearchOption.AllDirectories));
            foreach (var path in documents.Order(StringComparer.Ordinal)) yield return (Path.GetRelativePath(root, path), File.ReadAllText(path));
            yield break;
        }

        var program = Assembly.GetExecutingAssembly();
        foreach (var name in program.GetManifestResourceNames().Where(n => n.EndsWith(".md", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(program.GetManifestResourceStream(name)!);
            yield return (name, reader.ReadToEnd());
        }
    }

    private static string? Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Demarc.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder;
    }

    private static void AddFolder(List<Paragraph> found, string path)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden };
        var files = Directory.EnumerateFiles(path, "*", options).Take(MaxFiles + 1).ToList();
        if (files.Count > MaxFiles) throw new CommandFailedException(ExitCodes.Failed, $"--text '{path}' holds more than {MaxFiles} files.", "Name a smaller folder.");
        foreach (var file in files.Order(StringComparer.Ordinal)) AddFile(found, file, Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/", Path.GetFullPath(file)));
    }

    private static void AddFile(List<Paragraph> found, string path, string source)
    {
        if (new FileInfo(path).Length is 0 or > MaxFileBytes) return;
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
            if (!text.Contains('\0', StringComparison.Ordinal)) found.AddRange(Cut(source.Length <= 200 ? source : source[^200..], text));
        }
        catch (DecoderFallbackException)
        {
            // Not text: a folder of documents has pictures too.
        }
    }
}
