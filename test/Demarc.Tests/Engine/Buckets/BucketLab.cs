using System.Runtime.Versioning;
using Demarc.Engine;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>Engines over one bucket in memory, each with a folder of its own, and rows that are small so that a segment is soon full.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class BucketLab : IDisposable
{
    public const int Dimension = 8;

    /// <summary>Rows of a full segment.</summary>
    public const int Full = Limits.SegmentRows;

    private readonly List<TemporaryFolder> folders = [];

    public MemoryBucket Bucket { get; } = new();

    /// <summary>Makes every act fail from now on, as when the line to the bucket is cut.</summary>
    public bool Away
    {
        set => Bucket.Before = value ? (_, _) => new Demarc.Engine.Buckets.BucketException("memory://bucket does not answer: the line is cut") : null;
    }

    public TemporaryFolder Folder()
    {
        folders.Add(new TemporaryFolder());
        return folders[^1];
    }

    /// <summary>An engine that puts what is stored into the bucket as soon as it is asked to.</summary>
    public EngineBox Open(TemporaryFolder folder, long? cacheMib = null, bool fromBucket = false, bool indexing = false, Disk? disk = null, long checkpointAfter = 1 << 20) =>
        EngineBox.Open(new EngineOptions { Data = folder.Path, CacheMib = cacheMib, FromBucket = fromBucket }, disk ?? new FaultyDisk(), TimeProvider.System, indexing, checkpointAfter, Bucket);

    /// <summary>Left as a killed process leaves it: nothing more is written, here or there.</summary>
    public void Kill(EngineBox box)
    {
        var before = Bucket.Before;
        Away = true;
        box.Abandon();
        Bucket.Before = before;
    }

    public static async Task<ServiceLab> ReadyAsync(EngineBox box, string name = "things", string index = "FLAT")
    {
        var client = box.Client;
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = name, Schema = Schema(name).ToByteString() }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = name, FieldName = "vec", ExtraParams = { ServiceLab.Parameters(("metric_type", "L2"), ("index_type", index)) } }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = name }));
        return new ServiceLab(client);
    }

    /// <summary>Rows whose every value follows from the key and from who wrote it.</summary>
    public static async Task PutAsync(EngineBox box, int from, int count, int writer = 0, string name = "things")
    {
        for (var at = from; at < from + count; at += 50_000)
        {
            var keys = Enumerable.Range(at, Math.Min(50_000, from + count - at)).ToList();
            var insert = new InsertRequest { CollectionName = name, NumRows = (uint)keys.Count };
            var ids = new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new() { LongData = new() { Data = { keys.Select(k => (long)k) } } } };
            var vectors = new FieldData { FieldName = "vec", Type = DataType.FloatVector, Vectors = new() { Dim = Dimension, FloatVector = new() } };
            var titles = new FieldData { FieldName = "title", Type = DataType.VarChar, Scalars = new() { StringData = new() } };
            foreach (var key in keys)
            {
                vectors.Vectors.FloatVector.Data.AddRange(Vector(key, writer));
                titles.Scalars.StringData.Data.Add(Title(key, writer));
            }

            insert.FieldsData.Add([ids, vectors, titles]);
            ServiceLab.Ok((await box.Client.InsertAsync(insert)).Status);
        }
    }

    public static float[] Vector(int key, int writer = 0) => [key, key % 97, key % 31, key % 7, writer, 1, 0, -key % 13];

    public static string Title(int key, int writer = 0) => $"row {key} of {writer}";

    /// <summary>The rows with these keys are there, found by their vectors too, and those of no other writer.</summary>
    public static async Task CheckAsync(EngineBox box, IEnumerable<int> keys, int writer = 0, string name = "things")
    {
        foreach (var key in keys)
        {
            var read = await box.Client.QueryAsync(new QueryRequest { CollectionName = name, Expr = $"id == {key}", OutputFields = { "id", "vec", "title" } });
            ServiceLab.Ok(read.Status);
            Assert.Equal(Vector(key, writer), read.FieldsData.First(f => f.FieldName == "vec").Vectors.FloatVector.Data);
            Assert.Equal([Title(key, writer)], read.FieldsData.First(f => f.FieldName == "title").Scalars.StringData.Data);
            var search = ServiceLab.Search(Vector(key, writer), 1);
            search.CollectionName = name;
            var found = await box.Client.SearchAsync(search);
            Assert.Empty(box.Defects);
            ServiceLab.Ok(found.Status);
            Assert.Equal([key], found.Results.Ids.IntId.Data.Select(id => (int)id));
            Assert.Equal([0f], found.Results.Scores);
        }
    }

    public static async Task<long> CountAsync(EngineBox box, string name = "things")
    {
        var counted = await box.Client.QueryAsync(new QueryRequest { CollectionName = name, Expr = "", OutputFields = { "count(*)" } });
        ServiceLab.Ok(counted.Status);
        return counted.FieldsData[0].Scalars.LongData.Data[0];
    }

    public static async Task TakeSnapshotAsync(EngineBox box, string name) =>
        ServiceLab.Ok(await box.Client.CreateSnapshotAsync(new CreateSnapshotRequest { CollectionName = "things", Name = name }));

    /// <summary>A checkpoint was written and is in the bucket.</summary>
    public static Task MirroredAsync(EngineBox box, TemporaryFolder folder) =>
        UntilAsync(() =>
        {
            box.Store.AskForCheckpoint();
            if (box.Bucket!.Mirror!.Away is not null)
            {
                box.Bucket.Mirror.Wake(); // By itself it would wait longer each time.
            }

            var next = DataDirectory.Number(Directory.GetFiles(folder.Path, "wal-*.log").Max()!);
            return box.Store.LogBytes <= LogFormat.HeaderBytes && box.Bucket.Mirror.IsDone && box.Bucket.Files.There.Contains(DataDirectory.ManifestName(next - 1));
        });

    /// <summary>As <see cref="UntilAsync"/>, for what waits for an index: it is built with what others leave of the processors, on a busy machine next to nothing.</summary>
    public static Task IndexedAsync(Func<bool> holds) => UntilAsync(holds, TimeSpan.FromMinutes(3));

    public static async Task UntilAsync(Func<bool> holds, TimeSpan? limit = null)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < (limit ?? Patience.Limit), "it does not come to be");
            await Task.Delay(5);
        }
    }

    public static List<string> Files(TemporaryFolder folder, string pattern) => [.. Directory.GetFiles(folder.Path, pattern).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        folders.ForEach(folder => folder.Dispose());
        Bucket.Dispose();
    }

    private static CollectionSchema Schema(string name) => new()
    {
        Name = name,
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = "8" } } },
            new FieldSchema { Name = "title", DataType = DataType.VarChar, TypeParams = { new Pair { Key = "max_length", Value = "100" } } },
        },
    };
}
