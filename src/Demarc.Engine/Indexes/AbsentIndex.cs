using Demarc.Engine.Durability;

namespace Demarc.Engine.Indexes;

/// <summary>An index whose file is in the bucket. The first search takes it from there; where it cannot be had the rows are compared one by one.</summary>
internal sealed class AbsentIndex : VectorIndex
{
    private readonly Func<VectorIndex?> take;

    public AbsentIndex(long indexId, int rows, Func<VectorIndex?> take)
        : base(indexId, rows)
    {
        this.take = take;
        Stored = true;
    }

    public override long Bytes => 0;

    public override (IndexFileKind Kind, long[] Numbers) Description => throw new InvalidOperationException("It is in its file already.");

    public override void WriteTo(BlockWriter to) => throw new InvalidOperationException("It is in its file already.");

    public override bool Search(in IndexSearch search, HitCollector found) => take() is { } index && index.Rows == Rows && index.Search(search, found);
}
