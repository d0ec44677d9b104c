using System.Text;

namespace Demarc.Tests.Fuzz;

/// <summary>
/// Makes bad input out of good: flips, cuts, repeats and moves bytes, and puts in what parsers trip over. Everything follows from the seed, so that an input
/// that finds something is found again.
/// </summary>
internal sealed class Mutator(int seed)
{
    private const int MaxLength = 200_000;

    private static readonly byte[][] Troubles =
    [
        [0], [0xff, 0xfe], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf], [0x0d, 0x0a], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        .. new[]
        {
            "\"", "'", "\\", "\\u0000", "\\ud800", "{", "}", "[", "]", ",", ":", "null", "true", "-1", "0", "1e999", "-0", "9223372036854775808", "18446744073709551616", "1.5", "NaN",
            "\n\n", "\n", "— ", "+", "=", "==", "%", "../", "&a [*a, *a]", "!!binary", "? ", "- ", "|", ">", "#", "---\n", "\t", "\u202e", "漢字", "𠮷", "<script>", "'; --", "$(x)", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        }.Select(Encoding.UTF8.GetBytes),
        Encoding.UTF8.GetBytes(new string('[', 5000)), Encoding.UTF8.GetBytes(new string('(', 5000)), Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 2000))), Encoding.UTF8.GetBytes(new string('A', 70_000)),
    ];

    private readonly Random random = new(seed);

    /// <summary>A sample with one to six things done to it.</summary>
    public byte[] Of(byte[] sample)
    {
        var bytes = sample.ToList();
        for (var i = random.Next(1, 7); i > 0; i--) Change(bytes);
        return [.. bytes.Take(MaxLength)];
    }

    /// <summary>Bytes out of nothing.</summary>
    public byte[] Noise()
    {
        var bytes = new byte[random.Next(0, 400)];
        random.NextBytes(bytes);
        return bytes;
    }

    public int Next(int below) => random.Next(below);

    private void Change(List<byte> bytes)
    {
        var at = random.Next(bytes.Count + 1);
        var length = Math.Min(bytes.Count - at, random.Next(1, 1 + Math.Max(1, bytes.Count / 4)));
        switch (random.Next(7))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes.RemoveRange(at, length);
                break;
            case 2:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 3:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 4 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 5:
                bytes.RemoveRange(at, length);
                bytes.InsertRange(at, Troubles[random.Next(Troubles.Length)]);
                break;
            default:
                bytes.InsertRange(at, Troubles[random.Next(Troubles.Length)]);
                break;
        }
    }
}
