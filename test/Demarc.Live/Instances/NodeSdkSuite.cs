using System.Globalization;
using System.Text.Json;

namespace Demarc.Live.Instances;

/// <summary>One case of the official suite and how it went.</summary>
public sealed record SuiteCase(string File, string Name, bool Passed, string Why);

/// <summary>
/// The test files of the official Node SDK, from a checkout that is not part of this repository, run as they are. They name
/// Milvus's usual ports; a preloaded script leads those to the ports that the system gave. Another makes their chance the same each time.
/// </summary>
public static class NodeSdkSuite
{
    /// <summary>The release whose files the golden speaks of.</summary>
    public const string Version = "3.0.3";

    /// <summary>How one gets it.</summary>
    public const string HowTo =
        "set DEMARC_LIVE_NODE_SDK to a checkout: git clone https://github.com/milvus-io/milvus-sdk-node && cd milvus-sdk-node && " +
        "git checkout cf62b33912f9813c27704d2176217c036f0514fe && npm install --ignore-scripts";

    /// <summary>What a file is listed under that does not even begin.</summary>
    public const string WholeFile = "(the file does not run)";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    /// <summary>The checkout, or null with the reason why the suite cannot run.</summary>
    public static (string? Folder, string Why) Find()
    {
        if (Environment.GetEnvironmentVariable("DEMARC_LIVE_NODE_SDK") is not { Length: > 0 } folder) return (null, HowTo);
        if (!File.Exists(Path.Combine(folder, "package.json"))) return (null, $"{folder} is no checkout of the SDK: {HowTo}");
        using var package = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "package.json")));
        var version = package.RootElement.GetProperty("version").GetString();
        if (version != Version) return (null, $"{folder} has release {version}, the golden speaks of {Version}: {HowTo}");
        return Directory.Exists(Path.Combine(folder, "node_modules", "jest")) ? (folder, "") : (null, $"nothing is installed in {folder}: {HowTo}");
    }

    /// <summary>Runs all files that call a server over gRPC.</summary>
    public static async Task<IReadOnlyList<SuiteCase>> RunAsync(string folder, int enginePort, int bucketPort, string scratch)
    {
        var report = Path.Combine(scratch, "suite.json");
        var own = Path.Combine(Repository.Root, "test", "Demarc.Live", "milvus-node");
        var ran = await Quickstart.RunAsync(
            "node",
            [Path.Combine(folder, "node_modules", "jest", "bin", "jest.js"), "test/grpc", "--json", "--outputFile=" + report, "--maxWorkers=2", "--forceExit", "--setupFilesAfterEnv=" + Path.Combine(own, "chance.cjs")],
            new()
            {
                ["NODE_ENV"] = "dev",
                ["NODE_OPTIONS"] = "--require " + Path.Combine(own, "addresses.cjs"),
                ["DEMARC_ROUTES"] = string.Create(CultureInfo.InvariantCulture, $"19530={enginePort},9000={bucketPort}"),
            },
            folder,
            Patience);
        Assert.True(File.Exists(report), ran.Everything);
        return Read(await File.ReadAllTextAsync(report), folder);
    }

    /// <summary>The cases of jest's report, by file and name.</summary>
    public static IReadOnlyList<SuiteCase> Read(string report, string folder)
    {
        using var document = JsonDocument.Parse(report);
        var cases = new List<SuiteCase>();
        foreach (var file in document.RootElement.GetProperty("testResults").EnumerateArray())
        {
            var name = Path.GetRelativePath(folder, file.GetProperty("name").GetString()!).Replace('\\', '/');
            var results = file.GetProperty("assertionResults").EnumerateArray().ToList();
            if (results.Count == 0) cases.Add(new SuiteCase(name, WholeFile, false, file.GetProperty("message").GetString()!));
            foreach (var one in results)
            {
                var why = string.Join('\n', one.GetProperty("failureMessages").EnumerateArray().Select(m => m.GetString()));
                cases.Add(new SuiteCase(name, OneLine(one.GetProperty("fullName").GetString()!), one.GetProperty("status").GetString() == "passed", why));
            }
        }

        return [.. cases.OrderBy(c => c.File, StringComparer.Ordinal).ThenBy(c => c.Name, StringComparer.Ordinal)];
    }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
