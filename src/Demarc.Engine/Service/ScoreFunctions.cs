using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>Gives the hits of a search other scores, and with them another order: by a field's value, or by filters that rows meet.</summary>
internal abstract class ScoreFunctions
{
    /// <summary>Whether the score it gives grows towards the best hit although the metric is a distance.</summary>
    public abstract bool GivesSimilarity { get; }

    /// <summary>The hits with their new scores, best first; those of equal score stay as they were.</summary>
    public List<Ranked> Apply(List<Ranked> hits, Metric metric)
    {
        var scored = hits.Select(h => h with { Score = Score(h, metric) });
        return [.. metric.IsDistance() && !GivesSimilarity ? scored.OrderBy(h => h.Score) : scored.OrderByDescending(h => h.Score)];
    }

    /// <summary>What a function score of a request asks for; null when it asks for nothing or names one of the rankers that fuse several searches.</summary>
    public static ScoreFunctions? Read(CollectionDefinition definition, FunctionScore score, Func<string, ConditionNode> parse)
    {
        if (score.Functions.Count == 0)
        {
            return null;
        }

        foreach (var function in score.Functions)
        {
            CheckFunction(function);
        }

        var names = score.Functions.Select(NameOf).ToList();
        if (names.TrueForAll(n => n == "boost"))
        {
            return new BoostFunctions(definition, score, parse);
        }

        return names.Count > 1 ? throw Faults.Invalid("rerank_builder: currently only supports one rerank function")
            : names[0] switch
            {
                "decay" => new DecayFunction(definition, score.Functions[0]),
                "rrf" or "weighted" => null,
                "model" => throw Faults.NotServed("reranking by a model"),
                "" => throw Faults.MissingSaid("rerank_builder: reranker name not specified"),
                _ => throw Faults.Invalid($"rerank_builder: unsupported reranker {names[0]}"),
            };
    }

    /// <summary>The new score of one hit.</summary>
    public abstract float Score(Ranked hit, Metric metric);

    public static bool IsBoost(FunctionSchema function) => NameOf(function) == "boost";

    protected static double Number(FunctionSchema function, string name, double? absent)
    {
        var text = Parameter(function, name);
        return text is null ? absent ?? throw Faults.Invalid($"the parameter {name} of function {function.Name} is missing")
            : double.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
            : throw Faults.Invalid($"the parameter {name} of function {function.Name} should be a number, not {text}");
    }

    protected static string? Parameter(FunctionSchema function, string name) =>
        function.Params.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase))?.Value is { Length: > 0 } value ? value : null;

    private static string NameOf(FunctionSchema function) => Parameter(function, "reranker")?.ToLowerInvariant() ?? "";

    private static void CheckFunction(FunctionSchema function)
    {
        if (function.Type != FunctionType.Rerank)
        {
            throw Faults.Invalid($"{function.Type} is not rerank function.");
        }

        if (function.OutputFieldNames.Count > 0)
        {
            throw Faults.Invalid("Rerank function output field names should be empty");
        }
    }
}
