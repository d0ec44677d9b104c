using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Arrays, times, geometries, defaults: what is taken, what is refused, and that it comes back as it went in.</summary>
public class ScalarColumnTests
{
    private static readonly PlainRow[] Rows =
    [
        new(0, 1, 0.5f, 1, "a", true, [1, 2, 3], ["x", "yy"], [0.5f], new DateTime(2025, 2, 28, 1, 2, 3), """{"a":1}""", """{"b":2}"""),
        new(1, null, null, 2, null, null, null, [], [], null, null, "{}"),
        new(2, -3, 4, 3, "c", false, [], ["z"], [1, 2], new DateTime(1969, 12, 31), "[1]", "{}"),
    ];

    [Fact]
    public void Columns_come_back_as_they_went_in_also_through_a_segment_file_and_a_compaction()
    {
        var definition = FilterSample.Definition();
        var given = RowReader.Read(definition, FilterSample.Request(Rows), Rows.Length, null);
        var segment = new Segment(definition, 1, 0);
        segment.Append(given, 0, Rows.Length);
        Assert.Equal(given, StoredSample.Columns(segment, Rows.Length));

        using var folder = Sample.Folder();
        var copy = StoredSample.ThroughFile(folder, definition, segment, Rows.Length);
        Assert.Equal(given, StoredSample.Columns(copy, Rows.Length));
        var moved = new Segment(definition, 3, 2);
        for (var row = 0; row < Rows.Length; row++) moved.AppendFrom(copy, row);
        Assert.Equal(given, StoredSample.Columns(moved, Rows.Length));

        // What a file held can be added to.
        copy.Append(given, 0, Rows.Length);
        Assert.Equal(given, StoredSample.Columns(copy, Rows.Length));
        Assert.Equal(StoredSample.Columns(moved, Rows.Length), [.. Enumerable.Range(0, definition.Fields.Count).Select(i => StoredSample.Column(copy.Columns[i], Rows.Length, Rows.Length))]);
    }

    [Fact]
    public void Times_are_answered_as_text_in_UTC()
    {
        Assert.True(Timestamps.TryParse("1984-04-14T15:00:00+08:00", TimeZoneInfo.Utc, out var micros));
        Assert.Equal("1984-04-14T07:00:00Z", Timestamps.Format(micros, TimeZoneInfo.Utc));
        Assert.True(Timestamps.TryParse("2025-01-01 10:00:00.123456", TimeZoneInfo.Utc, out micros));
        Assert.Equal("2025-01-01T10:00:00.123456Z", Timestamps.Format(micros, TimeZoneInfo.Utc));
        var column = Timestamps.ForAnswer(new FieldData { Type = DataType.Timestamptz, Scalars = new ScalarField { TimestamptzData = new TimestamptzArray { Data = { -1_000_000 } } } }, TimeZoneInfo.Utc);
        Assert.Equal("1969-12-31T23:59:59Z", column.Scalars.StringData.Data[0]);
        foreach (var wrong in new[] { "", "yesterday", "2025-13-01T00:00:00Z", "2025-01-01T25:00:00Z" }) Assert.False(Timestamps.TryParse(wrong, TimeZoneInfo.Utc, out _), wrong);
        Assert.True(Timestamps.TryParseInterval("P1Y2M3DT4H5M6.5S", out var interval));
        Assert.Equal(new Interval(14, (((((3 * 24L) + 4) * 60) + 5) * 60_000_000) + 6_500_000), interval);
        foreach (var wrong in new[] { "", "P", "PT", "P1", "1D", "P1DT" }) Assert.False(Timestamps.TryParseInterval(wrong, out _), wrong);
    }

    [Theory]
    [InlineData("POINT (1 2)", true)]
    [InlineData("point(1 -2.5e3)", true)]
    [InlineData("POINT EMPTY", true)]
    [InlineData("LINESTRING (0 0, 1 1, 2 2)", true)]
    [InlineData("POLYGON ((0 0, 1 0, 1 1, 0 0), (0.1 0.1, 0.2 0.1, 0.2 0.2, 0.1 0.1))", true)]
    [InlineData("MULTIPOINT ((0 0), (1 1))", true)]
    [InlineData("MULTIPOINT (0 0, 1 1)", true)]
    [InlineData("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", true)]
    [InlineData("GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))", true)]
    [InlineData("", false)]
    [InlineData("POINT", false)]
    [InlineData("POINT (1)", false)]
    [InlineData("POINT (1 2, 3 4)", false)]
    [InlineData("POINT (1 two)", false)]
    [InlineData("POINT (1 2", false)]
    [InlineData("POLYGON (0 0, 1 1)", false)]
    [InlineData("CIRCLE (1 2 3)", false)]
    [InlineData("POINT (1 2) x", false)]
    public void Geometries_are_well_known_text(string text, bool valid) => Assert.Equal(valid, WellKnownText.IsValid(text));

