using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Text;

/// <summary>
/// The MinHash function: a text becomes a fixed number of 32-bit numbers, the smallest hashes of its shingles under as many
/// permutations. The share of numbers that two texts have in common estimates how alike their sets of shingles are. The
/// numbers are those of Milvus, so that signatures made there compare with signatures made here.
/// </summary>
/// <remarks>Broder, "On the resemblance and containment of documents" (1997).</remarks>
internal sealed class MinHash
{
    /// <summary>Bits of the output vector for each number.</summary>
    public const int NumberBits = 32;

    private const ulong Prime = (1UL << 61) - 1;

    private readonly Settings settings;
    private readonly Analyzer analyzer;
    private readonly ulong[] factors;
    private readonly ulong[] summands;

    private MinHash(Settings settings, Analyzer analyzer)
    {
        (this.settings, this.analyzer) = (settings, analyzer);
        (factors, summands) = (new ulong[settings.Numbers], new ulong[settings.Numbers]);
        var random = new MersenneTwister(unchecked((ulong)settings.Seed));
        for (var i = 0; i < settings.Numbers; i++)
        {
            (factors[i], summands[i]) = ((random.Next() % (Prime - 1)) + 1, 0);
            summands[i] = random.Next() % Prime;
        }
    }

    /// <summary>The function whose output a field is.</summary>
    public static MinHash Of(CollectionDefinition definition, FieldDefinition output)
    {
        var function = definition.Op.Schema.Functions.First(f => f.OutputFieldNames.Contains(output.Name));
        return new MinHash(Read(function, output.Schema), definition.Field(function.InputFieldNames[0])!.Analyzer);
    }

    /// <summary>Refuses a function that says what Milvus does not take.</summary>
    public static void Check(FunctionSchema function, FieldSchema input, FieldSchema output)
    {
        if (input.DataType is not (DataType.VarChar or DataType.Text))
        {
            throw Faults.Invalid($"MinHash function input field must be a VARCHAR/TEXT field, got 1 field with type {FieldDefinition.TypeName(input.DataType)}");
        }

        if (output.DataType != DataType.BinaryVector)
        {
            throw Faults.Invalid($"MinHash function output field must be a BinaryVector field, but got {FieldDefinition.TypeName(output.DataType)}");
        }

        _ = Read(function, output);
    }

