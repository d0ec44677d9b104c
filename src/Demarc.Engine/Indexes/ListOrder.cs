namespace Demarc.Engine.Indexes;

/// <summary>Lists in the order of their distances, nearest first. Only what is taken is put in order: searches take few of many.</summary>
internal ref struct ListOrder
{
    private readonly Span<float> distances;
    private readonly Span<int> heap;
    private int left;

    /// <param name="distances">Of each list.</param>
    public ListOrder(Span<float> distances)
    {
        this.distances = distances;
        heap = new int[distances.Length];
        left = heap.Length;
        for (var i = 0; i < left; i++)
        {
            heap[i] = i;
        }

        for (var i = (left / 2) - 1; i >= 0; i--)
        {
            Sink(i);
        }
    }

    public readonly int Left => left;

    /// <summary>The nearest of those left.</summary>
    public int Take()
    {
        var nearest = heap[0];
        heap[0] = heap[--left];
        Sink(0);
        return nearest;
    }

    private readonly void Sink(int at)
    {
        var list = heap[at];
        for (int child; (child = (2 * at) + 1) < left; at = child)
        {
            if (child + 1 < left && Before(heap[child + 1], heap[child]))
            {
                child++;
            }

            if (!Before(heap[child], list))
            {
                break;
            }

            heap[at] = heap[child];
        }

        heap[at] = list;
    }

    private readonly bool Before(int a, int b) => distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
}
