using System.Globalization;
using System.Text;

namespace Demarc.Live.Instances;

/// <summary>
/// The cases of the official suite that fail, each with its reason; the list only shrinks. A line is file, name and reason,
/// between tabs; lines that begin with # say how many cases there are in all.
/// </summary>
public sealed class ConformanceGolden
{
    /// <summary>What is written for a case whose reason somebody still has to find.</summary>
    public const string NoReason = "reason?";

    private const string Count = "# cases: ";
    private readonly SortedDictionary<(string File, string Name), string> reasons = new(Comparer<(string File, string Name)>.Create(InOrder));

    /// <summary>How many cases the suite had when this was written.</summary>
    public int Cases { get; private init; }

    /// <summary>How many of them fail.</summary>
    public int Failing => reasons.Count;

    public static ConformanceGolden Read(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var golden = new ConformanceGolden
        {
            Cases = lines.FirstOrDefault(l => l.StartsWith(Count, StringComparison.Ordinal)) is { } count ? int.Parse(count[Count.Length..], CultureInfo.InvariantCulture) : 0,
        };
        foreach (var line in lines.Where(l => l[0] != '#'))
        {
            var parts = line.Split('\t');
            if (parts.Length != 3) throw new FormatException($"not a file, a name and a reason between tabs: {line}");
            golden.reasons.Add((parts[0], parts[1]), parts[2]);
        }

        return golden;
    }

    /// <summary>What is not as the list says; empty when all is.</summary>
    public IReadOnlyList<string> Differences(IReadOnlyList<SuiteCase> ran)
    {
        var found = new List<string>();
        if (ran.Count < Cases) found.Add($"only {ran.Count} of {Cases} cases ran");
        var results = Results(ran);
        foreach (var (key, one) in results.Where(r => !r.Value.Passed && !reasons.ContainsKey(r.Key))) found.Add($"fails and is not listed: {key.File}: {key.Name}\n{Short(one.Why)}");
        foreach (var (key, reason) in reasons)
        {
            if (!results.TryGetValue(key, out var one)) found.Add($"is listed and did not run: {key.File}: {key.Name}");
            else if (one.Passed) found.Add($"passes and is listed: {key.File}: {key.Name}");
            if (reason.Trim() is "" or NoReason) found.Add($"is listed without a reason: {key.File}: {key.Name}");
        }

        return found;
    }

    /// <summary>The list as it is after a run, with the reasons that are known.</summary>
    public string Rewritten(IReadOnlyList<SuiteCase> ran)
    {
        var results = Results(ran);
        var failing = results.Where(r => !r.Value.Passed).Select(r => r.Key).Order(Comparer<(string File, string Name)>.Create(InOrder)).ToList();
        var text = new StringBuilder();
        text.Append("# The cases of the official Node SDK's own test files (milvus-sdk-node ").Append(NodeSdkSuite.Version).Append(", test/grpc) that fail against demarc-engine,\n");
        text.Append("# with the reason of each. The list only shrinks; `./dev live` holds the engine to it, DEMARC_ACCEPT=1 writes it anew.\n");
        text.Append(Count).Append(ran.Count.ToString(CultureInfo.InvariantCulture)).Append('\n');
        text.Append("# failing: ").Append(failing.Count.ToString(CultureInfo.InvariantCulture)).Append('\n');
        foreach (var key in failing) text.Append(key.File).Append('\t').Append(key.Name).Append('\t').Append(reasons.GetValueOrDefault(key, NoReason)).Append('\n');
        return text.ToString();
    }

    /// <summary>By name; of cases that share one, the first that fails speaks for all.</summary>
    private static Dictionary<(string File, string Name), SuiteCase> Results(IReadOnlyList<SuiteCase> ran) =>
        ran.GroupBy(c => (c.File, c.Name)).ToDictionary(g => g.Key, g => g.FirstOrDefault(c => !c.Passed) ?? g.First());

    private static string Short(string why) => why.Length <= 600 ? why : why[..600] + " …";

    private static int InOrder((string File, string Name) a, (string File, string Name) b) =>
        string.CompareOrdinal(a.File, b.File) is var files and not 0 ? files : string.CompareOrdinal(a.Name, b.Name);
}
