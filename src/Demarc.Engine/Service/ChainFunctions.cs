using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Service;

/// <summary>What a step of a chain computes from the columns of a row: a number, or null when a column of the row is null.</summary>
internal abstract class ChainFunction
{
    public abstract float? Of(object?[] values);

    /// <param name="expression">As the request names it.</param>
    /// <param name="columns">How many columns it is to read.</param>
    public static ChainFunction Read(FunctionChainExpr expression, int columns)
    {
        var name = expression.Name.Trim();
        var parameters = new ChainParameters(name, expression.Params);
        return name switch
        {
            "num_combine" => new Combination(parameters, columns),
            "decay" => new Decay(parameters, columns),
            "round_decimal" => new Rounding(parameters, columns),
            "xgboost" or "rerank_model" => throw Faults.NotServed($"the function {name} in a function chain"),
            _ => throw Faults.Invalid($"map function: unknown function: {name}"),
        };
    }

    protected static double Number(object value, string function, int column) => value switch
    {
        long whole => whole,
        float number => number,
        double number => number,
        _ => throw Faults.Invalid($"{function}: column {column}: unsupported input column type {(value is bool ? "Bool" : "VarChar")}, expected numeric type"),
    };

    /// <summary>Several numbers made one.</summary>
    private sealed class Combination : ChainFunction
    {
        private readonly string mode;
        private readonly List<double> weights;

        public Combination(ChainParameters parameters, int columns)
        {
            mode = parameters.Text("mode", "multiply");
            weights = parameters.Numbers("weights");
            var why = mode is not ("multiply" or "sum" or "max" or "min" or "avg" or "weighted") ? $"num_combine: invalid mode \"{mode}\", must be one of [multiply, sum, max, min, avg, weighted]"
                : mode == "weighted" && weights.Count == 0 ? "num_combine: weighted mode requires weights"
                : columns < 2 ? $"num_combine: expected at least 2 input columns, got {columns}"
                : mode == "weighted" && weights.Count != columns ? $"num_combine: weighted mode requires {columns} weights, got {weights.Count}"
                : null;
            if (why is not null)
            {
                throw Faults.Invalid(why);
            }
        }

        public override float? Of(object?[] values)
        {
            if (values.Contains(null))
            {
                return null;
            }

            var numbers = values.Select((value, i) => Number(value!, "num_combine", i)).ToList();
            return (float)(mode switch
            {
                "sum" => numbers.Sum(),
                "max" => numbers.Max(),
                "min" => numbers.Min(),
                "avg" => numbers.Average(),
                "weighted" => numbers.Zip(weights, (number, weight) => number * weight).Sum(),
                _ => numbers.Aggregate(1.0, (product, number) => product * number),
            });
        }
    }

    /// <summary>How much is left of a score at some distance from an origin, between nought and one.</summary>
    private sealed class Decay : ChainFunction
    {
        private readonly double origin;
        private readonly double offset;
        private readonly Func<double, double> fade;

        public Decay(ChainParameters parameters, int columns)
        {
            var shape = parameters.Text("function", null);
            (origin, var scale) = (parameters.Number("origin", null), parameters.Number("scale", null));
            offset = parameters.Number("offset", 0);
            var decay = parameters.Number("decay", DecayFunction.DefaultDecay);
            var why = DecayFunction.Unfit(shape, scale, offset, decay) ?? (columns == 1 ? null : $"decay: expected 1 input column, got {columns}");
            fade = why is null ? DecayFunction.Shape(shape, scale, decay) : throw Faults.Invalid(why);
        }

        public override float? Of(object?[] values) => values[0] is { } value ? (float)fade(Math.Max(0, Math.Abs(Number(value, "decay", 0) - origin) - offset)) : null;
    }

    private sealed class Rounding : ChainFunction
    {
        private readonly double power;

        public Rounding(ChainParameters parameters, int columns)
        {
            var digits = parameters.Whole("decimal", null);
            power = digits is < 0 or > 6 ? throw Faults.Invalid($"round_decimal: decimal must be in range [0, 6], got {digits}")
                : columns != 1 ? throw Faults.Invalid($"round_decimal: expected 1 input column, got {columns}")
                : Math.Pow(10, digits);
        }

        public override float? Of(object?[] values) => values[0] switch
        {
            null => null,
            float number => (float)(Math.Floor((number * power) + 0.5) / power),
            _ => throw Faults.Invalid("round_decimal: input must be Float32"),
        };
    }
}

/// <summary>The parameters of one step or function, each read as the type it has to be of.</summary>
internal sealed class ChainParameters(string of, MapField<string, FunctionParamValue> values)
{
    public string Text(string name, string? absent) =>
        Find(name, absent is null) is not { } value ? absent!
        : value.ValueCase == FunctionParamValue.ValueOneofCase.StringValue ? value.StringValue
        : throw Faults.Invalid($"{of}: parameter \"{name}\" must be a string");

    public bool Flag(string name) =>
        Find(name, false) is { } value && (value.ValueCase == FunctionParamValue.ValueOneofCase.BoolValue ? value.BoolValue : throw Faults.Invalid($"{of}: parameter \"{name}\" must be a bool"));

    public long Whole(string name, long? absent) => Find(name, absent is null) switch
    {
        null => absent!.Value,
        { ValueCase: FunctionParamValue.ValueOneofCase.Int64Value } value => value.Int64Value,
        { ValueCase: FunctionParamValue.ValueOneofCase.DoubleValue } value when (long)value.DoubleValue == value.DoubleValue => (long)value.DoubleValue,
        _ => throw Faults.Invalid($"{of}: parameter \"{name}\" must be an integer"),
    };

    public double Number(string name, double? absent) => Find(name, absent is null) is { } value ? Number(name, value) : absent!.Value;

    public List<double> Numbers(string name) =>
        Find(name, false) is not { } value ? []
        : value.ValueCase == FunctionParamValue.ValueOneofCase.ArrayValue ? [.. value.ArrayValue.Values.Select(v => Number(name, v))]
        : throw Faults.Invalid($"{of}: parameter \"{name}\" must be an array");

    private double Number(string name, FunctionParamValue value) =>
        value.ValueCase == FunctionParamValue.ValueOneofCase.Int64Value ? value.Int64Value
        : value.ValueCase == FunctionParamValue.ValueOneofCase.DoubleValue && double.IsFinite(value.DoubleValue) ? value.DoubleValue
        : throw Faults.Invalid($"{of}: parameter \"{name}\" must be a number");

    private FunctionParamValue? Find(string name, bool required) =>
        !values.TryGetValue(name, out var value) ? (required ? throw Faults.Invalid($"{of}: missing required parameter \"{name}\"") : null)
        : value.ValueCase == FunctionParamValue.ValueOneofCase.None ? throw Faults.Invalid($"{of}: parameter \"{name}\" is unset")
        : value;
}
