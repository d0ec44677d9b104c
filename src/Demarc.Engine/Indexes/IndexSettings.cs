using System.Globalization;
using System.Text.RegularExpressions;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Indexes;

/// <summary>A value of an index setting as a client wrote it: as a text, or as JSON within search parameters.</summary>
internal readonly record struct SettingText(string Text, bool IsJson);

/// <summary>
/// The numbers and words that each index type takes when it is built and when it is searched, with their ranges. They are
/// checked in Milvus's words even where the structure that answers has no use for them.
/// </summary>
internal static partial class IndexSettings
{
    private const double MostWhole = int.MaxValue;

    private static readonly Setting Ef = Whole("ef", 1, MostWhole);
    private static readonly Setting Probes = Whole("nprobe", 1, 65536);
    private static readonly Setting RefineShare = new("refine_k", SettingKind.Number, 1, float.MaxValue);
    private static readonly Setting Refine = new("refine", SettingKind.Flag, 0, 0);
    private static readonly Setting Lists = Whole("nlist", 1, 65536);
    private static readonly Setting[] Graph = [Whole("M", 2, 2048), Whole("efConstruction", 1, MostWhole)];

    private static readonly Setting[] Sparse =
    [
        Number("drop_ratio_build", 0, 1), Whole("block_max_block_size", 1, MostWhole), Whole("sindi_window_size", 1024, 65535), Number("bm25_k1", 0, 3), Number("bm25_b", 0, 1),
    ];

    private static readonly Setting[] SparseSearch = [Number("drop_ratio_search", 0, 1), Number("dim_max_score_ratio", 0.5, 1.3)];

    private static readonly Dictionary<string, Setting[]> Built = new(StringComparer.OrdinalIgnoreCase)
    {
        ["IVF_FLAT"] = [Lists],
        ["IVF_SQ8"] = [Lists],
        ["IVF_PQ"] = [Lists, Whole("m", 1, 65536), Whole("nbits", 1, 64)],
        ["IVF_RABITQ"] = [Lists, Refine],
        ["SCANN"] = [Lists],
        ["BIN_IVF_FLAT"] = [Lists],
        ["MINHASH_LSH"] = [Whole("mh_lsh_band", 1, MostWhole), Whole("mh_element_bit_width", 1, MostWhole), Number("mh_lsh_bloom_false_positive_prob", 0, 1)],
        ["HNSW"] = Graph,
        ["HNSW_SQ"] = [.. Graph, Refine],
        ["HNSW_PQ"] = [.. Graph, Whole("m", 1, 65536), Whole("nbits", 1, 24), Refine],
        ["HNSW_PRQ"] = [.. Graph, Whole("m", 1, 65536), Whole("nbits", 1, 24), Whole("nrq", 1, 16), Refine],
        ["SPARSE_INVERTED_INDEX"] = Sparse,
        ["SPARSE_WAND"] = Sparse,
    };

    private static readonly Dictionary<string, Setting[]> Searched = new(StringComparer.OrdinalIgnoreCase)
    {
        ["IVF_FLAT"] = [Probes],
        ["IVF_SQ8"] = [Probes],
        ["IVF_PQ"] = [Probes],
        ["IVF_RABITQ"] = [Probes, Whole("rbq_bits_query", 0, 8), RefineShare],
        ["SCANN"] = [Probes],
        ["BIN_IVF_FLAT"] = [Probes],
        ["HNSW"] = [Ef],
        ["HNSW_SQ"] = [Ef, RefineShare],
        ["HNSW_PQ"] = [Ef, RefineShare],
        ["HNSW_PRQ"] = [Ef, RefineShare],
        ["DISKANN"] = [Whole("search_list_size", 1, MostWhole), Whole("search_list", 1, MostWhole)],
        ["SPARSE_INVERTED_INDEX"] = SparseSearch,
        ["SPARSE_WAND"] = SparseSearch,
    };

    private enum SettingKind
    {
        Whole,
        Number,
        Flag,
    }

    /// <summary>What an index is built with.</summary>
    public static void CheckBuild(string type, IReadOnlyDictionary<string, string> values, int dimension)
    {
        foreach (var setting in Built.GetValueOrDefault(type, []))
        {
            if (values.TryGetValue(setting.Name, out var text))
            {
                _ = Read(setting, new SettingText(text, false));
            }
        }

        if (type == "MINHASH_LSH" && values.TryGetValue("mh_lsh_band", out var bands) && long.Parse(bands, CultureInfo.InvariantCulture) * Text.MinHash.NumberBits > dimension)
        {
            throw Faults.Invalid($"mh_lsh_band ({bands}) should not be greater than the numbers of a signature ({dimension / Text.MinHash.NumberBits})");
        }

        CheckQuantiser(type, values);
        if (type is "HNSW_PQ" or "HNSW_PRQ" or "IVF_PQ" && values.TryGetValue("m", out var parts) && dimension % long.Parse(parts, CultureInfo.InvariantCulture) != 0)
        {
            throw Faults.Invalid($"The dimension of {(type == "HNSW_PQ" ? "the" : "a")} vector (dim) should be a multiple of the number of subquantizers (m). Dimension: {dimension}, m:{parts}");
        }
    }

    /// <summary>What a sparse index is built with, beyond numbers.</summary>
    public static void CheckSparse(IReadOnlyDictionary<string, string> values, string metric)
    {
        CheckWord(values, "inverted_index_algo", "sparse inverted index algo", ["TAAT_NAIVE", "DAAT_WAND", "DAAT_MAXSCORE", "BLOCK_MAX_MAXSCORE", "BLOCK_MAX_WAND", "SINDI"]);
        CheckWord(values, "inverted_index_codec", "inverted_index_codec", ["block_streamvbyte", "block_maskedvbyte"]);
        CheckWord(values, "quant_type", "quant_type", metric == "BM25" ? ["u16", "u32"] : ["fp16", "fp32"]);
    }

