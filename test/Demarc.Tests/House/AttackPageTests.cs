using System.Text.RegularExpressions;

namespace Demarc.Tests.House;

/// <summary>docs/attacks.md promises a test for every attack: each one it names must be there.</summary>
public sealed partial class AttackPageTests
{
    [Fact]
    public void Every_attack_names_a_test_that_exists()
    {
        var page = File.ReadAllText(Path.Combine(Golden.Root, "docs", "attacks.md"));
        var named = Named().Matches(page).Select(match => (Class: match.Groups[1].Value, Method: match.Groups[2].Value)).Distinct().ToList();
        Assert.True(named.Count > 25, $"the page names {named.Count} tests");
        Assert.All(page.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| attack", StringComparison.Ordinal)), line => Assert.Matches(Named(), line));
        var files = Sources.Code.ToLookup(file => Path.GetFileNameWithoutExtension(file), Sources.Text);
        Assert.All(named, test => Assert.Contains(files[test.Class], text => Regex.IsMatch(text, $@"public (async Task|void) {test.Method}\(")));
    }

    [GeneratedRegex(@"`(\w+)\.(\w+)`")]
    private static partial Regex Named();
}
