using System.Diagnostics;
using System.Text;
using Demarc.Engine.Buckets;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Measures;

/// <summary>What the engine counts, under Milvus's names where Milvus counts the same, so that existing dashboards work.</summary>
internal sealed class EngineMetrics(TimeProvider time)
{
    private const string Node = "node_id=\"1\"";
    private const string Database = Node + ",db_name=\"default\"";
    private readonly Family requests = new("milvus_proxy_req_count", "counter", "Requests, by function and outcome.");
    private readonly LatencyFamily requestLatency = new("milvus_proxy_req_latency", "Time of a request in milliseconds.");
    private readonly LatencyFamily readLatency = new("milvus_proxy_sq_latency", "Time of a search or query in milliseconds.");
    private readonly LatencyFamily writeLatency = new("milvus_proxy_mutation_latency", "Time of an insert, delete or upsert in milliseconds, the disk included.");
    private readonly Family inserted = new("milvus_proxy_insert_vectors_count", "counter", "Rows inserted.");
    private readonly Family upserted = new("milvus_proxy_upsert_vectors_count", "counter", "Rows upserted.");
    private readonly Family deleted = new("milvus_proxy_delete_vectors_count", "counter", "Rows deleted.");
    private readonly Family searched = new("milvus_proxy_search_vectors_count", "counter", "Query vectors searched.");
    private readonly Family slow = new("milvus_proxy_slow_query_count", "counter", "Requests that took longer than --slow-ms.");
    private readonly Family logins = new("milvus_proxy_auth_failures", "counter", "Logins refused.");

    public long Begin() => time.GetTimestamp();

    /// <summary>Counts a request and says how long it took.</summary>
    public TimeSpan End(string function, long begun, bool succeeded)
    {
        var elapsed = time.GetElapsedTime(begun);
        requests.Add($"{Database},function_name=\"{function}\",status=\"total\"");
        requests.Add($"{Database},function_name=\"{function}\",status=\"{(succeeded ? "success" : "fail")}\"");
        requestLatency.Observe($"{Node},function_name=\"{function}\"", elapsed);
        switch (function)
        {
            case "Search" or "Query":
                readLatency.Observe($"{Node},query_type=\"{(function == "Search" ? "search" : "query")}\"", elapsed);
                break;
            case "Insert" or "Upsert" or "Delete":
                writeLatency.Observe($"{Node},msg_type=\"{(function == "Insert" ? "insert" : function == "Upsert" ? "upsert" : "delete")}\"", elapsed);
                break;
            default:
                break;
        }

        return elapsed;
    }

    public void Slow(string function) => slow.Add($"{Node},function_name=\"{function}\"");

    public void Inserted(long rows) => inserted.Add(Database, rows);

    public void Upserted(long rows) => upserted.Add(Database, rows);

    public void Deleted(long rows) => deleted.Add(Database, rows);

    public void Searched(long vectors) => searched.Add(Database, vectors);

    public void LoginRefused() => logins.Add(Node);

    public string Render(Store store, Service.Admission admission, EngineBucket? bucket)
    {
        var text = new StringBuilder(16 * 1024);
        foreach (var family in new[] { requests, inserted, upserted, deleted, searched, slow, logins })
        {
            family.Write(text);
        }

        foreach (var family in new[] { requestLatency, readLatency, writeLatency })
        {
            family.Write(text);
        }

        var collections = store.State.Collections.ToList();
        var each = new Family("milvus_rootcoord_collection_num", "gauge", "Collections.");
        foreach (var database in store.State.Names.Databases.Keys)
        {
            each.Set($"db_name=\"{database}\"", collections.Count(c => c.Definition.Database == database));
        }

        each.Write(text);
        Gauge(text, "milvus_rootcoord_credential_num", "", "Users.", store.State.Access.Users.Count);
        Gauge(text, "milvus_rootcoord_timestamp", "", "The latest timestamp given out, milliseconds since 1970.", HybridClock.Milliseconds((ulong)store.Clock.Last));
        Gauge(text, "milvus_querynode_collection_num", Node, "Collections loaded.", collections.Count(c => c.Definition.Loaded));
        Gauge(text, "milvus_querynode_entity_num", Node, "Rows that are not deleted.", collections.Sum(c => c.View.LiveRows));
        Gauge(text, "milvus_querynode_segment_num", Node, "Segments.", collections.Sum(c => c.View.Segments.Length));
        Gauge(text, "milvus_querynode_entity_size", Node, "Bytes of memory that rows and keys hold, roughly.", store.State.Bytes);
        Gauge(text, "demarc_engine_damaged_collections", "", "Collections that are refused because a stored file of theirs is damaged.", collections.Count(c => c.Damage is not null));
        Gauge(text, "demarc_engine_log_bytes", "", "Bytes of the log since the last checkpoint began.", store.LogBytes);
        Gauge(text, "demarc_engine_commits_total", "", "Log frames written and synced since the start.", store.Commits, "counter");
        Gauge(text, "demarc_engine_writes_stopped", "", "1 when writes are refused until a restart.", store.Broken is null ? 0 : 1);
        Gauge(text, "demarc_engine_requests_shed_total", "", "Requests turned away because the engine was busy.", admission.Shed, "counter");
        Gauge(text, "demarc_engine_reads_waiting", "", "Searches and queries that wait for a place.", admission.Waiting);
        if (bucket is not null)
        {
            Gauge(text, "demarc_engine_bucket_behind_seconds", "", "For how long the bucket has lacked something that is stored in the data folder.", bucket.Mirror?.Behind.TotalSeconds ?? 0);
            Gauge(text, "demarc_engine_bucket_put_bytes_total", "", "Bytes put into the bucket since the start.", bucket.Files.PutBytes, "counter");
            Gauge(text, "demarc_engine_bucket_fetched_bytes_total", "", "Bytes fetched from the bucket since the start.", bucket.Files.FetchedBytes, "counter");
            Gauge(text, "demarc_engine_cache_bytes", "", "Bytes of segments and indexes in the data folder that the bucket has too, when there is a limit for them.", bucket.Cache?.Bytes ?? 0);
        }

        ProcessFigures(text);
        return text.ToString();
    }

    private static void ProcessFigures(StringBuilder text)
    {
        using var process = Process.GetCurrentProcess();
        Gauge(text, "process_resident_memory_bytes", "", "Resident memory size in bytes.", process.WorkingSet64);
        Gauge(text, "process_virtual_memory_bytes", "", "Virtual memory size in bytes.", process.VirtualMemorySize64);
        Gauge(text, "process_cpu_seconds_total", "", "Total user and system CPU time spent in seconds.", process.TotalProcessorTime.TotalSeconds, "counter");
        Gauge(text, "process_start_time_seconds", "", "Start time of the process since unix epoch in seconds.", new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1000.0);
        Gauge(text, "process_threads", "", "Threads.", process.Threads.Count);
        Gauge(text, "dotnet_gc_heap_size_bytes", "", "Managed heap in bytes.", GC.GetTotalMemory(forceFullCollection: false));
    }

    private static void Gauge(StringBuilder text, string name, string labels, string help, double value, string kind = "gauge")
    {
        var family = new Family(name, kind, help);
        family.Set(labels, value);
        family.Write(text);
    }
}
