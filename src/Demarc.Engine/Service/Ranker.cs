using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>How a hybrid search makes one list of several: by reciprocal ranks, by weighted scores, or by the best score and how a field's value lets it fade.</summary>
internal sealed class Ranker
{
    private const double DefaultK = 60;
    private readonly double k;
    private readonly double[]? weights;
    private readonly bool normalise;
    private readonly DecayFunction? decay;

    private Ranker(double k, double[]? weights, bool normalise) => (this.k, this.weights, this.normalise) = (k, weights, normalise);

    private Ranker(DecayFunction decay)
        : this(0, null, false) => this.decay = decay;

    /// <summary>The best score of a row in any of the searches, faded.</summary>
    public static Ranker ByDecay(DecayFunction decay) => new(decay);

    /// <summary>From the request's parameters: strategy and params.</summary>
    public static Ranker Read(RequestParameters parameters, int searches)
    {
        var strategy = parameters.Text("strategy") ?? "rrf";
        return strategy.ToUpperInvariant() switch
        {
            "RRF" => Rrf(parameters.Number("k")),
            "WEIGHTED" => Weighted(parameters.Text("weights"), parameters.Flag("norm_score"), searches),
            _ => throw Faults.Invalid(Faults.Invalid($"rerank_builder: unsupported rank type {strategy.ToLowerInvariant()}").Message),
        };
    }

    /// <summary>From a function of the newer interface.</summary>
    public static Ranker Read(FunctionScore score, int searches)
    {
        var parameters = new RequestParameters(score.Functions[0].Params.Where(p => p.Key != "reranker"));
        var name = score.Functions[0].Params.FirstOrDefault(p => p.Key.Equals("reranker", StringComparison.OrdinalIgnoreCase))?.Value ?? "";
        return name.ToUpperInvariant() switch
        {
            "RRF" => Rrf(parameters.Number("k")),
            "WEIGHTED" => Weighted(parameters.Text("weights"), parameters.Flag("norm_score"), searches),
            _ => throw Faults.NotServed($"reranking by {(name.Length == 0 ? "an unnamed function" : name)}"),
        };
    }

    /// <summary>One list for each query, best first; a row found by several searches stands in it once.</summary>
    public List<Ranked>[] Combine(IReadOnlyList<(SearchRun Run, List<Ranked>[] Found)> searches)
    {
        var queries = searches[0].Found.Length;
        var ascending = GivesDistances(searches);
        var mixed = weights is not null && !normalise && !ascending && searches.Any(s => s.Run.Metric.IsDistance());
        var combined = new List<Ranked>[queries];
        for (var q = 0; q < queries; q++)
        {
            var scores = new Dictionary<(int Segment, int Row), (double Score, int Times, Ranked Hit)>();
            for (var s = 0; s < searches.Count; s++)
            {
                // Of a row that was found by several of its elements the best one counts.
                var hits = searches[s].Run.FindsElements ? searches[s].Found[q].DistinctBy(h => (h.Segment.Segment.Ordinal, h.Row)).ToList() : searches[s].Found[q];
                for (var rank = 0; rank < hits.Count; rank++)
                {
                    var hit = hits[rank];
                    var part = decay is not null ? decay.Similarity(searches[s].Run.Metric, hit.Score)
                        : weights is null ? 1 / (k + rank + 1) : weights[s] * Value(searches[s].Run.Metric, hit.Score, mixed);
                    var key = (hit.Segment.Segment.Ordinal, hit.Row);
                    scores[key] = !scores.TryGetValue(key, out var before) ? (part, 1, hit)
                        : (decay?.Mode is "max" ? Math.Max(before.Score, part) : before.Score + part, before.Times + 1, hit);
                }
            }

            var all = scores.Values.Select(v => v.Hit with { Score = (float)(decay is null ? v.Score : v.Score / (decay.Mode is "avg" ? v.Times : 1) * decay.Fade(v.Hit)) });
            combined[q] = [.. (ascending ? all.OrderBy(h => h.Score) : all.OrderByDescending(h => h.Score)).ThenBy(h => h.Segment.Segment.Ordinal).ThenBy(h => h.Row)];
        }

        return combined;
    }

    /// <summary>Whether the smaller of the scores that come of it is the better one.</summary>
    public bool GivesDistances(IReadOnlyList<(SearchRun Run, List<Ranked>[] Found)> searches) =>
        weights is not null && !normalise && searches.All(s => s.Run.Metric.IsDistance());

    /// <summary>A score between nought and one, the greater the better.</summary>
    public static double Normalised(Metric metric, float score) => metric switch
    {
        Metric.Cosine => (1 + score) / 2,
        Metric.IP => 0.5 + (Math.Atan(score) / Math.PI),
        _ => metric.IsDistance() ? 1 - (2 * Math.Atan(score) / Math.PI) : 2 * Math.Atan(score) / Math.PI,
    };

    private double Value(Metric metric, float score, bool mixed) => normalise || (mixed && metric.IsDistance()) ? Normalised(metric, score) : score;

    private static Ranker Rrf(double? k) =>
        k is null or > 0 and < 16384 ? new Ranker(k ?? DefaultK, null, false)
            : throw Faults.Invalid("The rank params k should be in range (0, 16384)");

    private static Ranker Weighted(string? text, bool normalise, int searches)
    {
        double[] weights;
        try
        {
            weights = text is null ? [] : JsonSerializer.Deserialize(text, RankerJson.Default.DoubleArray) ?? [];
        }
        catch (JsonException)
        {
            throw Faults.Invalid("failed to parse weights: it should be an array of numbers");
        }

        if (!Array.TrueForAll(weights, w => w is >= 0 and <= 1))
        {
            throw Faults.Invalid("rank param weight should be in range [0, 1]");
        }

        if (weights.Length == 0)
        {
            throw Faults.Invalid("rerank_builder: weighted reranker requires weights parameter");
        }

        if (weights.Length != searches)
        {
            throw Faults.Invalid($"the length of weights param mismatch with ann search requests", searches, weights.Length);
        }

        return new Ranker(0, weights, normalise);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(double[]))]
internal sealed partial class RankerJson : System.Text.Json.Serialization.JsonSerializerContext;
