namespace Demarc.Engine.Durability;

/// <summary>
/// Milvus's timestamps: milliseconds since 1970 in the upper 46 bits, a counter in the lower 18. Always rising, across
/// restarts too, even when the machine's clock is set back. Ids come from the same source, so they never repeat either.
/// </summary>
internal sealed class HybridClock(TimeProvider time)
{
    private const int CounterBits = 18;
    private long last;

    public long Last => Interlocked.Read(ref last);

    public ulong Next() => (ulong)Reserve(1);

    public long NextId() => Reserve(1);

    /// <summary>The first of a run of unique numbers.</summary>
    public long Reserve(int count)
    {
        while (true)
        {
            var before = Interlocked.Read(ref last);
            var now = time.GetUtcNow().ToUnixTimeMilliseconds() << CounterBits;
            var first = Math.Max(before + 1, now);
            if (Interlocked.CompareExchange(ref last, first + count - 1, before) == before)
            {
                return first;
            }
        }
    }

    /// <summary>Nothing at or below this is given out again.</summary>
    public void Raise(long floor)
    {
        for (var before = Interlocked.Read(ref last); before < floor; before = Interlocked.Read(ref last))
        {
            if (Interlocked.CompareExchange(ref last, floor, before) == before)
            {
                return;
            }
        }
    }

    /// <summary>The machine's time in milliseconds since 1970, whatever has been given out.</summary>
    public long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The first timestamp of a millisecond.</summary>
    public static ulong At(long milliseconds) => (ulong)Math.Max(0, milliseconds) << CounterBits;

    public static ulong Milliseconds(ulong timestamp) => timestamp >> CounterBits;
}