    [Fact]
    public void Nested_geometries_do_not_exhaust_the_stack() =>
        Assert.False(WellKnownText.IsValid(string.Concat(Enumerable.Repeat("GEOMETRYCOLLECTION (", 5_000))));

    [Fact]
    public void What_does_not_fit_is_refused_by_field_and_limit()
    {
        Refused("exceeds max capacity (8)", rows => rows.Select(r => r with { Numbers = [.. Enumerable.Range(0, 9).Select(i => (long)i)] }));
        Refused("exceeds max length", rows => rows.Select(r => r with { Words = ["longer than ten"] }));
        Refused("not a number or infinity", rows => rows.Select(r => r with { Parts = [float.NaN] }));
        var wrongKind = FilterSample.Request(Rows);
        wrongKind.Single(c => c.FieldName == "numbers").Scalars.ArrayData.Data[0] = new ScalarField { StringData = new StringArray { Data = { "x" } } };
        Assert.Contains("insert data does not match: invalid parameter[expected=int64 array]", Fault(() => RowReader.Read(FilterSample.Definition(), wrongKind, Rows.Length, null)), StringComparison.Ordinal);
        var wrongTime = FilterSample.Request(Rows);
        wrongTime.Single(c => c.FieldName == "when").Scalars.StringData.Data[0] = "soon";
        Assert.Contains("'soon'", Fault(() => RowReader.Read(FilterSample.Definition(), wrongTime, Rows.Length, null)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("max_capacity", null, "max_capacity")]
    [InlineData("max_capacity", "0", "(0, 4096]")]
    [InlineData("max_capacity", "5000", "(0, 4096]")]
    public void An_array_field_says_how_much_it_holds(string name, string? value, string words)
    {
        var schema = FilterSample.Schema();
        var field = schema.Fields.Single(f => f.Name == "numbers");
        field.TypeParams.Clear();
        if (value is not null) field.TypeParams.Add(new Pair { Key = name, Value = value });
        Assert.Contains(words, Fault(() => SchemaRules.Complete(schema, "kinds")), StringComparison.Ordinal);
    }

    [Fact]
    public void Defaults_fill_what_a_request_leaves_out()
    {
        var schema = FilterSample.Schema();
        schema.Fields.Single(f => f.Name == "when").DefaultValue = new ValueField { StringData = "1984-04-14T15:00:00+08:00" };
        schema.Fields.Single(f => f.Name == "small").DefaultValue = new ValueField { IntData = 7 };
        var definition = SchemaRules.Read(new CreateCollectionOp { Schema = SchemaRules.Complete(schema, "kinds") }, 1);
        var request = FilterSample.Request(Rows).Where(c => c.FieldName is not "when").ToList();
        var read = RowReader.Read(definition, request, Rows.Length, null);
        var time = read[definition.FieldIndex("when")];
        Assert.All(time.Scalars.TimestamptzData.Data, t => Assert.Equal("1984-04-14T07:00:00Z", Timestamps.Format(t, TimeZoneInfo.Utc)));
        Assert.All(time.ValidData, Assert.True);
        Assert.Equal([1, 7, -3], read[definition.FieldIndex("small")].Scalars.IntData.Data);
        schema.Fields.Single(f => f.Name == "when").DefaultValue = new ValueField { StringData = "soon" };
        Assert.Contains("Does not match any known format", Fault(() => SchemaRules.Complete(schema, "kinds")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sample_is_a_share_of_what_matches_and_follows_the_seed()
    {
        var rows = Enumerable.Range(0, 1000).Select(i => Rows[1] with { Id = i }).ToList();
        var view = FilterSample.View(rows);
        long Count(string filter, ulong seed) => Evaluator.Matching(Parser.Parse(FilterSample.Definition(), filter, seed: seed), view).Sum(w => System.Numerics.BitOperations.PopCount(w));
        Assert.Equal(100, Count("random_sample(0.1)", 1));
        Assert.Equal(50, Count("id < 500 and random_sample(0.1)", 1));
        Assert.Equal(1, Count("id == 3 and random_sample(0.1)", 1));
        ulong[] Taken(ulong seed) => Evaluator.Matching(Parser.Parse(FilterSample.Definition(), "random_sample(0.1)", seed: seed), view);
        Assert.Equal(Taken(1), Taken(1));
        Assert.NotEqual(Taken(1), Taken(2));
    }

    private static void Refused(string words, Func<IReadOnlyList<PlainRow>, IEnumerable<PlainRow>> change) =>
        Assert.Contains(words, Fault(() => RowReader.Read(FilterSample.Definition(), FilterSample.Request([.. change(Rows)]), Rows.Length, null)), StringComparison.Ordinal);

    private static string Fault(Action act) => Assert.Throws<Fault>(act).Message;
}
