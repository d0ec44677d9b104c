using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Demarc.Agent.Emergency;

/// <summary>
/// The end of a log for somebody else's eyes. What a line may show is a list, not a filter: its time and level, numbers, and the words that the engine's own
/// messages are made of; everything else, such as names, paths, addresses, texts in quotes and whatever was made of random bytes, becomes a dot.
/// </summary>
public static partial class LogTail
{
    private static readonly FrozenSet<string> Words = (
        "a acknowledged address again an and anyone are at away be been by bytes can change checkpoint code collection collections count credential cut data database dropped end engine entries "
        + "error failed file files first for found frame frames from full give goes half-written health healthy id in index instance is it its last limit listening load loaded lock log login logins long "
        + "machine memory metrics method missing never new no not of on only opened or out panic peer port process read ready recovered refused replayed rows segment serves set signal slow started starting "
        + "state stopped stopping swap taken that the this time timeout to too tried user users wait waiting was were will with without write writes written wrong yet").Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

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
        return string.Join(' ', line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries).Select(word => Plain().IsMatch(word) || Words.Contains(word.Trim('(', ')', ',', '.', ':', ';')) ? word : "·"));
    }

    [GeneratedRegex("\"[^\"]*\"?|'[^']*'?")]
    private static partial Regex Quoted();

    // A time, a level in capitals, a number with a unit.
    [GeneratedRegex(@"^(\d{4}-\d\d-\d\dT[0-9:.]{5,20}Z?|\d\d:\d\d:\d\d(\.\d+)?Z?|TRACE|DEBUG|INFO|WARN|ERROR|FATAL|-?\d{1,9}(\.\d{1,6})?(ms|s|%|MiB|KiB|GiB|B)?[,.:;)]?)$")]
    private static partial Regex Plain();
}
