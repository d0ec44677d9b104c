using Demarc.Engine.Durability;

namespace Demarc.Engine.Rows;

/// <summary>
/// The rows of a collection one of whose segments could not be read at the start: named, not read, and not served. What
/// the log says was done to them since is kept beside them and done when they can be read again, so that nothing
/// acknowledged is lost.
/// </summary>
internal sealed class WithheldRows(IEnumerable<StoredSegment> segments, IEnumerable<LogOp> pending)
{
    public IReadOnlyList<StoredSegment> Segments { get; } = [.. segments];

    /// <summary>Changes of rows, in their order. Only the writer adds.</summary>
    public List<LogOp> Pending { get; } = [.. pending];
}
