using System.Globalization;
using System.Text.Json;
using Demarc.Agent.Local;
using Microsoft.Data.Sqlite;

namespace Demarc.Agent.Ledger;

/// <summary>
/// The agent's disk: one SQLite file with a write-ahead log and full synchronisation, so that what a call has written survives the loss of power
/// when it returns. Used by one thread at a time.
/// </summary>
public sealed class SqliteAgentStore : IAgentStore, IDisposable
{
    private const int SchemaVersion = 1;
    private const string HeadSize = "head.size";
    private const string HeadFrontier = "head.frontier";
    private const string HeadCheckpoint = "head.checkpoint";
    private const string PlaneRefused = "plane.refused";

    private const string Schema = """
        CREATE TABLE entry (at INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
        CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL);
        CREATE TABLE evidence (seq INTEGER PRIMARY KEY AUTOINCREMENT, json TEXT NOT NULL);
        CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        """;

    private readonly SqliteConnection connection;

    /// <summary>Opens the file, or makes it, private to its owner.</summary>
    public SqliteAgentStore(string path)
    {
        if (!File.Exists(path)) PrivateDisk.CreateFile(path);
        connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-2000;");
        var version = (long)Scalar("PRAGMA user_version")!;
        if (version > SchemaVersion) throw new InvalidDataException($"{path} was written by a newer agent (schema {version}, this one knows {SchemaVersion}): use that version, or another data folder.");
        if (version == 0) InTransaction(() => Run(Schema + $"PRAGMA user_version={SchemaVersion};"));
    }

    /// <inheritdoc/>
    public ReplicaHead ReadHead() => new(
        long.Parse(ReadNote(HeadSize) ?? "0", CultureInfo.InvariantCulture),
        Convert.FromBase64String(ReadNote(HeadFrontier) ?? ""),
        ReadNote(HeadCheckpoint));

    /// <inheritdoc/>
    public IEnumerable<ReadOnlyMemory<byte>> ReadEntries(long first)
    {
        using var command = Command("SELECT bytes FROM entry WHERE at >= $first ORDER BY at", ("$first", first));
        using var reader = command.ExecuteReader();
        while (reader.Read()) yield return (byte[])reader.GetValue(0);
    }

    /// <inheritdoc/>
    public void Extend(ReplicaHead head, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, IReadOnlyCollection<string> settled) => InTransaction(() =>
    {
        for (var i = 0; i < entries.Count; i++) Run("INSERT INTO entry (at, bytes) VALUES ($at, $bytes)", ("$at", first + i), ("$bytes", entries[i].ToArray()));
        foreach (var id in settled) Run("DELETE FROM outbox WHERE id = $id", ("$id", id));
        Put(HeadSize, head.Size.ToString(CultureInfo.InvariantCulture));
        Put(HeadFrontier, Convert.ToBase64String(head.Frontier.Span));
        if (head.Checkpoint is { } checkpoint) Put(HeadCheckpoint, checkpoint);
    });

    /// <inheritdoc/>
    public IReadOnlyList<OutboxRow> ReadOutbox()
    {
        var rows = new List<OutboxRow>();
        using var command = Command("SELECT id, bytes FROM outbox ORDER BY seq");
        using var reader = command.ExecuteReader();
        while (reader.Read()) rows.Add(new OutboxRow(reader.GetString(0), (byte[])reader.GetValue(1)));
        return rows;
    }

    /// <inheritdoc/>
    public void AddToOutbox(OutboxRow row) =>
        InTransaction(() => Run("INSERT INTO outbox (id, bytes) VALUES ($id, $bytes)", ("$id", row.EntryId), ("$bytes", row.Envelope.ToArray())));

    /// <inheritdoc/>
    public void RefuseFromOutbox(string entryId, Evidence evidence) => InTransaction(() =>
    {
        Keep(evidence);
        Run("DELETE FROM outbox WHERE id = $id", ("$id", entryId));
    });

    /// <inheritdoc/>
    public void RefusePlane(Evidence evidence) => InTransaction(() =>
    {
        Keep(evidence);
        Put(PlaneRefused, $"{evidence.Reason}: {evidence.Detail}");
    });

    /// <inheritdoc/>
    public void ClearRefusal() => InTransaction(() => Run("DELETE FROM note WHERE name = $name", ("$name", PlaneRefused)));

    /// <inheritdoc/>
    public void TakeSeverance(string envelope) => InTransaction(() =>
    {
        Put(AgentNotes.Severance, envelope);
        Run("DELETE FROM note WHERE name = $name", ("$name", PlaneRefused));
    });

    /// <inheritdoc/>
    public string? ReadRefusal() => ReadNote(PlaneRefused);

    /// <inheritdoc/>
    public IReadOnlyList<Evidence> ReadEvidence()
    {
        var all = new List<Evidence>();
        using var command = Command("SELECT json FROM evidence ORDER BY seq");
        using var reader = command.ExecuteReader();
        while (reader.Read()) all.Add(JsonSerializer.Deserialize(reader.GetString(0), EvidenceJson.Default.Evidence)!);
        return all;
    }

    /// <inheritdoc/>
    public string? ReadNote(string name) => Scalar("SELECT value FROM note WHERE name = $name", ("$name", name)) as string;

    /// <inheritdoc/>
    public void WriteNote(string name, string value) => InTransaction(() => Put(name, value));

    /// <inheritdoc/>
    public void Dispose() => connection.Dispose();

    private void Keep(Evidence evidence)
    {
        if ((long)Scalar("SELECT COUNT(*) FROM evidence")! >= LedgerCopyLimits.MaxEvidence) return;
        Run("INSERT INTO evidence (json) VALUES ($json)", ("$json", JsonSerializer.Serialize(evidence, EvidenceJson.Default.Evidence)));
    }

    private void Put(string name, string value) =>
        Run("INSERT INTO note (name, value) VALUES ($name, $value) ON CONFLICT (name) DO UPDATE SET value = excluded.value", ("$name", name), ("$value", value));

    private void InTransaction(Action work)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        current = transaction;
        try
        {
            work();
            transaction.Commit();
        }
        finally
        {
            current = null;
        }
    }

    private SqliteTransaction? current;

    private void Run(string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        using var command = Command(sql, values);
        command.ExecuteNonQuery();
    }

    private object? Scalar(string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        using var command = Command(sql, values);
        return command.ExecuteScalar();
    }

    private SqliteCommand Command(string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();
        command.Transaction = current;
        // Every text here is a constant of this file; values only ever come in as parameters.
        command.CommandText = sql;
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value);
        return command;
    }
}
