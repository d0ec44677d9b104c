using System.Text.RegularExpressions;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>
/// A query that answers no rows but what is counted, summed and compared over them: "count(*)", "avg(price)" and their like
/// among the output fields, of all rows or of each group of rows with the same values.
/// </summary>
internal sealed partial class Aggregation
{
    private readonly CollectionDefinition definition;
    private readonly TimeZoneInfo zone;
    private readonly List<int> keys = [];
    private readonly List<string> keyNames = [];
    private readonly List<Measure> measures = [];

    private Aggregation(CollectionDefinition definition, TimeZoneInfo zone) => (this.definition, this.zone) = (definition, zone);

    /// <summary>Whether it is bounded without a filter or a limit.</summary>
    public bool HasMeasures => measures.Count > 0;

    public OrderBy? Order { get; private set; }

    /// <summary>Whether what counts all rows is asked for without groups: then there is nothing to page through.</summary>
    public bool IsOneCount => keys.Count == 0 && measures.Exists(m => m.Field < 0);

    public bool IsMereCount => IsOneCount && measures.TrueForAll(m => m.Field < 0);

    /// <summary>The answer when nothing is asked for but how many rows there are.</summary>
    public static QueryResults Counted(IReadOnlyList<string> asked, long rows) => new()
    {
        OutputFields = { asked },
        FieldsData = { asked.Select(name => new FieldData { Type = DataType.Int64, FieldName = name, Scalars = new ScalarField { LongData = new LongArray { Data = { rows } } } }) },
    };

    /// <summary>Null when neither groups nor measures are asked for.</summary>
    public static Aggregation? Read(CollectionDefinition definition, IReadOnlyList<string> asked, RequestParameters parameters)
    {
        var aggregation = new Aggregation(definition, parameters.Zone(definition));
        aggregation.ReadMeasures(asked);
        aggregation.ReadKeys(parameters);
        if (aggregation.keys.Count == 0 && aggregation.measures.Count == 0)
        {
            return null;
        }

        aggregation.Order = OrderBy.ReadForQuery(definition, parameters, aggregation.CheckOrder);
        aggregation.CheckNames(asked);
        return aggregation;
    }

    public QueryResults Answer(IEnumerable<(SegmentView Segment, int Row)> rows, IReadOnlyList<string> asked, int limit, int offset)
    {
        var groups = Collect(rows, limit < 0 || Order is not null ? int.MaxValue : limit + offset);
        groups = Order?.Sort(groups, g => g.First!.Value) ?? groups;
        var page = groups.Skip(offset).Take(limit < 0 ? int.MaxValue : limit).ToList();
        var answer = new QueryResults { OutputFields = { asked } };
        foreach (var name in asked)
        {
            var key = keyNames.IndexOf(name);
            answer.FieldsData.Add(Timestamps.ForAnswer(key >= 0
                ? Picked(keys[key], name, page.Select(g => g.First))
                : Column(page, measures.FindIndex(m => m.Name == name), name), zone));
        }

        return answer;
    }

