using System.Text;

namespace Demarc.Tests.House;

/// <summary>
/// Compares with a file under contract/ that people read in review. <c>./dev accept</c> rewrites it; a test run never does.
/// </summary>
internal static class Golden
{
    /// <summary>The root of this repository.</summary>
    public static string Root { get; } = FindRoot();

    public static void Check(string name, string text)
    {
        var file = Path.Combine(Root, "contract", name);
        text = text.ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("DEMARC_ACCEPT") == "1")
        {
            File.WriteAllText(file, text, new UTF8Encoding(false));
            return;
        }

        Assert.True(File.Exists(file), $"contract/{name} is missing: run ./dev accept and read what it wrote.");
        var expected = File.ReadAllText(file);
        if (expected == text) return;
        var difference = expected.Split('\n').Zip(text.Split('\n')).Select((pair, line) => (pair.First, pair.Second, line)).FirstOrDefault(p => p.First != p.Second);
        Assert.Fail($"contract/{name} differs at line {difference.line + 1}:\n  - {difference.First}\n  + {difference.Second}\nIf that is meant, run ./dev accept and read the difference.");
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Demarc.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run outside their repository.");
    }
}
