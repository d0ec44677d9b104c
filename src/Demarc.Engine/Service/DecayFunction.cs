using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>
/// A score that fades with the distance of a number field from an origin: it is whole within the offset, and at offset and
/// scale together it is the decay. Gauss fades as a bell does, exp at once and with a long tail, linear evenly and down to the decay.
/// </summary>
internal sealed class DecayFunction : ScoreFunctions
{
    public const double DefaultDecay = 0.5;
    private const double LeastDecay = 0.001;
    private const double GreatestDecay = 0.999;
    private readonly int field;
    private readonly double origin;
    private readonly double offset;
    private readonly Func<double, double> fade;

    public DecayFunction(CollectionDefinition definition, FunctionSchema function)
    {
        var (from, scale) = (Given(function, "origin"), Given(function, "scale"));
        offset = Given(function, "offset") ?? 0;
        var decay = Given(function, "decay") ?? DefaultDecay;
        Normalise = bool.TryParse(Parameter(function, "norm_score"), out var normalise) && normalise;
        Mode = Parameter(function, "score_mode")?.ToLowerInvariant() ?? "max";
        var shape = Parameter(function, "function")?.ToLowerInvariant() ?? throw Faults.MissingSaid("decay function not specified");
        origin = from ?? throw Faults.MissingSaid("decay origin not specified");
        if (Mode is not ("max" or "sum" or "avg"))
        {
            throw Faults.Invalid($"unsupported score_mode: {Mode}, only supports [max, sum, avg]");
        }

        field = InputField(definition, function);
        var width = scale ?? throw Faults.MissingSaid("decay scale not specified");
        fade = Unfit(shape, width, offset, decay) is { } why ? throw Faults.Invalid(Faults.Invalid($"rerank_builder: {why}").Message) : Shape(shape, width, decay);
    }

    public override bool GivesSimilarity => true;

    /// <summary>Whether scores are brought between nought and one before they fade.</summary>
    public bool Normalise { get; }

    /// <summary>What becomes of a row that several searches found: its best score (max), their sum or their average (avg).</summary>
    public string Mode { get; }

    public override float Score(Ranked hit, Metric metric) => (float)(Similarity(metric, hit.Score) * Fade(hit));

    /// <summary>Distances become similarities between nought and one; what is a similarity stays as it is, unless it is to be brought there too.</summary>
    public double Similarity(Metric metric, float score) => Normalise || metric.IsDistance() ? Ranker.Normalised(metric, score) : score;

    /// <summary>The share that is left of the score of one row. A row without a value is as far away as can be.</summary>
    public double Fade(Ranked hit)
    {
        var column = hit.Segment.Segment.Columns[field];
        if (column.IsNull(hit.Row))
        {
            return 0;
        }

        var value = column switch
        {
            IntegerColumn integers => integers.Values[hit.Row],
            FloatColumn floats => floats.Values[hit.Row],
            DoubleColumn doubles => doubles.Values[hit.Row],
            _ => throw new InvalidOperationException($"No decay by {column.Field.Type}; the check of the function let it pass."),
        };
        return fade(Math.Max(0, Math.Abs(value - origin) - offset));
    }

    private static double? Given(FunctionSchema function, string name) =>
        Parameter(function, name) is not { } text ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
        : throw Faults.Invalid($"decay param {name}: {text} is not a number");

    private static int InputField(CollectionDefinition definition, FunctionSchema function)
    {
        if (function.InputFieldNames.Count != 1)
        {
            throw Faults.Invalid($"rerank_builder: decay reranker requires exactly 1 input field, got {function.InputFieldNames.Count}");
        }

        var name = function.InputFieldNames[0];
        var index = definition.FieldIndex(name);
        if (index < 0 || index == definition.DynamicIndex)
        {
            throw Faults.Invalid($"rerank_builder: input field {name} not found in collection schema");
        }

        return definition.Fields[index].Type is var type && type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double
            ? index
            : throw Faults.Invalid($"rerank_builder: decay input field {name} must be numeric, got {FieldDefinition.TypeName(type)}");
    }

    /// <summary>Why numbers make no shape; null when they do.</summary>
    public static string? Unfit(string shape, double scale, double offset, double decay) =>
        scale <= 0 ? Text($"decay: scale must be > 0, got {scale:F6}")
        : offset < 0 ? Text($"decay: offset must be >= 0, got {offset:F6}")
        : decay is <= 0 or >= 1 ? Text($"decay: decay must be 0 < decay < 1, got {decay:F6}")
        : decay is < LeastDecay or > GreatestDecay ? Text($"decay: decay must be between {LeastDecay:F6} and {GreatestDecay:F6} for numerical stability, got {decay:F6}")
        : shape is not ("gauss" or "exp" or "linear") ? $"decay: invalid function \"{shape}\", must be one of [gauss, exp, linear]"
        : null;

    /// <summary>What is left of a score at a distance beyond the offset.</summary>
    public static Func<double, double> Shape(string shape, double scale, double decay) => shape switch
    {
        "gauss" => away => Math.Exp(away * away * Math.Log(decay) / (scale * scale)),
        "exp" => away => Math.Exp(away * Math.Log(decay) / scale),
        _ => away => Math.Max(decay, 1 - (away * (1 - decay) / scale)),
    };

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