    /// <summary>The numbers of a text, little-endian, one after the other; all bits set where it has no shingle.</summary>
    public byte[] Signature(string text)
    {
        var numbers = new uint[settings.Numbers];
        Array.Fill(numbers, uint.MaxValue);
        foreach (var hash in Hashes(text))
        {
            for (var i = 0; i < numbers.Length; i++)
            {
                numbers[i] = Math.Min(numbers[i], Permuted(hash, i));
            }
        }

        var bytes = new byte[numbers.Length * sizeof(uint)];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), numbers[i]);
        }

        return bytes;
    }

    /// <summary>The share of numbers that two signatures have in common.</summary>
    public static float Likeness(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var a = MemoryMarshal.Cast<byte, uint>(one);
        var b = MemoryMarshal.Cast<byte, uint>(other);
        var (equal, at) = (0, 0);
        for (; at + Vector<uint>.Count <= a.Length; at += Vector<uint>.Count)
        {
            equal += (int)Vector.Sum(Vector.Equals(new Vector<uint>(a[at..]), new Vector<uint>(b[at..])) & Vector<uint>.One);
        }

        for (; at < a.Length; at++)
        {
            equal += a[at] == b[at] ? 1 : 0;
        }

        return a.Length == 0 ? 0 : (float)equal / a.Length;
    }

    /// <summary>A permutation of a shingle's hash: a linear function modulo a Mersenne prime, after the product is cut to 64 bits.</summary>
    private uint Permuted(uint hash, int number)
    {
        var value = unchecked((factors[number] * hash) + summands[number]);
        value = (value & Prime) + (value >> 61);
        return unchecked((uint)(value >= Prime ? value - Prime : value));
    }

    /// <summary>The hashes of all shingles: runs of so many words, or of so many bytes of UTF-8; a shorter text is one shingle.</summary>
    private IEnumerable<uint> Hashes(string text)
    {
        if (settings.OfCharacters)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var length = Math.Min(settings.Shingle, bytes.Length);
            for (var from = 0; length > 0 && from + length <= bytes.Length; from++)
            {
                yield return Hash(bytes.AsSpan(from, length));
            }

            yield break;
        }

        byte[][] words = [.. analyzer.Analyze(text).Select(t => Encoding.UTF8.GetBytes(t.Text))];
        var count = Math.Min(settings.Shingle, words.Length);
        for (var from = 0; count > 0 && from + count <= words.Length; from++)
        {
            yield return Hash([.. words[from..(from + count)].SelectMany(w => w)]);
        }
    }

    private uint Hash(ReadOnlySpan<byte> shingle)
    {
        if (!settings.BySha1)
        {
            return unchecked((uint)XxHash3.HashToUInt64(shingle));
        }

        Span<byte> digest = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // Not for secrecy: the hash that the client names decides the numbers.
        SHA1.HashData(shingle, digest);
#pragma warning restore CA5350
        return BinaryPrimitives.ReadUInt32LittleEndian(digest);
    }

    private static Settings Read(FunctionSchema function, FieldSchema output)
    {
        var settings = new Settings(0, 3, 1234, OfCharacters: false, BySha1: false);
        foreach (var pair in function.Params)
        {
            settings = pair.Key.ToLowerInvariant() switch
            {
                "num_hashes" => settings with { Numbers = Positive("num_hashes", pair.Value) },
                "shingle_size" => settings with { Shingle = Positive("shingle_size", pair.Value) },
                "seed" => settings with { Seed = Whole("seed", pair.Value) },
                "hash_function" => settings with { BySha1 = pair.Value.ToLowerInvariant() switch { "sha1" => true, "xxhash" or "xxhash64" => false, _ => throw Faults.Invalid($"unknown hash function: {pair.Value} (expected 'xxhash64' or 'sha1')") } },
                "token_level" => settings with { OfCharacters = pair.Value.ToLowerInvariant() switch { "char" or "character" => true, "word" => false, _ => throw Faults.Invalid($"unknown token_level: {pair.Value} (expected 'char' or 'word')") } },
                _ => settings,
            };
        }

        var dimension = int.TryParse(FieldDefinition.Parameter(output, "dim"), NumberStyles.None, CultureInfo.InvariantCulture, out var dim) ? dim : 0;
        if (settings.Numbers > 0 && (long)settings.Numbers * NumberBits != dimension)
        {
            throw Faults.Invalid($"minhash function output field '{output.Name}' dim {dimension} does not match expected dim {(long)settings.Numbers * NumberBits} (numHashes {settings.Numbers} * one minhash signature size of 32bit)");
        }

        return dimension % NumberBits == 0 ? settings with { Numbers = dimension / NumberBits }
            : throw Faults.Invalid($"minhash function output field '{output.Name}' dim {dimension} is not multiple of 32 (one minhash signature size)");
    }

    private static int Positive(string name, string text) => Whole(name, text) is var value && value is > 0 and <= int.MaxValue ? (int)value : throw Faults.Invalid($"param {name}:{value} must be positive");

    private static long Whole(string name, string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw Faults.Invalid($"param {name}:{text} is not a number");

    /// <param name="Numbers">How many numbers a signature has.</param>
    /// <param name="Shingle">How many words, or bytes, make a shingle.</param>
    /// <param name="Seed">What the permutations come from.</param>
    /// <param name="OfCharacters">Whether shingles are of bytes instead of words.</param>
    /// <param name="BySha1">Whether shingles are hashed by SHA-1 instead of XXH3.</param>
    private sealed record Settings(int Numbers, int Shingle, long Seed, bool OfCharacters, bool BySha1);

    /// <summary>MT19937-64 of Matsumoto and Nishimura, which everybody can draw the same numbers from.</summary>
    private sealed class MersenneTwister
    {
        private const int Words = 312;
        private const int Middle = 156;
        private const ulong Upper = 0xFFFFFFFF80000000;

        private readonly ulong[] state = new ulong[Words];
        private int at = Words;

        public MersenneTwister(ulong seed)
        {
            state[0] = seed;
            for (var i = 1; i < Words; i++)
            {
                state[i] = unchecked((6364136223846793005 * (state[i - 1] ^ (state[i - 1] >> 62))) + (ulong)i);
            }
        }

        public ulong Next()
        {
            if (at == Words)
            {
                for (var i = 0; i < Words; i++)
                {
                    var bits = (state[i] & Upper) | (state[(i + 1) % Words] & ~Upper);
                    state[i] = state[(i + Middle) % Words] ^ (bits >> 1) ^ ((bits & 1) == 0 ? 0 : 0xB5026F5AA96619E9);
                }

                at = 0;
            }

            var value = state[at++];
            value ^= (value >> 29) & 0x5555555555555555;
            value ^= (value << 17) & 0x71D67FFFEDA60000;
            value ^= (value << 37) & 0xFFF7EEE000000000;
            return value ^ (value >> 43);
        }
    }
}
