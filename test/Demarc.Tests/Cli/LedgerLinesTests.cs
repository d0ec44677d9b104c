extern alias cli;

using System.Text.Json;
using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using CliLines = cli::Demarc.Cli.Audit.LedgerLines;

namespace Demarc.Tests.Cli;

/// <summary>Exports for other people's programs: every entry one line, nothing in them that a member may not see, and what OCSF requires of each class.</summary>
public sealed class LedgerLinesTests
{
    [Theory]
    [InlineData("jsonl")]
    [InlineData("ocsf")]
    public async Task A_ledger_is_exported_as_lines(string format)
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        await shell.MustAsync("members", "add", Sample.Key(42).Public.KeyId, "--role", "viewer", "--name", "Ann");
        await shell.MustAsync("order", "docs", "--version", "2.6.4", "--no-wait");
        var folder = Path.Combine(shell.Folder, "lines");
        var ran = await shell.MustAsync("audit", "export", folder, "--format", format);
        Assert.Contains("Lines prove nothing by themselves", ran.Out, StringComparison.Ordinal);
        var lines = (await File.ReadAllLinesAsync(Path.Combine(folder, format == "jsonl" ? "ledger.jsonl" : $"ledger.{format}.jsonl"), TestContext.Current.CancellationToken)).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(6, lines.Count);
        if (format == "jsonl") Plain(lines);
        else Assert.All(lines, Required);
        Assert.Single(Directory.GetFiles(folder));
    }

    /// <summary>The base event's required attributes and each class's own, as its published definition has them.</summary>
    private static void Required(JsonElement line)
    {
        int Number(string name) => line.GetProperty(name).GetInt32();
        Assert.Equal(Number("type_uid"), (Number("class_uid") * 100) + Number("activity_id"));
        Assert.Equal(Number("category_uid"), Number("class_uid") / 1000);
        Assert.InRange(Number("severity_id"), 0, 6);
        Assert.True(line.GetProperty("time").GetInt64() > 1_700_000_000_000);
        Assert.Equal("1.3.0", line.GetProperty("metadata").GetProperty("version").GetString());
        Assert.Equal("Demarc", line.GetProperty("metadata").GetProperty("product").GetProperty("vendor_name").GetString());
        var (own, activities) = Number("class_uid") switch { 3001 => ("user", 11), 3004 => ("entity", 4), 2004 => ("finding_info", 3), var other => throw new InvalidOperationException($"class {other}") };
        Assert.True(line.GetProperty(own).GetProperty("uid").GetString()!.Length > 0);
        Assert.InRange(Number("activity_id"), 1, activities);
    }

    private static void Plain(List<JsonElement> lines)
    {
        Assert.Equal(Enumerable.Range(0, 6), lines.Select(line => line.GetProperty("index").GetInt32()));
        Assert.Equal(["environment.founded", "charter.proposed", "charter.signed", "charter.signed", "member.added", "change.requested"], lines.Select(line => line.GetProperty("kind").GetString()));
        Assert.Equal(("provision", "docs", "vendor"), (lines[5].GetProperty("task").GetString(), lines[5].GetProperty("instance").GetString(), lines[5].GetProperty("by").GetString()));
        Assert.Equal("Ann", lines[4].GetProperty("data").GetProperty("name").GetString());
    }

    [Fact]
    public void What_is_sealed_stays_out_of_lines()
    {
        var world = new Environments.World().Joined();
        world.Carry(Core.Charter.ChangeAction.Create);
        var entry = world.Write(new CredentialIssued(Core.Changes.ChangeId.Parse("c-some"), Environments.World.Docs, "root", "-----BEGIN AGE ENCRYPTED FILE-----"), world.Agent);
        Assert.DoesNotContain("AGE", LinesOf(entry, world.State), StringComparison.Ordinal);
        Assert.Contains(Redaction.Mask, LinesOf(entry, world.State), StringComparison.Ordinal);
    }

    private static string LinesOf(Entry entry, Core.Environments.EnvironmentState state)
    {
        using var folder = new TemporaryFolder();
        return string.Concat(new[] { true, false }.Select(ocsf =>
        {
            CliLines.Write(folder.File("lines"), ocsf, state, [entry.Bytes]);
            return File.ReadAllText(folder.File("lines"));
        }));
    }
}
