using System.Globalization;
using System.Runtime.CompilerServices;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Ledger;

/// <summary>
/// All ledgers of one plane in one SQLite file: WAL with a full flush per commit, one writing connection. An entry's row number is its
/// environment's number and its position, so that ranges are neighbours on disk; its tree nodes stand in the same row, so that an entry
/// and the nodes it completes cannot come apart.
/// </summary>
public sealed class SqliteLedgerStore : ILedgerStore
{
    private const int PositionBits = 40;
    private readonly string readers;
    private readonly SqliteConnection writer;
    private readonly SqliteLedgerWriter writing;
    private readonly Lock gate = new();

    private SqliteLedgerStore(string readers, SqliteConnection writer)
    {
        this.readers = readers;
        this.writer = writer;
        writing = new SqliteLedgerWriter(writer);
    }

    /// <summary>Opens or creates the file. Refuses one that a newer version has written.</summary>
    public static SqliteLedgerStore Open(string path)
    {
        // The log beside it takes over the mode of the file: what members may not read of each other is nobody else's business either.
        if (!File.Exists(path)) File.Open(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        var writer = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false }.ToString());
        try
        {
            writer.Open();
            SqliteLedgerSchema.Prepare(writer, path);
        }
        catch
        {
            writer.Dispose();
            throw;
        }

