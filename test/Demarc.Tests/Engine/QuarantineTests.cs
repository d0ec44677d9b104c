using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>What clients and operators see of a damaged segment.</summary>
[UnsupportedOSPlatform("windows")]
public class QuarantineTests
{
    [Fact]
    public async Task Clients_of_a_damaged_collection_hear_which_file_it_is_and_what_to_do_and_all_others_are_served()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            var lab = new ServiceLab(engine.Client);
            await lab.Ready(rows: 20);
            await lab.Ready("others", rows: 10);
            Assert.Equal(0, await engine.Stop());
        }

        var file = Directory.GetFiles(folder.Path, "segment-*.seg").Order(StringComparer.Ordinal).First();
        var whole = File.ReadAllBytes(file);
        var hurt = (byte[])whole.Clone();
        hurt[whole.Length / 2] ^= 1;
        File.WriteAllBytes(file, hurt);
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            var lab = new ServiceLab(engine.Client);
            var insert = new InsertRequest { CollectionName = "things", NumRows = 1 };
            insert.FieldsData.Add(Sample.Columns([500]));
            foreach (var status in new[]
            {
                (await engine.Client.SearchAsync(ServiceLab.Search([1, 1, 1, 1], 3))).Status,
                (await engine.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id == 3", OutputFields = { "id" } })).Status,
                (await engine.Client.InsertAsync(insert)).Status,
                (await engine.Client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [1]" })).Status,
                (await engine.Client.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id > 1" })).Status,
                (await engine.Client.GetCollectionStatisticsAsync(new GetCollectionStatisticsRequest { CollectionName = "things" })).Status,
            })
            {
                Assert.Equal(1001, status.Code);
                Assert.Contains(file, status.Reason, StringComparison.Ordinal);
                Assert.Contains(" at byte ", status.Reason, StringComparison.Ordinal);
                Assert.Contains("Restore that file", status.Reason, StringComparison.Ordinal);
            }

            Assert.Equal(10, (await lab.Keys(name: "others")).Count);
            await lab.Insert([77], "others");
            ServiceLab.Ok((await engine.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "things" })).Status);
            Assert.Contains(Path.GetFileName(file) + ".damaged", engine.Log, StringComparison.Ordinal);
            using var http = new HttpClient();
            Assert.Contains("demarc_engine_damaged_collections 1", await http.GetStringAsync(new Uri(engine.MetricsAddress, "/metrics")), StringComparison.Ordinal);
            await engine.Stop();
        }

        File.WriteAllBytes(file, whole);
        await using var restored = await EngineProcess.Start(folder.Path);
        Assert.Equal(20, (await new ServiceLab(restored.Client).Keys()).Count);
        Assert.Equal(11, (await new ServiceLab(restored.Client).Keys(name: "others")).Count);
    }
}
