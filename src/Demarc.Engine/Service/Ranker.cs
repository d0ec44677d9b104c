using System.Globalization;
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
            "WEIGHTED" => Weighted(parameters.Text("weights"), parameters.Text("norm_score") is null || parameters.Flag("norm_score"), searches),
            _ => throw Faults.Invalid($"unsupported rank type {strategy}"),
        };
    }

    /// <summary>From a function of the newer interface.</summary>
    public static Ranker Read(FunctionScore score, int searches)
    {
        if (score.Functions.Count != 1)
        {
            throw Faults.Invalid("Currently only supports one rerank");
        }

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
        var ascending = weights is not null && !normalise && searches.All(s => s.Run.Metric.IsDistance());
        var mixed = weights is not null && !normalise && !ascending && searches.Any(s => s.Run.Metric.IsDistance());
        var combined = new List<Ranked>[queries];
        for (var q = 0; q < queries; q++)
        {
            var scores = new Dictionary<(int Segment, int Row), (double Score, Ranked Hit)>();
            for (var s = 0; s < searches.Count; s++)
            {
                // Of a row that was found by several of its elements the best one counts.
                var hits = searches[s].Run.FindsElements ? searches[s].Found[q].DistinctBy(h => (h.Segment.Segment.Ordinal, h.Row)).ToList() : searches[s].Found[q];
                for (var rank = 0; rank < hits.Count; rank++)
                {
                    var hit = hits[rank];
                    var part = decay is not null ? DecayFunction.Similarity(searches[s].Run.Metric, hit.Score)
                        : weights is null ? 1 / (k + rank + 1) : weights[s] * Value(searches[s].Run.Metric, hit.Score, mixed);
                    var key = (hit.Segment.Segment.Ordinal, hit.Row);
                    scores[key] = !scores.TryGetValue(key, out var before) ? (part, hit)
                        : (decay is null ? before.Score + part : Math.Max(before.Score, part), hit);
                }
            }

            var all = scores.Values.Select(v => v.Hit with { Score = (float)(decay is null ? v.Score : v.Score * decay.Fade(v.Hit)) });
            combined[q] = [.. (ascending ? all.OrderBy(h => h.Score) : all.OrderByDescending(h => h.Score)).ThenBy(h => h.Segment.Segment.Ordinal).ThenBy(h => h.Row)];
        }

        return combined;
    }

    private double Value(Metric metric, float score, bool mixed)
    {
        if (!normalise)
        {
            return mixed && metric.IsDistance() ? 1 - (2 * Math.Atan(score) / Math.PI) : score;
        }

        return metric switch
        {
            Metric.Cosine => (1 + score) / 2,
            Metric.IP => 0.5 + (Math.Atan(score) / Math.PI),
            _ => metric.IsDistance() ? 1 - (2 * Math.Atan(score) / Math.PI) : 2 * Math.Atan(score) / Math.PI,
        };
    }

    private static Ranker Rrf(double? k) =>
        k is null or > 0 and < 16384 ? new Ranker(k ?? DefaultK, null, false)
            : throw Faults.Invalid(string.Create(CultureInfo.InvariantCulture, $"The rank params k should be in range (0, 16384), got {k}"));

    private static Ranker Weighted(string? text, bool normalise, int searches)
    {
        double[]? weights = null;
        try
        {
            weights = JsonSerializer.Deserialize(text ?? "", RankerJson.Default.DoubleArray);
        }
        catch (JsonException)
        {
            // Told below.
        }

        if (weights is null)
        {
            throw Faults.Invalid("The weights param should be an array of numbers");
        }

        if (weights.Length != searches)
        {
            throw Faults.Invalid($"the length of weights param mismatch with ann search requests", searches, weights.Length);
        }

        return Array.TrueForAll(weights, w => w is >= 0 and <= 1)
            ? new Ranker(0, weights, normalise)
            : throw Faults.Invalid("rank param weight should be in range [0, 1]");
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(double[]))]
internal sealed partial class RankerJson : System.Text.Json.Serialization.JsonSerializerContext;