        var readers = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = true };
        return new SqliteLedgerStore(readers.ToString(), writer);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsAsync(CancellationToken cancellation) =>
        List("SELECT id FROM environment ORDER BY number", EnvironmentOf);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<EnvironmentId>> EnvironmentsOfAsync(string readerId, CancellationToken cancellation) =>
        List("SELECT e.id FROM member m JOIN environment e ON e.number = m.environment WHERE m.key = $key ORDER BY e.number", EnvironmentOf, ("$key", readerId));

    /// <inheritdoc/>
    public ValueTask<LedgerHead?> HeadAsync(EnvironmentId environment, CancellationToken cancellation)
    {
        using var connection = Reader();
        using var command = Command(connection, "SELECT size, checkpoint, countersigned_size, countersigned FROM environment WHERE id = $id", ("$id", environment.Value));
        using var row = command.ExecuteReader();
        if (!row.Read()) return ValueTask.FromResult<LedgerHead?>(null);
        var countersigned = row.IsDBNull(2) ? null : new Countersigned(row.GetInt64(2), row.GetString(3));
        return ValueTask.FromResult<LedgerHead?>(new LedgerHead(row.GetInt64(0), row.GetString(1), countersigned));
    }

    /// <inheritdoc/>
    public ValueTask CommitAsync(IReadOnlyList<LedgerWrite> writes, CancellationToken cancellation)
    {
        lock (gate) writing.Commit(writes);
        return ValueTask.CompletedTask;
    }

    /// <summary>Gives up the entries from a size on, by an operator's decision, in favour of the history that the other side holds. What is given up must have been kept elsewhere.</summary>
    public void SetBack(EnvironmentId environment, long size, string checkpoint)
    {
        lock (gate) writing.SetBack(environment, size, checkpoint);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(EnvironmentId environment, long first, long count, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var end = count > long.MaxValue - first ? long.MaxValue : first + count;
        var next = first;
        while (next < end)
        {
            cancellation.ThrowIfCancellationRequested();
            var page = await Page(environment, next, (int)Math.Min(end - next, PlaneLedgerLimits.ReadPage));
            foreach (var entry in page) yield return entry;
            if (page.Count < PlaneLedgerLimits.ReadPage) yield break;
            next += page.Count;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<long?>> FindAsync(IReadOnlyList<EntryName> names, CancellationToken cancellation)
    {
        using var connection = Reader();
        using var command = Command(connection, "SELECT place FROM entry WHERE environment = (SELECT number FROM environment WHERE id = $environment) AND id = $id", ("$environment", ""), ("$id", ""));
        var found = new long?[names.Count];
        for (var i = 0; i < found.Length; i++)
        {
            command.Parameters[0].Value = names[i].Environment.Value;
            command.Parameters[1].Value = names[i].Id;
            if (command.ExecuteScalar() is long place) found[i] = place & ((1L << PositionBits) - 1);
        }

        return ValueTask.FromResult<IReadOnlyList<long?>>(found);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<byte[]>> NodesAsync(EnvironmentId environment, IReadOnlyList<NodeAddress> nodes, CancellationToken cancellation)
    {
        if (nodes.Count == 0) return ValueTask.FromResult<IReadOnlyList<byte[]>>([]);
        using var connection = Reader();
        var start = Start(connection, environment);
        using var command = Command(connection, "SELECT nodes FROM entry WHERE place = $place", ("$place", 0L));
        var hashes = new byte[nodes.Count][];
        for (var i = 0; i < hashes.Length; i++)
        {
            command.Parameters[0].Value = start + nodes[i].LastLeaf;
            var stored = command.ExecuteScalar() as byte[];
            var at = nodes[i].Level * MerkleHash.Size;
            Must.Hold(stored is not null && stored.Length >= at + MerkleHash.Size);
            hashes[i] = stored.AsSpan(at, MerkleHash.Size).ToArray();
        }

        return ValueTask.FromResult<IReadOnlyList<byte[]>>(hashes);
    }

    /// <inheritdoc/>
    public ValueTask NoteAsync(EnvironmentId environment, Notice notice, CancellationToken cancellation)
    {
        lock (gate) writing.Note(environment, notice);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Notice>> NoticesAsync(EnvironmentId environment, CancellationToken cancellation) => List(
        "SELECT at, kind, text FROM notice WHERE environment = (SELECT number FROM environment WHERE id = $id) ORDER BY number DESC",
        row => new Notice(DateTimeOffset.Parse(row.GetString(0), CultureInfo.InvariantCulture), row.GetString(1), row.GetString(2)),
        ("$id", environment.Value));

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (gate)
        {
            writing.Dispose();
            writer.Dispose();
        }

        using var pool = new SqliteConnection(readers);
        SqliteConnection.ClearPool(pool);
        return ValueTask.CompletedTask;
    }

    internal static long Place(long environment, long position) => (environment << PositionBits) | position;

    private static EnvironmentId EnvironmentOf(SqliteDataReader row) => EnvironmentId.Parse(row.GetString(0));

    private static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters) command.Parameters.AddWithValue(name, value);
        return command;
    }

    private static long Start(SqliteConnection connection, EnvironmentId environment)
    {
        using var command = Command(connection, "SELECT number FROM environment WHERE id = $id", ("$id", environment.Value));
        return command.ExecuteScalar() is long number ? Place(number, 0) : throw new BrokenBeliefException($"There is no environment {environment}.");
    }

    private ValueTask<List<byte[]>> Page(EnvironmentId environment, long first, int count)
    {
        using var connection = Reader();
        using var command = Command(
            connection,
            "SELECT envelope FROM entry WHERE place >= $first AND place < $last ORDER BY place LIMIT $count",
            ("$first", Start(connection, environment) + first),
            ("$last", Start(connection, environment) + (1L << PositionBits)),
            ("$count", count));
        using var rows = command.ExecuteReader();
        var page = new List<byte[]>(count);
        while (rows.Read()) page.Add(rows.GetFieldValue<byte[]>(0));
        return ValueTask.FromResult(page);
    }

    private ValueTask<IReadOnlyList<T>> List<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using var connection = Reader();
        using var command = Command(connection, sql, parameters);
        using var rows = command.ExecuteReader();
        var list = new List<T>();
        while (rows.Read()) list.Add(read(rows));
        return ValueTask.FromResult<IReadOnlyList<T>>(list);
    }

    private SqliteConnection Reader()
    {
        var connection = new SqliteConnection(readers);
        connection.Open();
        return connection;
    }
}
