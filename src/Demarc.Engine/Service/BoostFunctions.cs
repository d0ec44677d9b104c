using System.Security.Cryptography;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>
/// Weights for the scores of rows that meet a filter, or of all rows. The weights of several functions are multiplied or
/// added up, and what comes of it is multiplied with the score or added to it; a row that no function speaks of keeps its score.
/// </summary>
internal sealed class BoostFunctions : ScoreFunctions
{
    private readonly List<Boost> boosts = [];
    private readonly CollectionDefinition definition;
    private readonly bool sumOfFunctions;
    private readonly bool addToScore;

    public BoostFunctions(CollectionDefinition definition, FunctionScore score, Func<string, ConditionNode> parse)
    {
        this.definition = definition;
        sumOfFunctions = IsSum(score, "function_mode");
        addToScore = IsSum(score, "boost_mode");
        foreach (var function in score.Functions)
        {
            if (function.InputFieldNames.Count > 0)
            {
                throw Faults.Invalid("Boost function should not have input fields");
            }

            var random = Parameter(function, "random_score");
            var (seed, field) = random is null ? (null, -1) : Random(random);
            if (Parameter(function, "weight") is null && random is null)
            {
                throw Faults.Invalid("must set weight params or random_score for weight scorer");
            }

            boosts.Add(new Boost(Parameter(function, "filter") is { } filter ? parse(filter) : new ConstantNode(true), Number(function, "weight", 1), seed, field));
        }
    }

    public override bool GivesSimilarity => false;

    public override float Score(Ranked hit, Metric metric)
    {
        double? factor = null;
        foreach (var boost in boosts)
        {
            if (boost.Meets(hit))
            {
                var weight = boost.Weight * (boost.Seed is { } seed ? Draw(seed, boost.DrawnBy, hit) : 1);
                factor = factor is not { } before ? weight : sumOfFunctions ? before + weight : before * weight;
            }
        }

        // Milvus adds to the negative of a distance, so that what is added brings the row nearer.
        return (float)(factor is not { } all ? hit.Score : !addToScore ? hit.Score * all : metric.IsDistance() ? hit.Score - all : hit.Score + all);
    }

    private static bool IsSum(FunctionScore score, string name) =>
        score.Params.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase))?.Value.ToLowerInvariant() switch
        {
            null or "" or "multiply" => false,
            "sum" => true,
            var mode => throw Faults.Invalid($"unknown {name}: {mode}"),
        };

    /// <summary>A number from nought to one that the seed and the row's value in the field, or its key, decide.</summary>
    private double Draw(ulong seed, int field, Ranked hit)
    {
        var value = hit.Segment.Segment.Columns[field < 0 ? definition.PrimaryIndex : field] switch
        {
            IntegerColumn integers => (ulong)integers.Values[hit.Row],
            TextColumn texts => Text.Terms.Number(texts.Values[hit.Row]),
            var other => throw new InvalidOperationException($"No random score by {other.Field.Type}; the check of the function let it pass."),
        };

        // The finaliser of SplitMix64: every bit of the value and the seed moves every bit of the result.
        var mixed = value + (seed * 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    private (ulong? Seed, int Field) Random(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var seed = document.RootElement.TryGetProperty("seed", out var given) ? (ulong)Whole(given) : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
            if (!document.RootElement.TryGetProperty("field", out var name))
            {
                return (seed, -1);
            }

            var field = definition.FieldIndex(name.GetString() ?? "");
            return field >= 0 && definition.Fields[field].Type == DataType.Int64
                ? (seed, field)
                : throw Faults.Invalid($"random_score needs an Int64 field, and {name} is none");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw Faults.Invalid($"random_score should be a JSON object with seed and field, not {text}");
        }
    }

    private static long Whole(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? long.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : value.GetInt64();

    /// <summary>One function; which rows of a segment meet its filter is found out once.</summary>
    private sealed class Boost(ConditionNode filter, double weight, ulong? seed, int drawnBy)
    {
        private readonly Dictionary<int, ulong[]> bySegment = [];

        public double Weight => weight;

        public ulong? Seed => seed;

        public int DrawnBy => drawnBy;

        public bool Meets(Ranked hit)
        {
            if (filter is ConstantNode { Value: true })
            {
                return true;
            }

            var ordinal = hit.Segment.Segment.Ordinal;
            if (!bySegment.TryGetValue(ordinal, out var rows))
            {
                bySegment[ordinal] = rows = Evaluator.Matching(filter, hit.Segment);
            }

            return (rows[hit.Row >> 6] >> (hit.Row & 63) & 1) != 0;
        }
    }
}