    /// <summary>What a search may say to an index of that type; the values that an index makes use of are given back.</summary>
    public static SearchHints CheckSearch(string type, Func<string, SettingText?> given, int keep)
    {
        var numbers = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var setting in Searched.GetValueOrDefault(type, []))
        {
            if (given(setting.Name) is { } text)
            {
                numbers[setting.Name] = Read(setting, text);
            }
        }

        // An index of codes looks again at what it finds, and widens its search for that by itself.
        var narrow = type.ToUpperInvariant() switch
        {
            "HNSW" or "HNSW_SQ" => "ef",
            "DISKANN" => numbers.ContainsKey("search_list") ? "search_list" : "search_list_size",
            _ => "",
        };
        if (numbers.TryGetValue(narrow, out var width) && width < keep)
        {
            throw Faults.Invalid($"{narrow}({width}) should be larger than k({keep})");
        }

        return new SearchHints(
            numbers.TryGetValue("ef", out var ef) ? Math.Max((int)ef, keep) : null,
            numbers.TryGetValue("nprobe", out var probes) ? (int)probes : null,
            numbers.GetValueOrDefault("drop_ratio_search"));
    }

    private static void CheckQuantiser(string type, IReadOnlyDictionary<string, string> values)
    {
        if (type == "HNSW_SQ" && values.TryGetValue("sq_type", out var code) && code.ToUpperInvariant() is not ("SQ4U" or "SQ6" or "SQ8" or "BF16" or "FP16"))
        {
            throw Faults.Invalid("invalid scalar quantizer type");
        }

        if (type is "HNSW_SQ" or "HNSW_PQ" or "HNSW_PRQ" or "IVF_RABITQ" && values.TryGetValue("refine_type", out var kind))
        {
            string[] known = type is "HNSW_SQ" or "HNSW_PQ" ? ["sq4u", "sq6", "sq8", "fp16", "bf16", "fp32", "flat"] : ["sq6", "sq8", "fp16", "bf16", "fp32", "flat"];
            if (!known.Contains(kind, StringComparer.OrdinalIgnoreCase))
            {
                throw Faults.Invalid($"invalid refine type : {kind}, optional types are [{string.Join(", ", known)}]");
            }
        }
    }

    private static void CheckWord(IReadOnlyDictionary<string, string> values, string name, string called, string[] known)
    {
        if (values.TryGetValue(name, out var word) && !known.Contains(word))
        {
            throw Faults.Invalid($"{called} {word} not found or not supported, supported: [{string.Join(' ', known)}]");
        }
    }

    private static double Read(Setting setting, SettingText given)
    {
        if (setting.Kind == SettingKind.Flag)
        {
            return bool.TryParse(given.Text, out var set) ? Convert.ToDouble(set) : throw Faults.Invalid($"Type conflict in json: param '{setting.Name}' (\"{given.Text}\") should be a boolean");
        }

        var value = given.IsJson ? OfJson(setting, given.Text) : OfText(setting, given.Text);
        return value >= setting.Least && value <= setting.Most && (setting.Name is not ("drop_ratio_search" or "drop_ratio_build") || value < 1) ? value : throw Faults.Invalid(
            $"Out of range in json: param '{setting.Name}' ({given.Text}) should be in range [{Bound(setting, setting.Least)}, {Bound(setting, setting.Most)}{(setting.Name.StartsWith("drop_ratio", StringComparison.Ordinal) ? ")" : "]")}");
    }

    private static double OfJson(Setting setting, string json)
    {
        var number = JsonNumber().IsMatch(json) && double.TryParse(json, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN;
        var whole = setting.Kind == SettingKind.Whole;
        return double.IsNaN(number) || (whole && json.AsSpan().ContainsAny('.', 'e', 'E'))
            ? throw Faults.Invalid($"Type conflict in json: param '{setting.Name}' ({json}) should be {(whole ? "integer" : "a number")}")
            : number;
    }

    /// <summary>A number as a text: none at the start of it is one refusal, more behind it another.</summary>
    private static double OfText(Setting setting, string text)
    {
        var whole = setting.Kind == SettingKind.Whole;
        var found = (whole ? LeadingWhole() : LeadingNumber()).Match(text);
        return !found.Success ? throw Faults.Invalid($"invalid {(whole ? "integer" : "float")} value, key: '{setting.Name}', value: '{text}'")
            : found.Length < text.Length ? throw Faults.Invalid($"wrong data type in json, key: '{setting.Name}', value: '{text}'")
            : double.Parse(found.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static string Bound(Setting setting, double bound) => bound.ToString(setting.Kind == SettingKind.Whole ? "F0" : "F6", CultureInfo.InvariantCulture);

    private static Setting Whole(string name, double least, double most) => new(name, SettingKind.Whole, least, most);

    private static Setting Number(string name, double least, double most) => new(name, SettingKind.Number, least, most);

    [GeneratedRegex(@"^\s*[+-]?[0-9]+")]
    private static partial Regex LeadingWhole();

    [GeneratedRegex(@"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")]
    private static partial Regex LeadingNumber();

    [GeneratedRegex(@"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$")]
    private static partial Regex JsonNumber();

    private sealed record Setting(string Name, SettingKind Kind, double Least, double Most);
}
