using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Demarc.Agent.Local;

/// <summary>Asks the engine program which Milvus version it serves.</summary>
internal static partial class EngineVersions
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>The versions; none when there is no such program or it does not say.</summary>
    public static async Task<ImmutableArray<string>> AskAsync(string engine, CancellationToken stop)
    {
        if (!File.Exists(engine)) return [];
        using var process = new Process { StartInfo = new ProcessStartInfo(engine, "--version") { RedirectStandardOutput = true, UseShellExecute = false } };
        process.StartInfo.Environment.Remove("DEMARC_JOIN");
        try
        {
            if (!process.Start()) return [];
            var text = await process.StandardOutput.ReadToEndAsync(stop).WaitAsync(Patience, TimeProvider.System, stop);
            return Words().Match(text) is { Success: true } match ? [match.Groups[1].Value] : [];
        }
        catch (Exception unanswered) when (unanswered is System.ComponentModel.Win32Exception or TimeoutException or IOException)
        {
            return [];
        }
    }

    [GeneratedRegex(@"\(Milvus ([0-9.]{1,20}) protocol\)")]
    private static partial Regex Words();
}
