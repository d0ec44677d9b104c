using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Times without an offset are read, and all times shown, in the collection's time zone or the one that a request names.</summary>
[UnsupportedOSPlatform("windows")]
public class TimeZoneTests
{
    [Theory]
    [InlineData("2024-12-31T17:00:00-05:00", "UTC", "2024-12-31T22:00:00Z")]
    [InlineData("2024-12-31 17:00:00", "America/New_York", "2024-12-31T17:00:00-05:00")]
    [InlineData("2024-12-31 22:00:00Z", "Asia/Shanghai", "2025-01-01T06:00:00+08:00")]
    [InlineData("2024-12-31 22:00:00+00", "UTC", "2024-12-31T22:00:00Z")]
    [InlineData("2024-06-30T12:00:00.1234567", "America/New_York", "2024-06-30T12:00:00.123456-04:00")]
    [InlineData("2024-11-03 01:30:00", "America/New_York", "2024-11-03T01:30:00-04:00")]
    [InlineData("2024-02-29T00:00:00+14:00", "UTC", "2024-02-28T10:00:00Z")]
    [InlineData("0001-01-01T00:00:00Z", "America/New_York", "0001-01-01T00:00:00Z")]
    [InlineData("0000-02-29T12:00:00.5Z", "UTC", "0000-02-29T12:00:00.5Z")]
    [InlineData("0000-01-01 00:00:00", "UTC", "0000-01-01T00:00:00Z")]
    public void A_time_is_read_and_shown_in_a_zone(string text, string zoneName, string shown)
    {
        var zone = Timestamps.Zone(zoneName)!;
        Assert.True(Timestamps.TryParse(text, zone, out var time));
        Assert.Equal(shown, Timestamps.Format(time, zone));
    }

    [Theory]
    [InlineData("2025-01-01")]
    [InlineData("2025-01-01T10:00")]
    [InlineData("2025-01-01T10:00:00+15:00")]
    [InlineData("2025-01-01T10:00:00-13:00")]
    [InlineData("2025-01-01T10:00:00+24:00")]
    [InlineData("2025-01-01T10:00:00+08")]
    [InlineData("2025-02-29T10:00:00")]
    [InlineData("9999-12-31T23:59:59-01:00")]
    public void Other_spellings_are_not_read(string text) => Assert.False(Timestamps.TryParse(text, TimeZoneInfo.Utc, out _));

    [Theory]
    [InlineData("")]
    [InlineData("Mars/Olympus")]
    [InlineData("../../etc/passwd")]
    public void Unknown_zones_are_none(string name) => Assert.Null(Timestamps.Zone(name));

    [Fact]
    public async Task A_collection_has_a_zone_and_a_request_may_name_another()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var lab = new ServiceLab(engine.Client);
        var schema = Sample.Schema();
        schema.Fields.Add(new FieldSchema { Name = "when", DataType = DataType.Timestamptz, Nullable = true });
        schema.Fields.Add(new FieldSchema { Name = "since", DataType = DataType.Timestamptz, Nullable = true, DefaultValue = new ValueField { StringData = "2020-01-01T00:00:00" } });
        var create = new CreateCollectionRequest { CollectionName = "things", Schema = schema.ToByteString(), Properties = { new Pair { Key = "timezone", Value = "Nowhere" } } };
        Assert.Equal((1100, "unknown or invalid IANA Time Zone ID: Nowhere: invalid parameter"), (await engine.Client.CreateCollectionAsync(create) is var no ? (no.Code, no.Reason) : default));
        create.Properties[0].Value = "Asia/Shanghai";
        ServiceLab.Ok(await engine.Client.CreateCollectionAsync(create));
        ServiceLab.Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = "L2" } } }));
        ServiceLab.Ok(await engine.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }));
        Assert.Equal(0, (await Inserted("2025-01-01 06:00:00")).Status.Code);
        var refused = await Inserted("noon");
        Assert.Equal((1100, "got invalid timestamptz string 'noon': invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC'): invalid parameter"), (refused.Status.Code, refused.Status.Reason));

        Assert.Equal(["2025-01-01T06:00:00+08:00", "2020-01-01T00:00:00+08:00"], await Times("id == 1"));
        Assert.Equal(["2024-12-31T17:00:00-05:00", "2019-12-31T11:00:00-05:00"], await Times("when == ISO '2024-12-31 17:00:00'", "America/New_York"));
        Assert.Empty(await Times("when == ISO '2024-12-31 17:00:00'"));
        var search = ServiceLab.Search(Sample.Vector(1, 0), 1, ("timezone", "UTC"));
        search.OutputFields.Add("when");
        Assert.Equal(["2024-12-31T22:00:00Z"], (await lab.Found(search)).FieldsData.Single(f => f.FieldName == "when").Scalars.StringData.Data);
        search.SearchParams.Single(p => p.Key == "timezone").Value = "Nowhere";
        Assert.Contains("unknown or invalid IANA Time Zone ID: Nowhere", (await engine.Client.SearchAsync(search)).Status.Reason, StringComparison.Ordinal);

        // The zone may change; what the times are does not.
        ServiceLab.Ok(await engine.Client.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", Properties = { new Pair { Key = "timezone", Value = "UTC" } } }));
        Assert.Equal(["2024-12-31T22:00:00Z", "2019-12-31T16:00:00Z"], await Times("id == 1"));

        async Task<MutationResult> Inserted(string time)
        {
            var insert = new InsertRequest { CollectionName = "things", NumRows = 1 };
            insert.FieldsData.Add(Sample.Columns([1]));
            insert.FieldsData.Add(new FieldData { Type = DataType.Timestamptz, FieldName = "when", Scalars = new ScalarField { StringData = new StringArray { Data = { time } } } });
            return await engine.Client.InsertAsync(insert);
        }

        async Task<List<string>> Times(string filter, string? zone = null)
        {
            var query = new QueryRequest { CollectionName = "things", Expr = filter, OutputFields = { "when", "since" } };
            if (zone is not null)
            {
                query.QueryParams.Add(new Pair { Key = "timezone", Value = zone });
            }

            var answer = await engine.Client.QueryAsync(query);
            ServiceLab.Ok(answer.Status);
            return [.. answer.FieldsData.Where(f => f.Type == DataType.Timestamptz).OrderByDescending(f => f.FieldName).SelectMany(f => f.Scalars.StringData?.Data ?? [])];
        }
    }
}
