using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Demarc.Bench.Engine;

/// <summary>
/// PostgreSQL with pgvector on the same rows and queries, asked by its own <c>pgbench</c> with prepared statements: a server of
/// its own in a temporary folder, on a socket. What is missing here is said, and the bench goes on without it.
/// </summary>
internal sealed class PgvectorPeer : IDisposable
{
    private const int Keep = 10;
    private static readonly string[] Settings = ["shared_buffers=2GB", "maintenance_work_mem=2GB", "max_parallel_maintenance_workers=1", "jit=off", "listen_addresses="];

    private readonly string programs;
    private readonly string folder;

    private PgvectorPeer(string programs, string folder) => (this.programs, this.folder) = (programs, folder);

    /// <summary>Loads and indexes the rows; null, with the reason told, where that cannot be done.</summary>
    public static async Task<PgvectorPeer?> StartAsync(float[] rows, float[] queries, int dimension)
    {
        var control = Directory.Exists("/usr/share/postgresql") ? Directory.EnumerateFiles("/usr/share/postgresql", "vector.control", SearchOption.AllDirectories).Order().LastOrDefault() : null;
        if (control is null)
        {
            Console.WriteLine("  pgvector: not measured, PostgreSQL's extension vector is not installed (Debian: postgresql-17-pgvector)");
            return null;
        }

        var version = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(control)!)!);
        var peer = new PgvectorPeer($"/usr/lib/postgresql/{version}/bin", Measure.Folder());
        try
        {
            await peer.ServeAsync();
            await peer.LoadAsync(rows, queries, dimension);
            return peer;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Console.WriteLine($"  pgvector: not measured ({e.Message})");
            peer.Dispose();
            return null;
        }
    }

    /// <summary>The smallest ef_search that reaches the recall.</summary>
    /// <param name="truth">The ids of the nearest of each query.</param>
    /// <param name="recall">The share of them to be found.</param>
    public async Task<(int Ef, double Recall)> TuneAsync(int[][] truth, double recall)
    {
        for (var ef = Keep; ; ef += Math.Max(2, ef / 10))
        {
            var answer = await SqlAsync($"SET hnsw.ef_search = {ef}; SELECT q.id, i.id FROM queries q CROSS JOIN LATERAL (SELECT id FROM items ORDER BY v <-> q.v LIMIT {Keep}) i");
            var found = answer.Split('\n').Select(l => l.Split('|')).Where(l => l.Length == 2).Count(l => truth[Number(l[0])].Contains(Number(l[1])));
            var reached = found / (double)(truth.Length * Keep);
            if (reached >= recall || ef > 900)
            {
                return (ef, reached);
            }
        }
    }

    /// <summary>Queries a second of so many clients.</summary>
    public async Task<double> RateAsync(int clients, int ef, int queries, double seconds)
    {
        var script = Path.Combine(folder, "query.sql");
        await File.WriteAllTextAsync(script, $"\\set id random(0, {queries - 1})\nSELECT id FROM items ORDER BY v <-> (SELECT v FROM queries WHERE id = :id) LIMIT {Keep};\n");
        var time = Math.Max(1, (int)seconds).ToString(CultureInfo.InvariantCulture);
        var count = clients.ToString(CultureInfo.InvariantCulture);
        var said = await RunAsync("pgbench", ["-n", "-M", "prepared", "-c", count, "-j", count, "-T", time, "-f", script, "-h", folder, "postgres"], ("PGOPTIONS", $"-c hnsw.ef_search={ef}"));
        var line = said.Split('\n').First(l => l.StartsWith("tps = ", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        try
        {
            RunAsync("pg_ctl", ["-D", Path.Combine(folder, "data"), "-m", "immediate", "stop"]).GetAwaiter().GetResult();
        }
        catch (InvalidOperationException)
        {
            // It never ran.
        }

        Directory.Delete(folder, recursive: true);
    }

    private async Task ServeAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            // PostgreSQL does not run as root.
            await StartAsync("chown", ["postgres", folder]);
        }

        var data = Path.Combine(folder, "data");
        await RunAsync("initdb", ["-D", data, "-A", "trust", "-E", "UTF8"]);
        var options = string.Join(' ', Settings.Select(s => $"-c {s}").Append($"-k {folder}"));
        await RunAsync("pg_ctl", ["-D", data, "-w", "-l", Path.Combine(folder, "log"), "-o", options, "start"]);
    }

    private async Task LoadAsync(float[] rows, float[] queries, int dimension)
    {
        await SqlAsync($"CREATE EXTENSION vector; CREATE TABLE items (id int PRIMARY KEY, v vector({dimension})); CREATE TABLE queries (id int PRIMARY KEY, v vector({dimension}))");
        await CopyAsync("items", rows, dimension);
        await CopyAsync("queries", queries, dimension);
        await SqlAsync("ALTER TABLE items ALTER COLUMN v SET STORAGE PLAIN; CREATE INDEX ON items USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 200); VACUUM ANALYZE items; VACUUM ANALYZE queries".Split("; "));
    }

    private async Task CopyAsync(string table, float[] values, int dimension)
    {
        var file = Path.Combine(folder, table + ".copy");
        await using (var writer = new StreamWriter(file))
        {
            var line = new StringBuilder();
            for (var row = 0; row < values.Length / dimension; row++)
            {
                line.Clear().Append(CultureInfo.InvariantCulture, $"{row}\t[").AppendJoin(',', values.AsSpan(row * dimension, dimension).ToArray().Select(v => v.ToString(CultureInfo.InvariantCulture))).Append(']');
                await writer.WriteLineAsync(line);
            }
        }

        await SqlAsync($"\\copy {table} FROM '{file}'");
        File.Delete(file);
    }

    private Task<string> SqlAsync(params string[] statements) =>
        RunAsync("psql", ["-v", "ON_ERROR_STOP=1", "-q", "-At", "-h", folder, "-d", "postgres", .. statements.SelectMany(s => (string[])["-c", s])]);

    private Task<string> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var path = Path.Combine(programs, program);
        return Environment.IsPrivilegedProcess
            ? StartAsync("runuser", ["-u", "postgres", "--", "env", .. environment.Select(e => $"{e.Name}={e.Value}"), path, .. arguments])
            : StartAsync("env", [.. environment.Select(e => $"{e.Name}={e.Value}"), path, .. arguments]);
    }

    private async Task<string> StartAsync(string program, string[] arguments)
    {
        // A server that is started would keep our pipes open: what it says goes to a file.
        var output = Path.Combine(folder, "output");
        var start = new ProcessStartInfo("sh", ["-c", "out=$1; shift; exec \"$@\" >\"$out\" 2>&1", "sh", output, program, .. arguments]) { WorkingDirectory = folder };
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        var said = await File.ReadAllTextAsync(output);
        return process.ExitCode == 0 ? said : throw new InvalidOperationException($"{program}: {said.Trim().Split('\n')[^1]}");
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
