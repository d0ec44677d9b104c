using System.Globalization;
using System.Runtime.InteropServices;
using Demarc.Core.Environments;
using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Ledger;

/// <summary>The writing half of the embedded store: prepared statements on its one connection, one transaction per call.</summary>
internal sealed class SqliteLedgerWriter : IDisposable
{
    private readonly SqliteConnection connection;
    private readonly List<SqliteCommand> prepared = [];
    private readonly SqliteCommand head;
    private readonly SqliteCommand found;
    private readonly SqliteCommand advance;
    private readonly SqliteCommand countersign;
    private readonly SqliteCommand append;
    private readonly SqliteCommand giveUp;
    private readonly SqliteCommand uncountersign;
    private readonly SqliteCommand forgetMembers;
    private readonly SqliteCommand addMember;
    private readonly SqliteCommand note;
    private readonly SqliteCommand forgetNotes;

    public SqliteLedgerWriter(SqliteConnection connection)
    {
        this.connection = connection;
        head = Prepare("SELECT number, size FROM environment WHERE id = $0");
        found = Prepare("INSERT INTO environment (id, size, checkpoint) VALUES ($0, 0, '') RETURNING number");
        advance = Prepare("UPDATE environment SET size = $1, checkpoint = $2 WHERE number = $0");
        countersign = Prepare("UPDATE environment SET countersigned_size = $1, countersigned = $2 WHERE number = $0");
        append = Prepare("INSERT INTO entry (place, environment, id, envelope, nodes) VALUES ($0, $1, $2, $3, $4)");
        giveUp = Prepare("DELETE FROM entry WHERE place >= $0 AND place < $1");
        uncountersign = Prepare("UPDATE environment SET countersigned_size = NULL, countersigned = NULL WHERE number = $0 AND countersigned_size > $1");
        forgetMembers = Prepare("DELETE FROM member WHERE environment = $0");
        addMember = Prepare("INSERT INTO member (key, environment) VALUES ($0, $1)");
        note = Prepare("INSERT INTO notice (environment, at, kind, text) VALUES ($0, $1, $2, $3)");
        forgetNotes = Prepare("DELETE FROM notice WHERE environment = $0 AND number NOT IN (SELECT number FROM notice WHERE environment = $0 ORDER BY number DESC LIMIT $1)");
    }

    public void Commit(IReadOnlyList<LedgerWrite> writes)
    {
        using var transaction = Begin();
        foreach (var write in writes) Apply(write);
        transaction.Commit();
    }

    public void SetBack(EnvironmentId environment, long size, string checkpoint)
    {
        using var transaction = Begin();
        var number = Head(environment)?.Number ?? throw new BrokenBeliefException($"There is no environment {environment}.");
        Run(giveUp, SqliteLedgerStore.Place(number, size), SqliteLedgerStore.Place(number + 1, 0));
        Run(advance, number, size, checkpoint);
        Run(uncountersign, number, size);
        transaction.Commit();
    }

    public void Note(EnvironmentId environment, Notice notice)
    {
        using var transaction = Begin();
        var number = Head(environment)?.Number ?? throw new BrokenBeliefException($"There is no environment {environment}.");
        Run(note, number, notice.At.ToString("O", CultureInfo.InvariantCulture), notice.Kind, notice.Text);
        Run(forgetNotes, number, PlaneLedgerLimits.Notices);
        transaction.Commit();
    }

    public void Dispose()
    {
        foreach (var command in prepared) command.Dispose();
    }

    private void Apply(LedgerWrite write)
    {
        var (number, size) = Head(write.Environment) ?? (0, 0);
        if (size != write.ExpectedSize) throw new LedgerConflictException($"{write.Environment} has {size} entries, {write.ExpectedSize} were expected");
        if (number == 0)
        {
            Set(found, write.Environment.Value);
            number = (long)found.ExecuteScalar()!;
            Must.Hold(number <= PlaneLedgerLimits.Environments);
        }

        foreach (var entry in write.Entries) Run(append, SqliteLedgerStore.Place(number, size++), number, entry.Id, Bytes(entry.Bytes), entry.Nodes);
        if (write.Entries.Count > 0) Run(advance, number, size, write.Checkpoint);
        if (write.Countersigned is { } countersigned) Run(countersign, number, countersigned.Size, countersigned.Note);
        if (write.Members is not { } members) return;
        Run(forgetMembers, number);
        foreach (var key in members) Run(addMember, key, number);
    }

    private (long Number, long Size)? Head(EnvironmentId environment)
    {
        Set(head, environment.Value);
        using var row = head.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetInt64(1)) : null;
    }

    private SqliteTransaction Begin()
    {
        var transaction = connection.BeginTransaction(deferred: false);
        foreach (var command in prepared) command.Transaction = transaction;
        return transaction;
    }

    private SqliteCommand Prepare(string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; sql.Contains($"${i}", StringComparison.Ordinal); i++) command.Parameters.Add(new SqliteParameter { ParameterName = $"${i}" });
        prepared.Add(command);
        return command;
    }

    private static void Run(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        Set(command, values);
        command.ExecuteNonQuery();
    }

    private static void Set(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i];
    }

    private static byte[] Bytes(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length ? segment.Array : memory.ToArray();
}
