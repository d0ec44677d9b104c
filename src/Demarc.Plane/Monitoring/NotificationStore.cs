using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;
using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Monitoring;

/// <summary>
/// Hooks, what each has been told, and the outbox, in one small SQLite file beside the ledgers. What is to be told and that it was taken note of are written
/// in one transaction: a plane that stops anywhere neither forgets a thing nor tells it anew.
/// </summary>
public sealed class NotificationStore : IDisposable
{
    private const long Version = 1;

    private const string Tables =
        """
        CREATE TABLE hook (
          number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, environment TEXT NOT NULL, party INTEGER NOT NULL, kind INTEGER NOT NULL,
          name TEXT NOT NULL, target TEXT NOT NULL, secret TEXT, added_at TEXT NOT NULL, added_by TEXT NOT NULL) STRICT;
        CREATE INDEX hook_environment ON hook (environment, number);
        CREATE TABLE told (hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE, key TEXT NOT NULL, PRIMARY KEY (hook, key)) STRICT, WITHOUT ROWID;
        CREATE TABLE delivery (
          number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE, what TEXT NOT NULL, body BLOB NOT NULL,
          at TEXT NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, answer TEXT) STRICT;
        CREATE INDEX delivery_due ON delivery (state, next_at);
        CREATE INDEX delivery_hook ON delivery (hook, number);
        """;

    private const string HookColumns = "h.number, h.id, h.environment, h.party, h.kind, h.name, h.target, h.secret, h.added_at, h.added_by";
    private const string DeliveryColumns = "d.id, d.what, d.body, d.at, d.state, d.attempts, d.next_at, d.answer";
    private readonly SqliteConnection connection;
    private readonly Lock gate = new();

    private NotificationStore(SqliteConnection connection) => this.connection = connection;

    /// <summary>Opens or creates the file; only its owner may read it, for it holds what webhooks are signed with.</summary>
    public static NotificationStore Open(string path)
    {
        if (!File.Exists(path)) File.Open(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false }.ToString());
        try
        {
            connection.Open();
            var store = new NotificationStore(connection);
            store.Prepare(path);
            return store;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Environments that have hooks.</summary>
    public IReadOnlyList<EnvironmentId> Environments() => List("SELECT DISTINCT environment FROM hook ORDER BY environment", row => EnvironmentId.Parse(row.GetString(0)));

    /// <summary>The hooks of an environment, oldest first.</summary>
    public IReadOnlyList<Hook> Hooks(EnvironmentId environment) => List($"SELECT {HookColumns} FROM hook h WHERE h.environment = $0 ORDER BY h.number", ReadHook, environment.Value);

    /// <summary>Keeps a hook; false when its party has as many as it may.</summary>
    public bool TryAdd(Hook hook) => Write(() =>
    {
        var there = Scalar("SELECT count(*) FROM hook WHERE environment = $0 AND party = $1", hook.Environment.Value, (int)hook.Party);
        if (there >= NotifyLimits.HooksOfParty) return false;
        Run(
            "INSERT INTO hook (id, environment, party, kind, name, target, secret, added_at, added_by) VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8)",
            hook.Id, hook.Environment.Value, (int)hook.Party, (int)hook.Kind, hook.Name, hook.Target, hook.Secret?.Text.Reveal() ?? (object)DBNull.Value, Text(hook.AddedAt), hook.AddedBy);
        return true;
    });

    /// <summary>Forgets a hook with all that it was told.</summary>
    public void Remove(Hook hook) => Write(() => Run("DELETE FROM hook WHERE number = $0", hook.Number));

    /// <summary>
    /// Takes note of everything that waits for a hook's party now. What is new goes into the outbox; what waits no more is forgotten, so that it is told again
    /// should it ever wait again. Says whether anything was new.
    /// </summary>
    internal bool Tell(Hook hook, IReadOnlyList<Telling> waiting, DateTimeOffset now) => Write(() =>
    {
        // The hook may have been removed meanwhile.
        if (Scalar("SELECT count(*) FROM hook WHERE number = $0", hook.Number) == 0) return false;
        var told = Rows("SELECT key FROM told WHERE hook = $0", row => row.GetString(0), hook.Number).ToHashSet();
        foreach (var gone in told.Except(waiting.Select(telling => telling.Key))) Run("DELETE FROM told WHERE hook = $0 AND key = $1", hook.Number, gone);
        var fresh = waiting.Where(telling => !told.Contains(telling.Key)).ToList();
        foreach (var telling in fresh)
        {
            Run("INSERT INTO told (hook, key) VALUES ($0, $1)", hook.Number, telling.Key);
            Enqueue(hook, telling, now);
        }

        return fresh.Count > 0;
    });

    /// <summary>Puts one thing into the outbox that has nothing to do with what waits: a test.</summary>
    internal void Tell(Hook hook, Telling telling, DateTimeOffset now) => Write(() => Enqueue(hook, telling, now));

    /// <summary>Of each hook the oldest delivery that is due.</summary>
    public IReadOnlyList<Delivery> Due(DateTimeOffset now) => List(
        $"SELECT {HookColumns}, {DeliveryColumns} FROM delivery d JOIN hook h ON h.number = d.hook WHERE d.number IN (SELECT min(number) FROM delivery WHERE state = 0 AND next_at <= $0 GROUP BY hook) ORDER BY d.next_at",
        ReadDelivery, now.ToUnixTimeMilliseconds());

    /// <summary>When the next delivery is due; null when none waits.</summary>
    public DateTimeOffset? NextDue() => List("SELECT min(next_at) FROM delivery WHERE state = 0", row => row.IsDBNull(0) ? (DateTimeOffset?)null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(0)))[0];

