using System.Buffers.Binary;

namespace Demarc.Cli.Samples;

/// <summary>
/// Text → vector of 1024 numbers, the same on every machine and without any download. Features are words and four-letter pieces of words
/// (pairs of characters where a script writes no spaces), each weighed by how often it stands in the text and how rare it is in the whole
/// collection (TF-IDF), and scattered into the vector by eight signed positions drawn from the feature's hash (a sparse random projection).
/// The vector has length 1, so that the cosine tells how much two texts share. It knows words, not meanings.
/// </summary>
internal sealed class TextVectors
{
    /// <summary>Numbers per vector.</summary>
    public const int Dimension = 1024;

    /// <summary>Changes whenever the same text would give another vector.</summary>
    public const string Method = "demarc-tfidf-1024-v2";

    private const int Buckets = 1 << 16;
    private const int Positions = 8;
    private const int Piece = 4;
    private const float PieceWeight = 0.2f;
    private const uint Magic = 0x31564644;

    // Words that stand in every kind of English text and tell nothing about any.
    private static readonly HashSet<string> Empty =
    [
        "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "did", "do", "does", "for", "from", "had", "has", "have", "how", "if", "in", "into", "is", "it", "its", "may",
        "more", "must", "no", "nor", "not", "of", "on", "one", "only", "or", "our", "so", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "was",
        "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "you", "your",
    ];

    private readonly int documents;
    private readonly ushort[] frequency;

    private TextVectors(int documents, ushort[] frequency)
    {
        this.documents = documents;
        this.frequency = frequency;
    }

    /// <summary>Learns from a collection how rare each feature is.</summary>
    public static TextVectors Learn(IReadOnlyCollection<string> texts)
    {
        var frequency = new ushort[Buckets];
        foreach (var text in texts)
        {
            foreach (var bucket in Features(text).Keys.Select(Bucket).Distinct())
            {
                if (frequency[bucket] < ushort.MaxValue) frequency[bucket]++;
            }
        }

        return new TextVectors(texts.Count, frequency);
    }

    /// <summary>Reads what <see cref="Save"/> wrote; null when it is something else.</summary>
    public static TextVectors? Load(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 8 + (Buckets * 2) || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic) return null;
        var frequency = new ushort[Buckets];
        for (var i = 0; i < Buckets; i++) frequency[i] = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(8 + (i * 2))..]);
        return new TextVectors(BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), frequency);
    }

    /// <summary>What a later query needs to weigh its words the same way.</summary>
    public byte[] Save()
    {
        var bytes = new byte[8 + (Buckets * 2)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), documents);
        for (var i = 0; i < Buckets; i++) BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8 + (i * 2)), frequency[i]);
        return bytes;
    }

    /// <summary>The vector of a text, of length 1; of a text without any word, the first unit vector.</summary>
    public float[] Of(string text)
    {
        var sum = new double[Dimension];
        foreach (var (feature, (count, weight)) in Features(text))
        {
            var rarity = Math.Log((documents + 1.0) / (frequency[Bucket(feature)] + 0.5));
            Scatter(sum, feature, (1 + Math.Log(count)) * Math.Max(0, rarity) * weight);
        }

        var length = Math.Sqrt(sum.Sum(x => x * x));
        if (length > 0) return Array.ConvertAll(sum, x => (float)(x / length));
        var unit = new float[Dimension];
        unit[0] = 1;
        return unit;
    }

    private static void Scatter(double[] sum, ulong feature, double weight)
    {
        for (var i = 0; i < Positions; i++)
        {
            feature = Mix(feature);
            sum[feature & (Dimension - 1)] += (feature >> 40 & 1) == 0 ? weight : -weight;
        }
    }

    private static Dictionary<ulong, (int Count, float Weight)> Features(string text)
    {
        var features = new Dictionary<ulong, (int Count, float Weight)>();
        var lower = text.ToLowerInvariant();
        for (var at = 0; at < lower.Length;)
        {
            var start = at;
            while (at < lower.Length && char.IsLetterOrDigit(lower[at])) at++;
            if (at == start)
            {
                at++;
                continue;
            }

            AddWord(features, lower.AsSpan(start, at - start));
        }

        return features;
    }

    private static void AddWord(Dictionary<ulong, (int Count, float Weight)> features, ReadOnlySpan<char> word)
    {
        if (IsUnspaced(word[0]))
        {
            for (var i = 0; i + 1 < word.Length; i++) Add(features, Hash(word.Slice(i, 2), 1), 1);
            if (word.Length == 1) Add(features, Hash(word, 1), 1);
            return;
        }

        if (Empty.GetAlternateLookup<ReadOnlySpan<char>>().Contains(word)) return;
        Add(features, Hash(word, 1), 1);
        for (var i = 0; i + Piece <= word.Length; i++) Add(features, Hash(word.Slice(i, Piece), 2), PieceWeight);
    }

    private static void Add(Dictionary<ulong, (int Count, float Weight)> features, ulong feature, float weight) =>
        features[feature] = (features.GetValueOrDefault(feature).Count + 1, weight);

    // Kana, Han and Hangul: words are not set apart by spaces, or carry their endings with them.
    private static bool IsUnspaced(char c) => c is >= '\u3040' and <= '\u9fff' or >= '\uac00' and <= '\ud7af';

    // FNV-1a over UTF-16 code units (http://www.isthe.com/chongo/tech/comp/fnv/), started differently for each kind of feature.
    private static ulong Hash(ReadOnlySpan<char> text, ulong kind)
    {
        var hash = 14695981039346656037UL ^ kind;
        foreach (var c in text) hash = (hash ^ c) * 1099511628211UL;
        return hash;
    }

    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which spreads every bit of its input over all of its output.
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
        x = (x ^ x >> 27) * 0x94D049BB133111EB;
        return x ^ x >> 31;
    }

    private static int Bucket(ulong feature) => (int)(Mix(feature) >> 48);
}
