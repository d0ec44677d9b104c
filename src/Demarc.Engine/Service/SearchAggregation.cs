using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Service;

/// <summary>
/// What a search is asked for that answers buckets instead of rows: level below level, the fields whose equal values make a
/// bucket, what is computed over its rows, and which of them are shown. It is a grouping search by the fields of all levels,
/// so the rows that are counted and summed are those of the nearest groups and no more of each than the search keeps.
/// </summary>
internal sealed class SearchAggregation
{
    /// <summary>Stands for the score where a field may be named.</summary>
    public const int Score = -1;

    /// <summary>Stands for the rows themselves, which can only be counted.</summary>
    public const int Everything = -2;

    private readonly CollectionDefinition definition;
    private readonly List<Level> levels = [];

    private SearchAggregation(CollectionDefinition definition) => this.definition = definition;

    public IReadOnlyList<Level> Levels => levels;

    /// <summary>How many different groups are looked for: as many buckets as each level may need, for each of the level above.</summary>
    public int Groups { get; private set; }

    public Grouping Grouping { get; private set; } = null!;

    /// <summary>Null when a request asks for none.</summary>
    /// <param name="definition">The collection.</param>
    /// <param name="asked">What the request says.</param>
    /// <param name="parameters">Its other parameters, which may not name groups too.</param>
    /// <param name="queries">How many vectors it is by.</param>
    public static SearchAggregation? Read(CollectionDefinition definition, SearchAggregationSpec? asked, RequestParameters parameters, int queries)
    {
        if (asked is null)
        {
            return null;
        }

        if (new[] { "group_by_field", "group_by_fields" }.FirstOrDefault(name => !string.IsNullOrWhiteSpace(parameters.Text(name))) is { } twice)
        {
            throw Faults.Invalid($"{twice} and search_aggregation cannot be used simultaneously");
        }

        var aggregation = new SearchAggregation(definition);
        var depth = 0;
        for (var spec = asked; spec is not null; spec = spec.SubAggregation)
        {
            if (++depth > Limits.AggregationLevels)
            {
                throw Faults.Invalid($"search_aggregation nesting exceeds max {Limits.AggregationLevels} levels");
            }
        }

        for (var spec = asked; spec is not null; spec = spec.SubAggregation)
        {
            aggregation.levels.Add(aggregation.LevelOf(spec));
        }

        aggregation.Bound(queries);
        return aggregation;
    }

    /// <summary>What groups and rows may be, all together.</summary>
    private void Bound(int queries)
    {
        var groups = levels.Aggregate((Int128)1, (product, level) => product > long.MaxValue ? product : product * level.Candidates);
        if (groups > long.MaxValue)
        {
            throw Faults.Invalid("search_aggregation derived topK overflows int64");
        }

        var size = levels.Max(level => level.Hits?.Size ?? 1);
        if (groups * queries > Limits.AggregationEntries || groups * queries * size > Limits.AggregationEntries)
        {
            throw Faults.Invalid("number of search_aggregation result entries is too large");
        }

        Groups = (int)groups;
        Grouping = new Grouping([.. levels.SelectMany(level => level.Fields).Select(field => GroupPlace.Of(definition, field))], (int)size, Strict: true);
        foreach (var place in Grouping.Places)
        {
            place.Check();
        }
    }

