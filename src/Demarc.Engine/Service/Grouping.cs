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
            throw Faults.Invalid($"groupBy field not found in schema: {name}");
        }

        var field = definition.Fields[index];
        if (!field.IsInteger && field.Type is not (DataType.Bool or DataType.VarChar))
        {
            throw Faults.Invalid($"groupBy is not supported for field {name} of type {field.Type}");
        }

        var size = parameters.Whole("group_size", 1);
        return size is >= 1 and <= Limits.GroupSize
            ? new Grouping(index, (int)size, parameters.Flag("strict_group_size"))
            : throw Faults.Invalid($"input group size:{size} is not in range [1, {Limits.GroupSize}]");
    }

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
