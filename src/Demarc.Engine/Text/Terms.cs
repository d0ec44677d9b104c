using System.Text;

namespace Demarc.Engine.Text;

/// <summary>The number that stands for a word in sparse vectors: CRC-32 of its first hundred bytes, as Milvus numbers words.</summary>
internal static class Terms
{
    private const int HashedBytes = 100;
    private static readonly uint[] Table = MakeTable();

    public static uint Number(string word)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        var crc = uint.MaxValue;
        foreach (var b in bytes.AsSpan(0, Math.Min(bytes.Length, HashedBytes)))
        {
            crc = Table[(crc ^ b) & 0xFF] ^ (crc >> 8);
        }

        return ~crc % uint.MaxValue;
    }

    /// <summary>How often each word occurs in a text, by ascending number.</summary>
    public static SortedDictionary<uint, int> Count(Analyzer analyzer, string text)
    {
        var counts = new SortedDictionary<uint, int>();
        foreach (var token in analyzer.Analyze(text))
        {
            var number = Number(token.Text);
            counts[number] = counts.GetValueOrDefault(number) + 1;
        }

        return counts;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}
