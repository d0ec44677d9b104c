using System.Collections.Immutable;
using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Durability;

/// <summary>What a start found on the disk.</summary>
/// <param name="State">Everything acknowledged before.</param>
/// <param name="LastFrame">Number of the last frame in it.</param>
/// <param name="Log">The log to go on with.</param>
/// <param name="Frames">Frames replayed from logs.</param>
/// <param name="TornBytes">Bytes of a half-written frame that were cut.</param>
/// <param name="Manifest">The newest checkpoint's, or an empty one before the first.</param>
/// <param name="Snapshots">The snapshots that are there.</param>
internal sealed record Recovered(EngineState State, ulong LastFrame, LogFile Log, int Frames, long TornBytes, Manifest Manifest, Snapshots Snapshots);

/// <summary>Rebuilds the state: the newest checkpoint, then every log frame after it, in unbroken order.</summary>
internal static class Recovery
{
    public static Recovered Run(DataDirectory directory, Disk disk, HybridClock clock, AckedMark acked, ILogger log)
    {
        foreach (var leftover in Directory.EnumerateFiles(directory.Path, "*.tmp"))
        {
            disk.Delete(leftover); // Never renamed, so never part of the state.
        }

        var state = new EngineState(clock) { Reader = stored => StoredCollections.ReadOrWithhold(directory, disk, stored, clock, log) };
        var snapshots = Snapshots.Load(directory, disk, clock, log);
        var manifest = directory.Manifests().LastOrDefault() is { } path ? LoadCheckpoint(directory, disk, path, state, clock, log) : null;
        var expected = (manifest?.LastLsn ?? 0) + 1;
        var logs = directory.Logs().Where(l => DataDirectory.Number(l) >= expected).ToArray();
        if (logs.Length == 0)
        {
            if (manifest is not null || directory.Logs().Length > 0)
            {
                throw new DamagedDataException(directory.PathOf(DataDirectory.LogName(expected)), 0, "the log that continues the checkpoint is missing");
            }

            return new Recovered(state, 0, LogFile.Create(disk, directory.Path, 1), 0, 0, new Manifest(), snapshots);
        }

        var frames = 0;
        long torn = 0;
        LogFile? open = null;
        for (var i = 0; i < logs.Length; i++)
        {
            var first = DataDirectory.Number(logs[i]);
            if (first != expected)
            {
                throw new DamagedDataException(logs[i], 0, $"the log begins at frame {first} but frame {expected} should follow");
            }

            var newest = i == logs.Length - 1;
            var reading = Replay(logs[i], first, newest, state);
            if (reading.SoundLength < acked.Get(first))
            {
                throw new DamagedDataException(logs[i], reading.SoundLength, "an acknowledged frame does not check");
            }

            expected += (ulong)reading.Frames;
            frames += reading.Frames;
            torn = reading.TornBytes;
            if (newest)
            {
                open = LogFile.Open(disk, logs[i], reading.SoundLength);
                open.CutTail();
            }
        }

        if (manifest is not null)
        {
            Checkpoint.RemoveReplaced(directory, disk, manifest, state, snapshots);
        }

        return new Recovered(state, expected - 1, open!, frames, torn, manifest ?? new Manifest(), snapshots);
    }

    private static LogReading Replay(string path, ulong first, bool newest, EngineState state)
    {
        ulong at = first;
        try
        {
            return LogReader.Read(path, first, newest, (number, frame) =>
            {
                at = number;
                foreach (var op in frame.Ops)
                {
                    CheckRows(op);
                    state.Apply(op);
                }
            });
        }
        catch (Exception e) when (StoredCollections.IsOfTheContent(e))
        {
            throw new DamagedDataException(path, 0, $"frame {at} cannot be applied: {e.Message}");
        }
    }

    /// <summary>Memory is taken by the number of rows; one that the operation has no bytes for is not what was written.</summary>
    private static void CheckRows(LogOp op)
    {
        if (op.PutRows is { } rows && (rows.RowCount < 0 || rows.RowCount > rows.CalculateSize()))
        {
            throw new InvalidDataException($"{rows.RowCount} rows in {rows.CalculateSize()} bytes");
        }

        foreach (var one in op.Batch?.Ops ?? [])
        {
            CheckRows(one);
        }
    }

    private static Manifest LoadCheckpoint(DataDirectory directory, Disk disk, string path, EngineState state, HybridClock clock, ILogger log)
    {
        var manifest = StoredFile.Read(path, StoredFile.ManifestMagic, Manifest.Parser);
        try
        {
            Restore(directory, disk, manifest, state, clock, log);
        }
        catch (Exception e) when (StoredCollections.IsOfTheContent(e))
        {
            throw StoredCollections.Unfit(path, e);
        }

        return manifest;
    }

    private static void Restore(DataDirectory directory, Disk disk, Manifest manifest, EngineState state, HybridClock clock, ILogger log)
    {
        clock.Raise(Math.Max((long)manifest.LastTimestamp, manifest.LastId));
        RestoreCatalog(manifest, state);
        foreach (var stored in manifest.Collections)
        {
            state.Add(StoredCollections.ReadOrWithhold(directory, disk, stored, clock, log));
        }
    }

    private static void RestoreCatalog(Manifest manifest, EngineState state)
    {
        state.SetAccess(new AccessState(
            manifest.Users.ToImmutableSortedDictionary(u => u.Name, u => u, StringComparer.Ordinal),
            manifest.Roles.ToImmutableSortedDictionary(r => r.Name, r => r, StringComparer.Ordinal),
            [.. manifest.Grants],
            manifest.PrivilegeGroups.ToImmutableSortedDictionary(g => g.Name, g => g, StringComparer.Ordinal)));
        state.SetResourceGroups(manifest.ResourceGroups.ToImmutableSortedDictionary(g => g.Name, g => g, StringComparer.Ordinal));
        state.SetNames(state.Names with
        {
            Databases = state.Names.Databases.SetItems(manifest.Databases.Select(d => KeyValuePair.Create(d.Name, d))),
            Aliases = manifest.Aliases.ToImmutableDictionary(a => (a.Database, a.Name), a => a.CollectionId),
        });
    }
}
