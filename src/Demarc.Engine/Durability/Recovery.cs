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
    public static Recovered Run(DataDirectory directory, Disk disk, HybridClock clock, AckedMark acked, ILogger log)
    {
        foreach (var leftover in Directory.EnumerateFiles(directory.Path, "*.tmp"))
        {
            disk.Delete(leftover); // Never renamed, so never part of the state.
        }

        var state = new EngineState(clock);
        var manifest = directory.Manifests().LastOrDefault() is { } path ? LoadCheckpoint(directory, disk, path, state, clock, log) : null;
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
        catch (Exception e) when (IsOfTheContent(e))
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
        catch (Exception e) when (IsOfTheContent(e))
        {
            throw Unfit(path, e);
        }

        return manifest;
    }

    private static void Restore(DataDirectory directory, Disk disk, Manifest manifest, EngineState state, HybridClock clock, ILogger log)
    {
        clock.Raise(Math.Max((long)manifest.LastTimestamp, manifest.LastId));
        RestoreCatalog(manifest, state);
        foreach (var stored in manifest.Collections)
        {
            state.Add(RestoreCollection(directory, disk, stored, clock, log));
        }
    }

    /// <summary>A collection with all its rows, or with none of them and the reason why.</summary>
    private static CollectionRows RestoreCollection(DataDirectory directory, Disk disk, StoredCollection stored, HybridClock clock, ILogger log)
    {
        var collection = new CollectionRows(Definition(stored), clock.NextId);
        string? damage = null;
        foreach (var segment in stored.Segments)
        {
            try
            {
                RestoreSegment(directory, collection, segment);
            }
            catch (Exception error) when (error is DamagedDataException || IsOfTheContent(error))
            {
                var e = error as DamagedDataException ?? Unfit(directory.PathOf(segment.File), error);
                var told = Quarantine.MoveAside(disk, e, log);
                log.Quarantined(collection.Definition.Name, told);
                damage ??= told;
            }
        }

        if (damage is not null)
        {
            collection = new CollectionRows(Definition(stored), clock.NextId);
            collection.Withhold(new WithheldRows(stored.Segments, stored.Pending), damage);
            return collection;
        }

        foreach (var op in stored.Pending)
        {
            Redo(collection, op);
        }

        return collection;
    }

    private static void RestoreSegment(DataDirectory directory, CollectionRows collection, StoredSegment segment)
    {
        var (file, definition) = (directory.PathOf(segment.File), collection.Definition);
        if (file.EndsWith(SegmentFile.Extension, StringComparison.Ordinal))
        {
            collection.Restore(SegmentFile.Open(file, definition, segment), segment);
            return;
        }

        var body = StoredFile.Read(file, StoredFile.SegmentMagic, SegmentBody.Parser);
        if (body.CollectionId != definition.Id || body.SegmentId != segment.SegmentId || body.RowCount != segment.RowCount || body.RowCount < 0 || body.RowCount > body.CalculateSize() || body.Columns.Count > definition.Fields.Count)
        {
            throw new DamagedDataException(file, 0, "the segment is not the one its manifest names");
        }

        collection.Restore(body, segment);
    }

    /// <summary>Whether what went wrong is in what was read, and not in the reading of it.</summary>
    private static bool IsOfTheContent(Exception e) => e is not DamagedDataException and not IOException and not UnauthorizedAccessException;

    private static DamagedDataException Unfit(string file, Exception e) => new(file, 0, $"the content matches its checksum but cannot be taken over ({e.Message})");

    /// <summary>Does to rows that can be read again what was done while they could not.</summary>
    private static void Redo(CollectionRows collection, LogOp op)
    {
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.PutRows:
                foreach (var field in collection.Definition.Fields.Skip(op.PutRows.Columns.Count).ToList())
                {
                    op.PutRows.Columns.Add(RowReader.Absent(field, op.PutRows.RowCount));
                }

                collection.Put(op.PutRows, op.Timestamp);
                break;
            case LogOp.ChangeOneofCase.DeleteRows:
                collection.Delete(op.DeleteRows.Ids);
                break;
            case LogOp.ChangeOneofCase.Truncate:
                collection.Truncate();
                break;
            case LogOp.ChangeOneofCase.DropPartition:
                collection.DropPartition(op.DropPartition.PartitionId);
                break;
            default:
                throw new InvalidDataException($"{op.ChangeCase} waits in the manifest, but is no change of rows; start the newer engine that wrote it");
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
