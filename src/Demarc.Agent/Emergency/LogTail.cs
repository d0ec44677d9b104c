using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Demarc.Agent.Emergency;

/// <summary>
/// The end of a log for somebody else's eyes. What a line may show is a list, not a filter: its time and level, and words of plain lower-case letters, and numbers;
/// everything else, such as names, paths, addresses, texts in quotes and whatever was made of random bytes, becomes a dot.
/// </summary>
internal static partial class LogTail
{
    private const int MaxBytes = 256 * 1024;
    private const int MaxLine = 400;

    /// <summary>The last lines of a file, redacted; none when there is no such file.</summary>
    public static ImmutableArray<string> Of(string path, int lines)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > MaxBytes) file.Seek(-MaxBytes, SeekOrigin.End);
            using var reader = new StreamReader(file, Encoding.UTF8);
            var all = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return [.. all.TakeLast(lines).Select(Redact)];
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <summary>A line with what may be shown of it.</summary>
    public static string Redact(string line)
    {
        if (line.Length > MaxLine) line = line[..MaxLine];
        // In quotes stands what somebody else has written.
        line = Quoted().Replace(line, "·");
        return string.Join(' ', line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(word => Plain().IsMatch(word) ? word : "·"));
    }

    [GeneratedRegex("\"[^\"]*\"?|'[^']*'?")]
    private static partial Regex Quoted();

    // A time, a level in capitals, a word of the engine's own, a number with a unit.
    [GeneratedRegex(@"^(\d{4}-\d\d-\d\dT[0-9:.]{5,20}Z?|\d\d:\d\d:\d\d(\.\d+)?Z?|[A-Z]{3,5}|\(?[A-Za-z]?[a-z]{0,14}[,.:;)]?|-?\d{1,9}(\.\d{1,6})?(ms|s|%|MiB|KiB|GiB|B)?[,.:;)]?)$")]
    private static partial Regex Plain();
}
