using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>
/// A score that fades with the distance of a number field from an origin: it is whole within the offset, and at offset and
/// scale together it is the decay. Gauss fades as a bell does, exp at once and with a long tail, linear down to nothing.
/// </summary>
internal sealed class DecayFunction : ScoreFunctions
{
    private readonly int field;
    private readonly double origin;
    private readonly double offset;
    private readonly Func<double, double> fade;

    public DecayFunction(CollectionDefinition definition, FunctionSchema function)
    {
        if (function.InputFieldNames.Count != 1)
        {
            throw Faults.Invalid($"Decay function only supports single input, but gets [[{string.Join(' ', function.InputFieldNames)}]] input");
        }

        field = definition.FieldIndex(function.InputFieldNames[0]);
        if (field < 0)
        {
            throw Faults.Invalid($"Function input field not found: {function.InputFieldNames[0]}");
        }

        if (definition.Fields[field] is { IsInteger: false, Type: not (DataType.Float or DataType.Double) } other)
        {
            throw Faults.Invalid($"Decay rerank: unsupported input field type:{other.Type}, only support numberic field");
        }

        origin = Number(function, "origin", null);
        offset = Number(function, "offset", 0);
        var scale = Number(function, "scale", null);
        var decay = Number(function, "decay", 0.5);
        if (scale <= 0 || offset < 0 || decay is not (> 0 and < 1))
        {
            throw Faults.Invalid($"Decay function param: scale must > 0, offset must >= 0, decay must 0 < decay < 1, but got {scale}, {offset}, {decay}");
        }

        fade = Parameter(function, "function")?.ToLowerInvariant() switch
        {
            "gauss" => away => Math.Exp(away * away * Math.Log(decay) / (scale * scale)),
            "exp" => away => Math.Exp(away * Math.Log(decay) / scale),
            "linear" => away => Math.Max(0, 1 - (away * (1 - decay) / scale)),
            var name => throw Faults.Invalid($"Invaild decay function: function, only support [gauss,linear,exp], but got [{name}]"),
        };
    }

    public override bool GivesSimilarity => true;

    public override float Score(Ranked hit, Metric metric) => (float)(Similarity(metric, hit.Score) * Fade(hit));

    /// <summary>Distances become similarities between nought and one; what is a similarity stays as it is.</summary>
    public static double Similarity(Metric metric, float score) => metric.IsDistance() ? 1 - (2 * Math.Atan(score) / Math.PI) : score;

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
}
