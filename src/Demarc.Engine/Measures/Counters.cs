using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Demarc.Engine.Measures;

/// <summary>
/// A small registry in Prometheus's text format. Labels are fixed words of ours, never names of collections or users: a
/// scrape must not carry what belongs to the customer.
/// </summary>
internal sealed class Family(string name, string kind, string help)
{
    private readonly ConcurrentDictionary<string, StrongBox> series = new(StringComparer.Ordinal);

    /// <summary>Adds to the series of these labels, written as `a="b",c="d"`.</summary>
    public void Add(string labels, double amount = 1) => Series(labels).Add(amount);

    public void Set(string labels, double value) => Series(labels).Set(value);

    public void Write(StringBuilder text)
    {
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
        text.Append("# TYPE ").Append(name).Append(' ').Append(kind).Append('\n');
        foreach (var (labels, value) in series.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            text.Append(name);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }

            text.Append(' ').Append(value.Value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        }
    }

    private StrongBox Series(string labels) => series.GetOrAdd(labels, static _ => new StrongBox());

    private sealed class StrongBox
    {
        private long bits;

        public double Value => BitConverter.Int64BitsToDouble(Interlocked.Read(ref bits));

        public void Set(double value) => Interlocked.Exchange(ref bits, BitConverter.DoubleToInt64Bits(value));

        public void Add(double amount)
        {
            while (true)
            {
                var before = Interlocked.Read(ref bits);
                var after = BitConverter.DoubleToInt64Bits(BitConverter.Int64BitsToDouble(before) + amount);
                if (Interlocked.CompareExchange(ref bits, after, before) == before)
                {
                    return;
                }
            }
        }
    }
}

/// <summary>Durations in Milvus's own buckets: powers of two from 1 to 65,536 milliseconds.</summary>
internal sealed class LatencyFamily(string name, string help)
{
    private static readonly double[] Bounds = [.. Enumerable.Range(0, 17).Select(i => Math.Pow(2, i))];
    private readonly ConcurrentDictionary<string, Histogram> series = new(StringComparer.Ordinal);

    public void Observe(string labels, TimeSpan duration) => series.GetOrAdd(labels, static _ => new Histogram()).Observe(duration.TotalMilliseconds);

    public void Write(StringBuilder text)
    {
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
        text.Append("# TYPE ").Append(name).Append(" histogram\n");
        foreach (var (labels, histogram) in series.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            histogram.Write(text, name, labels);
        }
    }

    private sealed class Histogram
    {
        private readonly Lock gate = new();
        private readonly long[] counts = new long[Bounds.Length + 1];
        private double sum;

        public void Observe(double milliseconds)
        {
            var bucket = 0;
            while (bucket < Bounds.Length && milliseconds > Bounds[bucket])
            {
                bucket++;
            }

            lock (gate)
            {
                counts[bucket]++;
                sum += milliseconds;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (gate)
            {
                long total = 0;
                for (var i = 0; i <= Bounds.Length; i++)
                {
                    total += counts[i];
                    var bound = i < Bounds.Length ? Bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{bound}\"}} {total}\n");
                }

                text.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {total}\n");
            }
        }
    }
}
