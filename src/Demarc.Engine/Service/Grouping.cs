using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Service;

/// <summary>
/// A grouping search: the nearest groups, of each no more than so many rows. As many rows are looked for as it takes to
/// fill the groups, so a group whose rows are far away is found all the same.
/// </summary>
/// <param name="Places">What equal values of make a group.</param>
/// <param name="Size">Rows of one group at most.</param>
/// <param name="Strict">Whether to go on looking until every group is full, and not only until there are enough groups.</param>
internal sealed record Grouping(IReadOnlyList<GroupPlace> Places, int Size, bool Strict)
{
    /// <summary>Whether the request is of an older client, which names one field and reads its values apart from those of several.</summary>
    public bool NamesOne { get; init; }

    public static Grouping? Read(CollectionDefinition definition, RequestParameters parameters)
    {
        var one = parameters.Text("group_by_field")?.Trim();
        var names = one is { Length: > 0 } ? [one] : (parameters.Text("group_by_fields") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var places = names.Select(name => Place(definition, parameters, name, names.Length)).ToList();
        var size = Group(parameters.Text("group_size") ?? "1");
        if (places.Count == 0)
        {
            return null;
        }

        places.ForEach(p => p.Check());
        return new Grouping(places, size, bool.TryParse(parameters.Text("strict_group_size"), out var strict) && strict)
        {
            NamesOne = parameters.Text("group_by_field") is not null && parameters.Text("group_by_fields") is null,
        };
    }

    private static GroupPlace Place(CollectionDefinition definition, RequestParameters parameters, string name, int of)
    {
        var place = GroupPlace.Read(definition, name);
        if (place.Json is { Path.Count: > 0 } && of > 1)
        {
            throw Faults.Invalid($"group_by with json path is not supported for multi-field group_by, field:{name}");
        }

        if (place.Json is null)
        {
            return place;
        }

        return place with
        {
            Json = of == 1 && parameters.Text("json_path") is { } path ? JsonPlace.Read(definition, path) : place.Json,
            Cast = TypeNamed(parameters.Text("json_type")),
            Strict = bool.TryParse(parameters.Text("strict_cast"), out var strict) && strict,
        };
    }

    /// <summary>A type by its name in the protocol; a name that is none is passed over, as Milvus does.</summary>
    private static DataType TypeNamed(string? name) => Enum.GetValues<DataType>().FirstOrDefault(type => FieldDefinition.TypeName(type) == name);

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
        var groups = hits.GroupBy(KeyOf).Select(g => g.Take(Size).ToList())
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
        // Elements of arrays may be any number more than rows.
        rows = run.FindsElements ? int.MaxValue / 8 : rows;
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
    public GroupKey KeyOf(Ranked hit) => new([.. Places.Select(p => p.ValueOf(hit.Segment, hit.Row))]);

    /// <summary>Groups in the order of their nearest row, the rows of each together.</summary>
    public (List<Ranked> Rows, bool Complete) Take(List<Ranked> hits, int groups)
    {
        var byValue = new Dictionary<GroupKey, List<Ranked>>();
        var order = new List<List<Ranked>>();
        foreach (var hit in hits)
        {
            var key = KeyOf(hit);
            if (!byValue.TryGetValue(key, out var group))
            {
                if (order.Count >= groups)
                {
                    continue;
                }

                byValue[key] = group = [];
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
