using System.Collections.Immutable;
using System.Text.Json;
using Demarc.Cli.Access;
using Demarc.Core.Audit;
using Demarc.Core.Environments;

namespace Demarc.Cli.Audit;

/// <summary>A head that this profile was shown and has held against those before it.</summary>
/// <param name="Note">The exact signed note.</param>
/// <param name="PlaneKey">Whose signature on it counted then.</param>
/// <param name="SeenAt">When it was first seen.</param>
/// <param name="From">Who showed it.</param>
internal sealed record RememberedHead(string Note, string PlaneKey, DateTimeOffset SeenAt, string From)
{
    /// <summary>The same, read; what cannot be read is not passed over.</summary>
    public SignedHead Read(string file) => SignedHead.Read(Note) is { Head: { } head } ? head : throw HeadMemory.Damaged(file, SignedHead.Read(Note).Fault!);
}

/// <summary>
/// The heads that a profile has seen of each environment, newest last, in <c>heads/ENVIRONMENT.json</c>. Each continues the one before it, so that the newest
/// stands for all; some older ones are kept for people to compare. Written whole or not at all, by one command at a time.
/// </summary>
internal sealed class HeadMemory(Profile profile, TimeProvider time)
{
    /// <summary>Heads kept of one environment.</summary>
    public const int Most = 64;

    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(20);

    public string Folder => Path.Combine(profile.Folder, "heads");

    public string PathOf(EnvironmentId id) => Path.Combine(Folder, $"{id}.json");

    /// <summary>All that are kept, newest last.</summary>
    public ImmutableArray<RememberedHead> All(EnvironmentId id)
    {
        var path = PathOf(id);
        if (!File.Exists(path)) return [];
        try
        {
            var heads = JsonSerializer.Deserialize(File.ReadAllText(path), CliJson.Default.ImmutableArrayRememberedHead);
            return heads.IsDefault || heads.Any(head => head is not { Note: not null, PlaneKey: not null, From: not null }) ? throw Damaged(path, "it holds no heads") : heads;
        }
        catch (JsonException unreadable)
        {
            throw Damaged(path, unreadable.Message);
        }
    }

    /// <summary>The newest; null when this profile has seen none.</summary>
    public RememberedHead? Newest(EnvironmentId id) => All(id) is { Length: > 0 } heads ? heads[^1] : null;

    /// <summary>Adds one that was held against <paramref name="after"/>; false when another command has added one meanwhile, against which it has to be held too.</summary>
    public async Task<bool> AddAsync(EnvironmentId id, RememberedHead head, RememberedHead? after, CancellationToken stop)
    {
        profile.MakeFolder();
        Directory.CreateDirectory(Folder);
        using var held = await LockAsync(id, stop);
        var heads = All(id);
        if ((heads.IsEmpty ? null : heads[^1].Note) != after?.Note) return false;
        if (heads.Length >= Most) heads = heads.RemoveRange(0, heads.Length - Most + 1);
        KeyFile.Write(PathOf(id), JsonSerializer.Serialize(heads.Add(head), CliJson.Default.ImmutableArrayRememberedHead) + "\n");
        return true;
    }

    /// <summary>Forgets an environment that this profile has founded anew under the same name.</summary>
    public void Forget(EnvironmentId id)
    {
        if (Directory.Exists(Folder)) File.Delete(PathOf(id));
    }

    public static CommandFailedException Damaged(string path, string why) => new(
        ExitCodes.Failed, $"{path}, in which this profile remembers the heads it has seen, cannot be read: {why}",
        "Restore it from a backup. If it is deleted, a plane that shows another history than before is not noticed by this profile any more.");

    private async Task<FileStream> LockAsync(EnvironmentId id, CancellationToken stop)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Folder, $"{id}.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (time.GetElapsedTime(since) < LockPatience)
            {
                await Task.Delay(LockPoll, time, stop);
            }
        }
    }
}
