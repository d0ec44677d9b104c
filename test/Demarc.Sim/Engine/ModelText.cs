using System.Globalization;

namespace Demarc.Sim.Engine;

/// <summary>An operation in words, for who reads why a run failed.</summary>
internal static class ModelText
{
    public static string Of(ModelOp op) => op switch
    {
        PutOp put => $"{(put.Upsert ? "upsert" : "insert")} {put.Rows.Count} rows{Into(put.Partition)}: {string.Join("; ", put.Rows.Take(12).Select(Row))}",
        ChangeOp change => $"change {string.Join(',', change.Given)}{(change.WithMeta ? ",$meta" : "")} of {string.Join("; ", change.Rows.Select(Row))}{Into(change.Partition)}",
        DeleteOp delete => delete.Filter is null ? $"delete keys {string.Join(',', delete.Keys)}" : $"delete where {delete.Filter.Text}{Into(delete.Partition)}",
        PlainOp plain => $"{plain.Kind} {plain.Choice}",
        FaultyOp faulty => $"with act {faulty.At} failing{(faulty.StayDown ? " and all after it" : "")}: {Of(faulty.Op)}",
        QueryOp query => $"query {query.Filter.Text} for {string.Join(',', query.Fields)} limit {query.Limit?.ToString(CultureInfo.InvariantCulture) ?? "none"} offset {query.Offset}{Into(query.Partition)}",
        CountOp count => $"count {count.Filter.Text}{Into(count.Partition)}",
        GetOp get => $"get {string.Join(',', get.Keys)}",
        SearchOp search => $"search {search.Field} near {string.Join(" and ", search.Queries.Select(ModelValues.Show))} where {search.Filter.Text} limit {search.Limit} offset {search.Offset} range {search.Range}{Into(search.Partition)}",
        HybridOp hybrid => $"{(hybrid.Weighted ? "weighted" : "ranked")} of {string.Join(" and of ", hybrid.Parts.Select(Of))}, limit {hybrid.Limit}",
        WalkRowsOp walk => $"walk rows where {walk.Filter.Text}, {walk.Batch} at a time",
        WalkHitsOp walk => $"walk {walk.Field} near {ModelValues.Show(walk.Query)} where {walk.Filter.Text}, {walk.Batch} at a time",
        BulkOp bulk => $"{bulk.Rows.Count} rows at once",
        _ => op.ToString(),
    };

    private static string Into(string? partition) => string.IsNullOrEmpty(partition) ? "" : $" in {partition}";

    private static string Row(DraftRow row) => $"{ModelValues.Show(row.Key)} {{{string.Join(", ", row.Values.Select(v => $"{v.Key} {ModelValues.Show(v.Value)}"))}}} {row.Meta}";
}
