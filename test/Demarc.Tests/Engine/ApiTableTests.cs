using System.Reflection;
using System.Text;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rest;
using Demarc.Engine.Service;

namespace Demarc.Tests.Engine;

/// <summary>The table of docs/engine-api.md, written from the code: what is not in it as served answers that it is not served.</summary>
public class ApiTableTests
{
    // What a served method does not do, or does in a way of its own.
    private static readonly Dictionary<string, string> Partly = new(StringComparer.Ordinal)
    {
        ["CreateCollection"] = "clustering keys are kept and shown, and change nothing",
        ["LoadCollection"] = "one replica; fields asked for are kept, all are held",
        ["LoadPartitions"] = "one replica",
        ["GetReplicas"] = "always one replica on one node",
        ["LoadBalance"] = "one node: nothing to balance, unknown nodes are refused",
        ["Search"] = "namespaces, semantic highlighting, reranking by a model or by XGBoost, chains that filter, select or group, and time travel are refused",
        ["HybridSearch"] = "rankers RRF, weighted and decay; boosts in its parts; reranking by a model and highlighting are refused",
        ["Upsert"] = "namespaces are refused",
        ["Import"] = "JSON and Parquet below the folder of --import-dir; without it refused",
        ["GetImportState"] = "imports since the engine started",
        ["ListImportTasks"] = "imports since the engine started",
        ["Insert"] = "namespaces are refused",
        ["Delete"] = "namespaces are refused",
        ["Query"] = "namespaces are refused; guarantee timestamps need no wait, every read sees all that was acknowledged",
        ["Flush"] = "what is acknowledged is on the disk already; indexes are built over the rows as they are",
        ["FlushAll"] = "as Flush",
        ["GetFlushState"] = "always flushed",
        ["GetFlushAllState"] = "always flushed",
        ["ManualCompaction"] = "runs to its end before it answers; clustering (major) compaction rewrites like any other",
        ["TransferNode"] = "checked, then refused: there is one node",
        ["TransferReplica"] = "checked, then refused: there is one replica",
        ["CreateResourceGroup"] = "kept; the node stays in the default group",
        ["UpdateResourceGroups"] = "kept; the node stays in the default group",
        ["GetMetrics"] = "metric_type system_info; Prometheus figures stand on the metrics port",
        ["BackupRBAC"] = "without password hashes",
        ["RestoreRBAC"] = "roles, grants and groups, and roles of users that exist",
        ["CreateSnapshot"] = "everything acknowledged is in it, flushed or not; files are kept whole until it is dropped, whatever protection is asked for",
        ["RestoreSnapshot"] = "into a new collection; rewrite_data is refused",
        ["GetRestoreSnapshotState"] = "restores since the engine started",
        ["ListRestoreSnapshotJobs"] = "restores since the engine started",
        ["AlterCollectionSchema"] = "functions of type BM25; rows that are there are filled at once, whatever is asked for",
        ["AddCollectionFunction"] = "BM25 is refused, as in Milvus; others are not served",
        ["AlterCollectionFunction"] = "BM25 is refused, as in Milvus; others are not served",
        ["DropCollectionFunction"] = "BM25 is refused, as in Milvus; others are not served",
    };

    private const string Unserved = "`UNIMPLEMENTED`, with the method's name";

    [Fact]
    public void The_table_is_what_the_code_says()
    {
        var listed = File.ReadAllLines(Path.Combine(House.Golden.Root, "contract", "milvus", "rpcs.txt")).Where(l => l.Length > 0 && l[0] != '#').ToList();
        var declared = MilvusService.Descriptor.Methods.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(declared.Except(listed));
        var methods = typeof(MilvusEndpoint).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        var text = new StringBuilder("""
            # What demarc-engine answers

            Written by a test from the code (`./dev accept`). The engine speaks Milvus's gRPC interface and, on the same port, its RESTful interface version 2.
            What is not served is refused by name and never half obeyed. The official Node SDK's own test files run against it in `./dev live` (`./dev help live` says
            what that takes); [contract/engine-conformance.txt](../contract/engine-conformance.txt) lists the cases that fail, each with its reason.

            ## gRPC


            """.ReplaceLineEndings("\n"));
        var (served, partly) = (0, 0);
        var rows = new StringBuilder();
        foreach (var name in listed)
        {
            Assert.True(!declared.Contains(name) || methods.Contains(name), $"{name} is declared in contract/milvus and nobody answers it");
            var how = Partly.GetValueOrDefault(name);
            Assert.True(how is null || methods.Contains(name), $"{name} has a note on how it is served, and is not");
            var state = !methods.Contains(name) ? "refused" : how is null ? "served" : "partly";
            (served, partly) = (served + (state == "served" ? 1 : 0), partly + (state == "partly" ? 1 : 0));
            rows.Append("| ").Append(name).Append(" | ").Append(state).Append(" | ").Append(how ?? (state == "refused" ? Unserved : "")).Append(" |\n");
        }

        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"Of {listed.Count} methods {served} are served, {partly} partly, {listed.Count - served - partly} refused.\n\n| method | state | how |\n|---|---|---|\n");
        text.Append(rows).Append("\n## REST\n\n`POST /v2/vectordb/…`, JSON in and out, `Authorization: Bearer user:password`. Everything else under `/v2` is answered 404 with code 3000.\n\n");
        foreach (var path in RestRoutes.Paths)
        {
            text.Append("* `").Append(path).Append("`\n");
        }

        House.Golden.Check("../docs/engine-api.md", text.ToString());
    }
}