    [GeneratedRegex(@"^(sum|count|avg|min|max)\s*\(\s*([\w*]*)\s*\)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex MeasurePattern();

    private void ReadMeasures(IReadOnlyList<string> asked)
    {
        foreach (var name in asked)
        {
            var match = MeasurePattern().Match(name.Trim());
            if (!match.Success)
            {
                _ = new OutputFields(definition, [name], withPrimary: false);
                continue;
            }

            var (kind, of) = (match.Groups[1].Value.ToLowerInvariant(), match.Groups[2].Value);
            var field = definition.FieldIndex(of);
            if (field >= 0 && !Takes(kind, definition.Fields[field]))
            {
                throw Faults.Invalid($"aggregation operator {kind} does not support data type {Spelled(definition.Fields[field].Type)}");
            }

            if (field < 0 && (of != "*" || kind != "count"))
            {
                throw Faults.Invalid(of == "*" ? $"{kind}(*) is not supported, only count(*) is allowed" : $"target field {of} for aggregation:{kind} does not exist");
            }

            measures.Add(new Measure(kind, field, name));
        }
    }

    /// <summary>Whether a figure can be computed over the values of a field.</summary>
    public static bool Takes(string kind, FieldDefinition field) =>
        kind == "count" || IsNumber(field) || (kind is "min" or "max" && field.Type is DataType.VarChar or DataType.Timestamptz);

    private static bool IsNumber(FieldDefinition field) => field.Type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double;

    private void ReadKeys(RequestParameters parameters)
    {
        foreach (var name in (parameters.Text("group_by_fields") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var index = definition.FieldIndex(name);
            var field = index >= 0 ? definition.Fields[index] : throw Faults.Invalid($"field {name} not exist");
            if (field.Type is not (DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.VarChar or DataType.Timestamptz))
            {
                throw Faults.Invalid($"group by field {name} has unsupported data type {Spelled(field.Type)}");
            }

            keys.Add(index);
            keyNames.Add(name);
        }
    }

    private void CheckOrder(string name)
    {
        name = name.ToLowerInvariant();
        if (MeasurePattern().IsMatch(name))
        {
            throw Faults.Invalid($"ORDER BY on aggregate expression '{name}' is not yet supported");
        }

        if (!keyNames.Exists(k => k.Equals(name, StringComparison.OrdinalIgnoreCase)))
        {
            throw Faults.Invalid($"ORDER BY field '{name}' is not valid: when using GROUP BY or aggregates, ORDER BY can only reference GROUP BY columns. Valid targets are: [{string.Join(' ', keyNames)}]");
        }
    }

    private void CheckNames(IReadOnlyList<string> asked)
    {
        if (asked.FirstOrDefault(name => !keyNames.Contains(name) && !measures.Exists(m => m.Name == name)) is { } stray)
        {
            throw Faults.Invalid(keys.Count > 0
                ? $"output field '{stray}' is not allowed: when using GROUP BY, output_fields can only contain group_by fields ([{string.Join(' ', keyNames)}]) or aggregation expressions"
                : $"output field '{stray}' is not allowed: when using aggregation functions (e.g., count(*)), output_fields can only contain aggregation expressions, not regular columns");
        }
    }

    /// <summary>The groups in the order in which they are met; beyond the bound no new ones are begun.</summary>
    private List<Group> Collect(IEnumerable<(SegmentView Segment, int Row)> rows, int bound)
    {
        var groups = new List<Group>();
        var byKey = new Dictionary<GroupKey, Group>();
        if (keys.Count == 0)
        {
            groups.Add(new Group(measures.Count));
        }

        foreach (var row in rows)
        {
            var group = keys.Count == 0 ? groups[0] : byKey.GetValueOrDefault(KeyOf(row));
            if (group is null)
            {
                if (groups.Count >= bound)
                {
                    continue;
                }

                group = new Group(measures.Count);
                byKey.Add(KeyOf(row), group);
                groups.Add(group);
                if (groups.Count > Limits.QueryGroups)
                {
                    throw Faults.Invalid($"GROUP BY produced too many groups ({groups.Count}). Add filters or increase common.groupBy.maxGroups (current: {Limits.QueryGroups})");
                }
            }

            group.First ??= row;
            for (var i = 0; i < measures.Count; i++)
            {
                group.Tallies[i].Add(measures[i], row);
            }
        }

        return groups;
    }

    private GroupKey KeyOf((SegmentView Segment, int Row) row) => new([.. keys.Select(k => row.Segment.Segment.Columns[k] switch
    {
        var column when column.IsNull(row.Row) => null,
        IntegerColumn integers => integers.Values[row.Row],
        TextColumn texts => (object)texts.Values[row.Row],
        var column => throw new InvalidOperationException($"No groups by {column.Field.Type}; the check of the request let it pass."),
    })]);

    private FieldData Column(List<Group> groups, int measure, string name)
    {
        var (kind, field, _) = measures[measure];
        var tallies = groups.Select(g => g.Tallies[measure]).ToList();
        if (kind is "min" or "max")
        {
            return Picked(field, name, tallies.Select(t => t.Best));
        }

        if (kind == "count")
        {
            return new FieldData { Type = DataType.Int64, FieldName = name, Scalars = new ScalarField { LongData = new LongArray { Data = { tallies.Select(t => t.Count) } } } };
        }

        var whole = kind == "sum" && definition.Fields[field].IsInteger;
        var data = whole
            ? new FieldData { Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { tallies.Select(t => t.Whole) } } } }
            : new FieldData { Type = DataType.Double, Scalars = new ScalarField { DoubleData = new DoubleArray { Data = { tallies.Select(t => kind == "sum" ? t.Sum : t.Count == 0 ? 0 : t.Sum / t.Count) } } } };
        data.FieldName = name;
        if (tallies.Exists(t => t.Count == 0))
        {
            data.ValidData.Add(tallies.Select(t => t.Count > 0));
        }

        return data;
    }

    /// <summary>The values of one field in chosen rows; null where there is no row, as over no rows at all.</summary>
    private FieldData Picked(int field, string name, IEnumerable<(SegmentView Segment, int Row)?> rows)
    {
        var data = Rows.Column.NewData(definition.Fields[field]);
        data.FieldName = name;
        foreach (var row in rows)
        {
            if (row is { } found)
            {
                found.Segment.Segment.Columns[field].Write(data, found.Row);
            }
            else
            {
                AddNull(data);
            }
        }

        return data;
    }

    private static void AddNull(FieldData data)
    {
        data.ValidData.Add(false);
        switch (data.Scalars.DataCase)
        {
            case ScalarField.DataOneofCase.LongData:
                data.Scalars.LongData.Data.Add(0);
                break;
            case ScalarField.DataOneofCase.FloatData:
                data.Scalars.FloatData.Data.Add(0);
                break;
            case ScalarField.DataOneofCase.DoubleData:
                data.Scalars.DoubleData.Data.Add(0);
                break;
            case ScalarField.DataOneofCase.StringData:
                data.Scalars.StringData.Data.Add("");
                break;
            case ScalarField.DataOneofCase.TimestamptzData:
                data.Scalars.TimestamptzData.Data.Add(0);
                break;
            default:
                data.Scalars.IntData.Data.Add(0);
                break;
        }
    }

    /// <summary>As Milvus's protocol spells it.</summary>
    private static string Spelled(DataType type) => type switch
    {
        DataType.Json => "JSON",
        DataType.Bfloat16Vector => "BFloat16Vector",
        _ => type.ToString(),
    };

    internal sealed record Measure(string Kind, int Field, string Name);

    private sealed class Group(int measures)
    {
        public (SegmentView Segment, int Row)? First { get; set; }

        public Tally[] Tallies { get; } = [.. Enumerable.Range(0, measures).Select(_ => new Tally())];
    }
}
