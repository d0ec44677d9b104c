using System.Globalization;
using System.Text;
using Demarc.Agent.Local;

namespace Demarc.Agent.Monitoring;

/// <summary>
/// The last frames in clear, so that yesterday can be looked at: files of lines for their owner's eyes alone, the oldest deleted as new ones begin. A
/// frame is written here before the transport has it. A disk that takes no line ends the agent: what cannot be shown does not leave.
/// </summary>
public sealed class EgressMirror : IDisposable
{
    private const string Prefix = "frames-";
    private const string Suffix = ".jsonl";
    private readonly string folder;
    private readonly int fileBytes;
    private readonly int files;
    private FileStream current;
    private long number;

    /// <summary>Goes on behind the newest file there is.</summary>
    public EgressMirror(string folder, int fileBytes = EgressWatchLimits.FileBytes, int files = EgressWatchLimits.Files)
    {
        this.folder = folder;
        this.fileBytes = fileBytes;
        this.files = files;
        PrivateDisk.EnsureFolder(folder);
        number = Numbers().DefaultIfEmpty(0).Max();
        current = Open();
        // A line that a crash cut short is ended, so that the next one stands alone.
        if (current.Length > 0) current.WriteByte((byte)'\n');
    }

    /// <summary>Writes a line.</summary>
    public void Write(string line)
    {
        if (current.Length >= fileBytes)
        {
            current.Dispose();
            number++;
            current = Open();
            foreach (var old in Numbers().Where(n => n <= number - files).ToList()) File.Delete(Name(old));
        }

        current.Write(Encoding.UTF8.GetBytes(line + "\n"));
        current.Flush();
    }

    /// <summary>All lines there are, oldest first.</summary>
    public IEnumerable<string> Read()
    {
        foreach (var one in Numbers().Order().ToList())
        {
            using var file = TryRead(Name(one));
            if (file is null) continue;
            using var reader = new StreamReader(file, Encoding.UTF8);
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith('{') && line.EndsWith('}')) yield return line;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => current.Dispose();

    private FileStream Open() => PrivateDisk.Open(Name(number), FileMode.Append, FileAccess.Write, FileShare.ReadWrite);

    private string Name(long n) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{n:D6}{Suffix}"));

    // Deleted as new ones begin, perhaps while somebody reads on.
    private static FileStream? TryRead(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private IEnumerable<long> Numbers()
    {
        foreach (var file in Directory.EnumerateFiles(folder, Prefix + "*" + Suffix))
        {
            if (long.TryParse(Path.GetFileName(file).AsSpan()[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var n)) yield return n;
        }
    }
}
