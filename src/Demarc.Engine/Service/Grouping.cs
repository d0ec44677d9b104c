using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>
/// A grouping search: the nearest groups, of each no more than so many rows. As many rows are looked for as it takes to
/// fill the groups, so a group whose rows are far away is found all the same.
/// </summary>
/// <param name="Field">The field whose equal values make a group; its place in the schema.</param>
/// <param name="Size">Rows of one group at most.</param>
/// <param name="Strict">Whether to go on looking until every group is full, and not only until there are enough groups.</param>
internal sealed record Grouping(int Field, int Size, bool Strict)
{
    public static Grouping? Read(CollectionDefinition definition, RequestParameters parameters)
    {
        if (parameters.Text("group_by_field") is not { } name)
        {
            return null;
        }

        var index = definition.FieldIndex(name);
        if (index < 0)
        {
            throw new Fault(1700, $"groupBy field not found in schema: field not found[field={name}]");
        }

        var field = definition.Fields[index];
        if (!field.IsInteger && field.Type is not (DataType.Bool or DataType.VarChar or DataType.Timestamptz))
        {
            throw Faults.Invalid($"groupBy is not supported for field {name} of type {field.Type}");
        }

        var size = Group(parameters.Text("group_size") ?? "1");
        return new Grouping(index, size, bool.TryParse(parameters.Text("strict_group_size"), out var strict) && strict);
    }

    private static int Group(string text) =>
        !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var size) ? throw Faults.Invalid($"failed to parse input group size:{text}")
        : size <= 0 ? throw Faults.Invalid($"input group size:{size} is negative, failed to do search_groupby")
        : size > Limits.GroupSize ? throw Faults.Invalid($"input group size:{size} exceeds configured max group size:{Limits.GroupSize}")
        : (int)size;

    /// <summary>
    /// Groups by a score of their own, which is made of the scores of their rows: the best (max), the sum or the average
    /// (avg). Of equal groups the one with more rows comes first.
    /// </summary>
    /// <param name="hits">Best first.</param>
    /// <param name="distances">Whether the smaller score is the better one.</param>
    /// <param name="scorer">How the score of a group is made.</param>
    public List<Ranked> Rank(List<Ranked> hits, bool distances, string scorer)
    {
        var groups = hits.GroupBy(h => (ValueOf(h) is null, ValueOf(h))).Select(g => g.Take(Size).ToList())
            .Select(rows => (Rows: rows, Score: scorer switch { "sum" => rows.Sum(r => r.Score), "avg" => rows.Average(r => r.Score), _ => rows[0].Score }));
        return [.. (distances ? groups.OrderBy(g => g.Score) : groups.OrderByDescending(g => g.Score)).ThenByDescending(g => g.Rows.Count).SelectMany(g => g.Rows)];
    }

    /// <summary>How the score of a group is made, as a request says.</summary>
    public static string Scorer(RequestParameters parameters) =>
        parameters.Text("rank_group_scorer") is not { } scorer ? "max"
        : scorer is "max" or "sum" or "avg" ? scorer
        : throw Faults.Invalid($"invalid group scorer \"{scorer}\", must be max/sum/avg");

    /// <summary>Looks for more and more rows until the groups asked for are filled or there are no more rows.</summary>
    public List<Ranked>[] Collect(SearchRun run, long rows, Func<int, List<Ranked>[]> nearest, int groups)
    {
        for (var keep = (int)Math.Min(rows, (long)groups * Size * 4); ; keep = (int)Math.Min(rows, (long)keep * 4))
        {
            var found = nearest(Math.Max(keep, 1));
            var grouped = found.Select(hits => Take(hits, groups)).ToList();
            if (keep >= rows || found.Zip(grouped).All(pair => pair.First.Count < keep || pair.Second.Complete))
            {
                return [.. grouped.Select(g => g.Rows)];
            }
        }
    }

    /// <summary>What groups a row belongs to; rows without a value are a group of their own.</summary>
    public object? ValueOf(Ranked hit)
    {
        var column = hit.Segment.Segment.Columns[Field];
        return column.IsNull(hit.Row) ? null : column switch
        {
            IntegerColumn integers => integers.Values[hit.Row],
            BoolColumn bools => bools.Values[hit.Row],
            TextColumn texts => texts.Values[hit.Row],
            _ => throw new InvalidOperationException($"No groups by {column.Field.Type}; the check of the request let it pass."),
        };
    }

    /// <summary>Groups in the order of their nearest row, the rows of each together.</summary>
    public (List<Ranked> Rows, bool Complete) Take(List<Ranked> hits, int groups)
    {
        var byValue = new Dictionary<(bool Null, object? Value), List<Ranked>>();
        var order = new List<List<Ranked>>();
        foreach (var hit in hits)
        {
            var value = ValueOf(hit);
            if (!byValue.TryGetValue((value is null, value), out var group))
            {
                if (order.Count >= groups)
                {
                    continue;
                }

                byValue[(value is null, value)] = group = [];
                order.Add(group);
            }

            if (group.Count < Size)
            {
                group.Add(hit);
            }
        }

        var complete = order.Count >= groups && (!Strict || order.TrueForAll(g => g.Count >= Size));
        return (order.SelectMany(g => g).ToList(), complete);
    }
}
