using System.Text.RegularExpressions;

namespace Demarc.Tests.House;

/// <summary>Rules of the house that can be read off the files themselves.</summary>
public sealed partial class SourceRuleTests
{
    private const int MaxFileLines = 500;
    private const int MaxMethodLines = 70;

    // One name for one feature, in every project: who looks for recovery finds Recovery everywhere.
    private static readonly string[] Features =
    [
        "Network", "Machines", "Cluster", "Bucket", "Instances", "Upgrades", "Patches", "Scaling", "Identity", "Access", "Recovery", "Sla", "Logs", "Audit",
        "Monitoring", "Emergency", "Charter", "Ledger", "Changes", "Agents", "Environments",
    ];

    [Fact]
    public void Features_have_one_name_in_every_project()
    {
        var exceptions = new Exceptions("folder");
        foreach (var file in Sources.Code.Where(f => f.StartsWith("src/", StringComparison.Ordinal)))
        {
            var parts = file.Split('/');
            if (parts.Length < 4 || parts[1] is "Demarc.Engine" or "Demarc.Protocol") continue;
            var own = parts[1] switch { "Demarc.Agent" => new[] { "Local", "Kubernetes", "Aws" }, "Demarc.Plane" => ["Console"], _ => [] };
            if (!Features.Contains(parts[2]) && !own.Contains(parts[2])) exceptions.Broken($"{parts[1]}/{parts[2]}", "is not a feature's name");
        }

        exceptions.Check();
    }

    [Fact]
    public void Files_and_methods_stay_readable()
    {
        var exceptions = new Exceptions("size");
        foreach (var file in Sources.Code)
        {
            var lines = Sources.Text(file).Split('\n');
            if (lines.Length > MaxFileLines) exceptions.Broken(file, $"has {lines.Length} lines, at most {MaxFileLines} are allowed");
            foreach (var (name, length) in Methods(lines).Where(m => m.Length > MaxMethodLines))
                exceptions.Broken($"{file} {name}", $"has {length} lines, at most {MaxMethodLines} are allowed");
        }

        exceptions.Check();
    }

    [Fact]
    public void The_scanner_sees_a_method_s_name_and_length()
    {
        string[] code = ["class A", "{", "    int One(int a) => a;", "", "    static void Two(", "        int a)", "    {", "        if (a > 0)", "        {", "        }", "    }", "}"];
        Assert.Equal([("Two", 7)], Methods(code));
    }

    [Fact]
    public void Nothing_is_left_for_later()
    {
        var exceptions = new Exceptions("later");
        foreach (var file in Sources.Code.Where(f => Later().IsMatch(Sources.Text(f)))) exceptions.Broken(file, "leaves something for later: do it, or open an issue");
        exceptions.Check();
    }

    [Fact]
    public void Banned_symbols_stay_banned()
    {
        var exceptions = new Exceptions("banned");
        foreach (var file in Sources.All.Where(f => f.EndsWith(".cs", StringComparison.Ordinal) && Suppression().IsMatch(Sources.Text(f)))) exceptions.Broken(file, "switches the ban of clocks, ids and randomness off");
        foreach (var file in Sources.All.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".csproj", StringComparison.Ordinal)))
            if (Sources.Text(file).Contains("RS0030", StringComparison.Ordinal)) exceptions.Broken(file, "switches the ban off for a whole project");
        exceptions.Check();
    }

    [Fact]
    public void No_source_names_a_folder_of_somebody_s_machine()
    {
        var exceptions = new Exceptions("path");
        foreach (var file in Sources.All.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && !IsBinary(f)))
            if (MachinePath().Match(Sources.Text(file)) is { Success: true } match) exceptions.Broken(file, $"names {match.Value}…");
        exceptions.Check();
    }

    [Fact]
    public void Every_dependency_says_what_it_is_for_and_its_licence()
    {
        var versions = File.ReadAllLines(Path.Combine(Golden.Root, "Directory.Packages.props")).Where(line => line.Contains("<PackageVersion", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(versions);
        Assert.All(versions, line => Assert.Matches(@"<!-- .{10,}\. (MIT|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|ISC) -->", line));
    }

    // Methods are found by the one layout the formatter knows: the brace of a body stands alone, as deep as its signature.
    private static IEnumerable<(string Name, int Length)> Methods(string[] lines)
    {
        for (var at = 1; at < lines.Length; at++)
        {
            var line = lines[at].TrimEnd();
            if (line.Trim() != "{" || line.Length is not (5 or 9)) continue;
            var indent = line[..^1];
            var start = at - 1;
            while (start > 0 && lines[start].StartsWith(indent + " ", StringComparison.Ordinal)) start--;
            var signature = Signature().Match(lines[start]);
            if (!signature.Success || lines[start].Length <= indent.Length || lines[start][indent.Length] == ' ' || NotMethod().IsMatch(lines[start])) continue;
            var end = Array.FindIndex(lines, at, l => l.TrimEnd() == indent + "}");
            if (end > 0) yield return (signature.Groups[1].Value, end - start + 1);
        }
    }

    private static bool IsBinary(string file) => Path.GetExtension(file) is ".woff2" or ".png" or ".ico" or ".gz" or ".bin";

    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME)\b")]
    private static partial Regex Later();

    [GeneratedRegex(@"(pragma warning disable[^\n]*|SuppressMessage[^\n]*)RS" + "0030")]
    private static partial Regex Suppression();

    [GeneratedRegex(@"(?<![\w.$}])/(work|tmp|home|root|Users)/\w")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"(\w+)(<[^(]*>)?\(")]
    private static partial Regex Signature();

    [GeneratedRegex(@"^\s*(if|for|foreach|while|switch|using|lock|else|try|catch|return|var)\b|\b(class|record|struct|interface|enum)\b|=\s*new|=>|\bswitch$")]
    private static partial Regex NotMethod();
}
