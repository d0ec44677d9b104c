using Demarc.Engine.Indexes;

namespace Demarc.Engine.Durability;

/// <summary>The files of segments and indexes that something rests on: a checkpoint, a snapshot, or what is served now.</summary>
internal sealed class NamedFiles
{
    private readonly HashSet<string> segments = new(StringComparer.Ordinal);
    private readonly HashSet<(long Segment, long Index)> indexes = [];

    public static NamedFiles Of(IEnumerable<StoredCollection> collections, EngineState state)
    {
        var named = Of(collections);
        foreach (var view in state.Collections.Select(c => c.View))
        {
            foreach (var segment in view.Segments.Select(s => s.Segment))
            {
                if (segment.Stored is { } stored)
                {
                    named.segments.Add(stored.File);
                    named.Add(segment.Id, stored.Identity.Id, view.Definition.Indexes);
                }
            }
        }

        return named;
    }

    public static NamedFiles Of(IEnumerable<StoredCollection> collections)
    {
        var named = new NamedFiles();
        foreach (var collection in collections)
        {
            foreach (var segment in collection.Segments)
            {
                named.segments.Add(segment.File);
                named.Add(segment.SegmentId, segment.OriginSegmentId, collection.Indexes);
            }
        }

        return named;
    }

    public IEnumerable<string> Segments => segments;

    /// <summary>Whether a file of a segment is named, or the file that it is a part of.</summary>
    public bool HasSegment(string path) => segments.Contains(PartFile.WholeName(Path.GetFileName(path), SegmentFile.Extension));

    public bool HasIndex(string path) => IndexFile.TryName(path, out var name) && indexes.Contains((name.Segment, name.Index));

    private void Add(long segment, long origin, IEnumerable<StoredIndex> of)
    {
        foreach (var index in of)
        {
            indexes.Add((segment, index.IndexId));
            indexes.Add((origin, index.IndexId));
        }
    }
}
