using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Microsoft.Data.Sqlite;

namespace Demarc.Live.Faults;

/// <summary>The ledger as each side holds it, read raw: the plane's over its API, the agent's from its own disk.</summary>
internal static class BothLedgers
{
    public static async Task<List<byte[]>> OfPlaneAsync(PlaneDoor door)
    {
        var all = new List<byte[]>();
        while (true)
        {
            var page = (await door.GetAsync($"/entries?from={all.Count}&limit=500", ViewJson.Default.EntriesView))!;
            if (page.Entries.IsEmpty) return all;
            all.AddRange(page.Entries.Select(Convert.FromBase64String));
        }
    }

    public static List<byte[]> OfAgent(string folder)
    {
        var all = new List<byte[]>();
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(folder, "agent.db"), Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT at, bytes FROM entry ORDER BY at";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            Assert.Equal(all.Count, reader.GetInt64(0));
            all.Add((byte[])reader.GetValue(1));
        }

        return all;
    }

    public static string Root(IEnumerable<byte[]> entries)
    {
        var frontier = new MerkleFrontier();
        foreach (var entry in entries) frontier.AppendEntry(entry);
        return Base64Text.Encode(frontier.Root());
    }

    /// <summary>The state that the entries give; each must fold.</summary>
    public static EnvironmentState Fold(IEnumerable<byte[]> entries)
    {
        var state = EnvironmentState.Empty;
        foreach (var bytes in entries)
        {
            var folded = EnvironmentFold.Apply(state, Entry.Read(bytes).Entry!);
            Assert.Null(folded.Refusal);
            state = folded.State!;
        }

        return state;
    }
}
