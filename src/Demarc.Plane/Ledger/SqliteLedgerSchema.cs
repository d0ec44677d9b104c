using Microsoft.Data.Sqlite;

namespace Demarc.Plane.Ledger;

/// <summary>The tables of the embedded store, and how a file is brought to them.</summary>
internal static class SqliteLedgerSchema
{
    private const long Version = 1;

    // Marks the file as ours for `file` and for a person who finds it: "DMRC".
    private const int ApplicationId = 0x444d5243;

    private const string Tables =
        """
        CREATE TABLE environment (
          number INTEGER PRIMARY KEY,
          id TEXT NOT NULL UNIQUE,
          size INTEGER NOT NULL,
          checkpoint TEXT NOT NULL,
          countersigned_size INTEGER,
          countersigned TEXT) STRICT;
        CREATE TABLE entry (
          place INTEGER PRIMARY KEY,
          environment INTEGER NOT NULL REFERENCES environment,
          id TEXT NOT NULL,
          envelope BLOB NOT NULL,
          nodes BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entry_id ON entry (environment, id);
        CREATE TABLE member (
          key TEXT NOT NULL,
          environment INTEGER NOT NULL REFERENCES environment,
          PRIMARY KEY (key, environment)) STRICT, WITHOUT ROWID;
        CREATE INDEX member_environment ON member (environment);
        CREATE TABLE notice (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          environment INTEGER NOT NULL REFERENCES environment,
          at TEXT NOT NULL,
          kind TEXT NOT NULL,
          text TEXT NOT NULL) STRICT;
        CREATE INDEX notice_environment ON notice (environment, number);
        """;

    public static void Prepare(SqliteConnection connection, string path)
    {
        Run(connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000;");
        var version = Convert.ToInt64(Scalar(connection, "PRAGMA user_version"), System.Globalization.CultureInfo.InvariantCulture);
        if (version == Version) return;
        if (version > Version)
            throw new InvalidDataException($"{path} was written by a newer version (format {version}, this one reads {Version}): start that version again.");
        using var transaction = connection.BeginTransaction();
        Run(connection, Tables + $"PRAGMA application_id={ApplicationId}; PRAGMA user_version={Version};", transaction);
        transaction.Commit();
    }

    private static void Run(SqliteConnection connection, string sql, SqliteTransaction? transaction = null)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        command.ExecuteNonQuery();
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