    /// <summary>Keeps what came of an attempt, and forgets the oldest that are done with.</summary>
    public void Settle(Delivery delivery) => Write(() =>
    {
        Run("UPDATE delivery SET state = $1, attempts = $2, next_at = $3, answer = $4 WHERE id = $0", delivery.Id, (int)delivery.State, delivery.Attempts, delivery.NextAt.ToUnixTimeMilliseconds(), delivery.Answer ?? (object)DBNull.Value);
        Run("DELETE FROM delivery WHERE hook = $0 AND state <> 0 AND number NOT IN (SELECT number FROM delivery WHERE hook = $0 ORDER BY number DESC LIMIT $1)", delivery.Hook.Number, NotifyLimits.KeptOfHook);
    });

    /// <summary>The deliveries of an environment's hooks that are kept, newest first.</summary>
    public IReadOnlyList<Delivery> Deliveries(EnvironmentId environment) =>
        List($"SELECT {HookColumns}, {DeliveryColumns} FROM delivery d JOIN hook h ON h.number = d.hook WHERE h.environment = $0 ORDER BY d.number DESC", ReadDelivery, environment.Value);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate) connection.Dispose();
    }

    private void Enqueue(Hook hook, Telling telling, DateTimeOffset now)
    {
        var full = Scalar("SELECT count(*) FROM delivery WHERE hook = $0 AND state = 0", hook.Number) >= NotifyLimits.WaitingOfHook;
        Run(
            "INSERT INTO delivery (id, hook, what, body, at, state, attempts, next_at, answer) VALUES ($0, $1, $2, $3, $4, $5, 0, $6, $7)",
            telling.Id, hook.Number, telling.What, telling.Body, Text(now), (int)(full ? DeliveryState.GivenUp : DeliveryState.Waiting), now.ToUnixTimeMilliseconds(),
            full ? $"{NotifyLimits.WaitingOfHook} deliveries waited already" : DBNull.Value);
    }

    private void Prepare(string path)
    {
        Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000;");
        var version = Scalar("PRAGMA user_version");
        if (version == Version) return;
        if (version > Version) throw new InvalidDataException($"{path} was written by a newer version (format {version}, this one reads {Version}): start that version again.");
        using var transaction = connection.BeginTransaction();
        Run(Tables + $"PRAGMA user_version={Version};");
        transaction.Commit();
    }

    private T Write<T>(Func<T> write)
    {
        lock (gate)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            var result = write();
            transaction.Commit();
            return result;
        }
    }

    private void Write(Action write) => Write(() =>
    {
        write();
        return true;
    });

    private List<T> List<T>(string sql, Func<SqliteDataReader, T> read, params object[] values)
    {
        lock (gate) return Rows(sql, read, values);
    }

    private List<T> Rows<T>(string sql, Func<SqliteDataReader, T> read, params object[] values)
    {
        using var command = Command(sql, values);
        using var rows = command.ExecuteReader();
        var list = new List<T>();
        while (rows.Read()) list.Add(read(rows));
        return list;
    }

    private long Scalar(string sql, params object[] values)
    {
        using var command = Command(sql, values);
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    private void Run(string sql, params object[] values)
    {
        using var command = Command(sql, values);
        command.ExecuteNonQuery();
    }

    private SqliteCommand Command(string sql, object[] values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i}", values[i]);
        return command;
    }

    private static Hook ReadHook(SqliteDataReader row) => new(
        row.GetInt64(0), row.GetString(1), EnvironmentId.Parse(row.GetString(2)), (Party)row.GetInt64(3), (HookKind)row.GetInt64(4), row.GetString(5), row.GetString(6),
        row.IsDBNull(7) ? null : WebhookSecret.Parse(row.GetString(7)), At(row.GetString(8)), row.GetString(9));

    private static Delivery ReadDelivery(SqliteDataReader row) => new(
        row.GetString(10), ReadHook(row), row.GetString(11), row.GetFieldValue<byte[]>(12), At(row.GetString(13)), (DeliveryState)row.GetInt64(14), (int)row.GetInt64(15),
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(16)), row.IsDBNull(17) ? null : row.GetString(17));

    private static string Text(DateTimeOffset at) => at.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture);

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
