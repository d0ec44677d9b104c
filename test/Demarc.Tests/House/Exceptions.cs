namespace Demarc.Tests.House;

/// <summary>
/// Collects what breaks a house rule and compares it with the list of exceptions. The list can only shrink: a line that is no longer needed fails
/// the test as well, and a line without a reason is none.
/// </summary>
internal sealed class Exceptions(string rule)
{
    private readonly SortedDictionary<string, string> broken = new(StringComparer.Ordinal);

    public void Broken(string subject, string why) => broken[subject] = why;

    public void Check()
    {
        var allowed = Lines().Where(line => line[0] == rule).ToList();
        Assert.All(allowed, line => Assert.True(line.Length == 3 && line[2].Length > 10, $"house-exceptions.txt: '{string.Join(" | ", line)}' gives no reason"));
        var names = allowed.Select(line => line[1]).ToHashSet();
        var found = broken.Where(b => !names.Contains(b.Key)).Select(b => $"{b.Key}: {b.Value}").ToList();
        Assert.True(found.Count == 0, $"The rule '{rule}' is broken by:\n  {string.Join("\n  ", found)}");
        var spare = names.Where(name => !broken.ContainsKey(name)).ToList();
        Assert.True(spare.Count == 0, $"contract/house-exceptions.txt names exceptions of '{rule}' that are no longer needed; take them out:\n  {string.Join("\n  ", spare)}");
    }

    private static IEnumerable<string[]> Lines() =>
        File.ReadAllLines(Path.Combine(Golden.Root, "contract", "house-exceptions.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split('|', 3, StringSplitOptions.TrimEntries));
}
