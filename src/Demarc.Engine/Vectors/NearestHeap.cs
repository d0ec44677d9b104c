namespace Demarc.Engine.Vectors;

/// <summary>One found row: nearness is larger for nearer rows whatever the metric, so one heap serves all.</summary>
internal readonly record struct Hit(float Nearness, int Segment, int Row);

/// <summary>
/// Keeps the k nearest of all rows offered: a bounded heap whose root is the worst kept. Ties are broken by position, so
/// that the same data gives the same answer whatever the order of the scan.
/// </summary>
internal sealed class NearestHeap(int capacity)
{
    private Hit[] items = new Hit[Math.Min(capacity, 64)];

    public int Count { get; private set; }

    /// <summary>Nothing at or below this can enter any more.</summary>
    public float Bound => Count < capacity ? float.NegativeInfinity : items[0].Nearness;

    public void Offer(Hit hit)
    {
        if (Count < capacity)
        {
            if (Count == items.Length)
            {
                Array.Resize(ref items, (int)Math.Min(capacity, (long)Count * 2));
            }

            var i = Count++;
            while (i > 0)
            {
                var parent = (i - 1) / 2;
                if (!Worse(hit, items[parent]))
                {
                    break;
                }

                items[i] = items[parent];
                i = parent;
            }

            items[i] = hit;
        }
        else if (Worse(items[0], hit))
        {
            SiftDown(hit);
        }
    }

    /// <summary>All kept hits, nearest first. The heap is empty afterwards.</summary>
    public Hit[] Take()
    {
        var sorted = items.AsSpan(0, Count).ToArray();
        Array.Sort(sorted, static (a, b) => Worse(a, b) ? 1 : Worse(b, a) ? -1 : 0);
        Count = 0;
        return sorted;
    }

    public void OfferAll(NearestHeap other)
    {
        for (var i = 0; i < other.Count; i++)
        {
            Offer(other.items[i]);
        }
    }

    private static bool Worse(in Hit a, in Hit b) =>
        a.Nearness != b.Nearness ? a.Nearness < b.Nearness
        : a.Segment != b.Segment ? a.Segment > b.Segment
        : a.Row > b.Row;

    private void SiftDown(Hit hit)
    {
        var i = 0;
        while (true)
        {
            var child = (2 * i) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && Worse(items[child + 1], items[child]))
            {
                child++;
            }

            if (!Worse(items[child], hit))
            {
                break;
            }

            items[i] = items[child];
            i = child;
        }

        items[i] = hit;
    }
}
