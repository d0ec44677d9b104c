using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Buckets;

/// <summary>
/// The one object in a bucket that changes: whose it is, and which manifest there is the newest. It is only ever replaced on
/// the condition that it is still what was read, so that of two engines one finds out that the other has taken over.
/// </summary>
/// <param name="Engine">Always demarc-engine.</param>
/// <param name="Format">Of the files beside it; see <see cref="DataDirectory.FormatVersion"/>.</param>
/// <param name="Instance">The instance that they are of.</param>
/// <param name="Holders">The data folder that may write here, and those before it, newest first. Each writes under its own name only, so that what one that was replaced still writes is told from what the newest one writes.</param>
/// <param name="Manifest">Where the newest manifest is, whose files are all there; null before the first.</param>
/// <param name="Updated">When it became the newest.</param>
internal sealed record BucketHead(string Engine, int Format, string Instance, IReadOnlyList<string> Holders, string? Manifest, DateTimeOffset Updated)
{
    public const string Name = "engine.json";
    private const int MostBytes = 64 * 1024;

    public static BucketHead New(string instance, string holder, DateTimeOffset now) => new("demarc-engine", DataDirectory.FormatVersion, instance, [holder], null, now);

    public static string NewHolder() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    /// <summary>What stands in the bucket and its tag; null when nothing does.</summary>
    public static async Task<(BucketHead Head, string Tag)?> ReadAsync(IBucket bucket, CancellationToken stop)
    {
        if (await bucket.ReadAsync(Name, MostBytes, stop) is not { } there)
        {
            return null;
        }

        BucketHead? head;
        try
        {
            head = JsonSerializer.Deserialize(there.Content, BucketJson.Default.BucketHead);
        }
        catch (JsonException)
        {
            head = null;
        }

        if (head is not { Engine: "demarc-engine", Instance.Length: > 0, Holders: [{ Length: > 0 }, ..] })
        {
            throw new DataDirectoryException(ExitCodes.WrongData, $"{bucket.Place}/{Name} is not one of demarc-engine: name a prefix of the bucket that is the engine's own.");
        }

        return head.Format <= DataDirectory.FormatVersion
            ? (head, there.Tag)
            : throw new DataDirectoryException(ExitCodes.WrongData, $"{bucket.Place} is of format {head.Format}; this engine reads formats up to {DataDirectory.FormatVersion}.");
    }

    /// <summary>Puts it there in place of what was read; false when that has changed.</summary>
    public Task<bool> PutAsync(IBucket bucket, string? seen, CancellationToken stop) => bucket.PutIfAsync(Name, JsonSerializer.SerializeToUtf8Bytes(this, BucketJson.Default.BucketHead), seen, stop);
}

/// <summary>What the data folder knows of its bucket, in bucket.json.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Holder">Under which name this folder writes there.</param>
/// <param name="Before">Those it took over from, newest first.</param>
/// <param name="Inherited">The files it took over. One of the same name that comes later is not of this folder's rows.</param>
internal sealed record BucketTie(string Place, string Holder, IReadOnlyList<string> Before, IReadOnlyList<string> Inherited)
{
    private const string FileName = "bucket.json";

    public static BucketTie? Read(DataDirectory directory)
    {
        var path = directory.PathOf(FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), BucketJson.Default.BucketTie) is { Place.Length: > 0, Holder.Length: > 0, Before: not null, Inherited: not null } tie ? tie : throw new JsonException();
        }
        catch (JsonException)
        {
            throw new DamagedDataException(path, 0, "it does not say which bucket the folder goes with");
        }
    }

    public void Write(DataDirectory directory, Disk disk) => disk.WriteWhole(directory.PathOf(FileName), JsonSerializer.SerializeToUtf8Bytes(this, BucketJson.Default.BucketTie));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BucketHead))]
[JsonSerializable(typeof(BucketTie))]
internal sealed partial class BucketJson : JsonSerializerContext;
