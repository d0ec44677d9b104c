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
internal sealed record Recovered(EngineState State, ulong LastFrame, LogFile Log, int Frames, long TornBytes);

/// <summary>Rebuilds the state: the newest checkpoint, then every log frame after it, in unbroken order.</summary>
internal static class Recovery
{
    public static Recovered Run(DataDirectory directory, Disk disk, HybridClock clock, AckedMark acked)
    {
        foreach (var leftover in Directory.EnumerateFiles(directory.Path, "*.tmp"))
        {
            disk.Delete(leftover); // Never renamed, so never part of the state.
        }

        var state = new EngineState(clock);
        var manifest = directory.Manifests().LastOrDefault() is { } path ? LoadCheckpoint(directory, path, state, clock) : null;
        var expected = (manifest?.LastLsn ?? 0) + 1;
        var logs = directory.Logs().Where(l => DataDirectory.Number(l) >= expected).ToArray();
        if (logs.Length == 0)
        {
            if (manifest is not null || directory.Logs().Length > 0)
            {
                throw new DamagedDataException(directory.PathOf(DataDirectory.LogName(expected)), 0, "the log that continues the checkpoint is missing");
            }

            return new Recovered(state, 0, LogFile.Create(disk, directory.Path, 1), 0, 0);
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
            Checkpoint.RemoveReplaced(directory, disk, manifest);
        }

        return new Recovered(state, expected - 1, open!, frames, torn);
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
        catch (Exception e) when (e is not DamagedDataException and not IOException and not UnauthorizedAccessException)
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

    private static Manifest LoadCheckpoint(DataDirectory directory, string path, EngineState state, HybridClock clock)
    {
        var manifest = StoredFile.Read(path, StoredFile.ManifestMagic, Manifest.Parser);
        var reading = path;
        try
        {
            Restore(directory, manifest, state, clock, file => reading = file);
        }
        catch (Exception e) when (e is not DamagedDataException and not IOException and not UnauthorizedAccessException)
        {
            throw new DamagedDataException(reading, 0, $"the content matches its checksum but cannot be taken over ({e.Message})");
        }

        return manifest;
    }

    private static void Restore(DataDirectory directory, Manifest manifest, EngineState state, HybridClock clock, Action<string> reading)
    {
        clock.Raise(Math.Max((long)manifest.LastTimestamp, manifest.LastId));
        RestoreCatalog(manifest, state);
        foreach (var stored in manifest.Collections)
        {
            var definition = Definition(stored);
            var collection = new CollectionRows(definition, clock.NextId);
            foreach (var segment in stored.Segments)
            {
                var file = directory.PathOf(segment.File);
                reading(file);
                var body = StoredFile.Read(file, StoredFile.SegmentMagic, SegmentBody.Parser);
                if (body.CollectionId != definition.Id || body.SegmentId != segment.SegmentId || body.RowCount != segment.RowCount || body.RowCount < 0 || body.RowCount > body.CalculateSize() || body.Columns.Count > definition.Fields.Count)
                {
                    throw new DamagedDataException(file, 0, "the segment is not the one its manifest names");
                }

                collection.Restore(body, segment);
            }

            state.Add(collection);
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

    private static CollectionDefinition Definition(StoredCollection stored)
    {
        var read = SchemaRules.Read(stored.Definition, stored.CreatedTimestamp);
        return read with
        {
            Loaded = stored.Loaded,
            Indexes = [.. stored.Indexes],
            Partitions = stored.Partitions.Count > 0 ? [.. stored.Partitions] : read.Partitions,
            LoadedPartitions = [.. stored.LoadedPartitions],
            LoadFields = [.. stored.LoadFields],
            UpdatedTimestamp = Math.Max(stored.UpdatedTimestamp, stored.CreatedTimestamp),
        };
    }
}