    private Level LevelOf(SearchAggregationSpec spec)
    {
        if (spec.Fields.Count == 0)
        {
            throw Faults.Invalid("group_by level has no fields");
        }

        if (spec.Size < 0 || spec.SearchSize < 0)
        {
            throw Faults.Invalid($"search_aggregation {(spec.Size < 0 ? "size" : "search_size")} must be non-negative");
        }

        var size = Math.Max(spec.Size, 1);
        if (spec.SearchSize > 0 && spec.SearchSize < size)
        {
            throw Faults.Invalid("search_aggregation search_size must be greater than or equal to size");
        }

        var fields = new List<int>();
        foreach (var name in spec.Fields)
        {
            fields.Add(GroupField(name, fields));
        }

        var metrics = spec.Metrics.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => MetricOf(m.Key, m.Value)).ToList();
        return new Level(fields, size, Math.Max(spec.SearchSize, size), metrics, HitsOf(spec.TopHits), OrderOf(spec.Order, metrics));
    }

    private int GroupField(string name, List<int> ofLevel)
    {
        var field = Field(name, $"invalid group_by field \"{name}\": ");
        CheckPlain(name, field, "group_by field");
        var type = definition.Fields[field].Type;
        var why = type is DataType.Float or DataType.Double ? $"group_by field \"{name}\": FLOAT / DOUBLE fields are not supported with search_aggregation (BucketKeyEntry has no float variant; equality on floats is fragile)"
            : ofLevel.Contains(field) ? $"duplicated group_by field \"{name}\" in one level"
            : levels.Exists(level => level.Fields.Contains(field)) ? $"duplicated group_by field \"{name}\" across levels"
            : null;
        return why is null ? field : throw Faults.Invalid(why);
    }

    private Metric MetricOf(string alias, MetricAggSpec spec)
    {
        if (alias.Trim().Length == 0)
        {
            throw Faults.MissingSaid("metric alias cannot be empty");
        }

        var (kind, name) = (spec.Op.Trim().ToLowerInvariant(), spec.FieldName.Trim());
        if (kind is not ("avg" or "sum" or "count" or "min" or "max") || name.Length == 0 || (name == "*" && kind != "count"))
        {
            throw Faults.Invalid($"invalid metric \"{alias}\": " + (name.Length == 0 ? "metric field_name is empty" : name == "*" ? "field_name '*' only supports count op" : $"unsupported metric op \"{spec.Op}\""));
        }

        if (name is "_score" or "*")
        {
            return new Metric(alias, kind, name == "*" ? Everything : Score);
        }

        var field = Field(name, $"invalid metric \"{alias}\": ");
        CheckPlain(name, field, $"invalid metric \"{alias}\": metric field");
        return Aggregation.Takes(kind, definition.Fields[field])
            ? new Metric(alias, kind, field)
            : throw Faults.Invalid($"invalid metric \"{alias}\": aggregation operator {kind} does not support data type {FieldDefinition.TypeName(definition.Fields[field].Type)}");
    }

    private TopHits? HitsOf(TopHitsSpec? spec)
    {
        if (spec is null)
        {
            return null;
        }

        return spec.Size < 0 ? throw Faults.Invalid("top_hits size must be non-negative") : new TopHits(Math.Max(spec.Size, 1), [.. spec.Sort.Select(SortOf)]);
    }

    private Sort SortOf(SortSpec spec)
    {
        var name = spec.FieldName.Trim();
        if (name.Length == 0)
        {
            throw Faults.Invalid("top_hits.sort field_name is empty");
        }

        var descending = Descends(spec.Direction, $"invalid top_hits.sort direction for \"{name}\": ");
        if (name == "_score")
        {
            return new Sort(Score, descending, spec.NullFirst);
        }

        if (name.Contains('[', StringComparison.Ordinal) && name.Contains(']', StringComparison.Ordinal))
        {
            throw Faults.Invalid($"top_hits.sort JSON path is not yet supported: \"{name}\"");
        }

        var field = Field(name, $"invalid top_hits.sort field \"{name}\": ");
        CheckPlain(name, field, "top_hits.sort field");
        return definition.Fields[field] is { IsArray: false, IsSearchable: false, Type: not DataType.Geometry }
            ? new Sort(field, descending, spec.NullFirst)
            : throw Faults.NotServed($"top_hits.sort by {name}, which is of type {definition.Fields[field].Type}");
    }

    private static List<Order> OrderOf(IEnumerable<OrderSpec> specs, List<Metric> metrics)
    {
        var order = new List<Order>();
        foreach (var spec in specs)
        {
            var key = spec.Key.Trim();
            if (key.Length == 0 || (key is not ("_count" or "_key") && !metrics.Exists(m => m.Alias == key)))
            {
                throw Faults.Invalid(key.Length == 0 ? "order key is empty" : $"order key \"{key}\" is neither reserved key nor metric alias");
            }

            order.Add(new Order(key, Descends(spec.Direction, $"invalid order direction for key \"{key}\": ")));
        }

        return order;
    }

    private static bool Descends(string direction, string where) => direction.Trim().ToLowerInvariant() switch
    {
        "desc" or "" => true,
        "asc" => false,
        _ => throw Faults.Invalid($"{where}direction must be asc or desc"),
    };

    /// <summary>The field that a name means; a place in JSON means the JSON field, and an unknown name the dynamic field.</summary>
    private int Field(string name, string where)
    {
        name = name.Trim();
        var index = definition.FieldIndex(name);
        var bracket = name.IndexOf('[', StringComparison.Ordinal);
        if (index < 0 && bracket > 0 && name.Contains(']', StringComparison.Ordinal))
        {
            index = definition.FieldIndex(name[..bracket]);
        }

        index = index < 0 ? definition.DynamicIndex : index;
        return index >= 0 ? index : throw Faults.Invalid(name.Length == 0 ? $"{where}field is empty" : $"{where}field \"{name}\" not found in schema");
    }

    private void CheckPlain(string name, int field, string usage)
    {
        if (definition.Fields[field].Type == DataType.Json)
        {
            throw Faults.Invalid($"{usage} \"{name}\": JSON / dynamic fields are not yet supported with search_aggregation");
        }
    }

    /// <summary>One level of buckets.</summary>
    /// <param name="Fields">The fields whose equal values make a bucket.</param>
    /// <param name="Size">Buckets that are answered.</param>
    /// <param name="Candidates">Buckets that are looked for, of which order chooses.</param>
    internal sealed record Level(List<int> Fields, long Size, long Candidates, List<Metric> Metrics, TopHits? Hits, List<Order> Order);

    internal sealed record Metric(string Alias, string Kind, int Field);

    internal sealed record TopHits(long Size, List<Sort> Sort);

    internal readonly record struct Sort(int Field, bool Descending, bool NullsFirst);

    internal readonly record struct Order(string Key, bool Descending);
}
