using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Service;

/// <summary>A row on its way through a chain of functions: the hit, its score, and what earlier steps have written beside it.</summary>
internal sealed class ChainRow(CollectionDefinition definition, Ranked hit, float score)
{
    private readonly Dictionary<string, float?> written = new(StringComparer.Ordinal) { [RerankChain.Score] = score };

    public Ranked Hit => hit;

    public float? Score => written[RerankChain.Score];

    /// <summary>A number, text or bool; null for null.</summary>
    public object? Read(string name) =>
        written.TryGetValue(name, out var value) ? value
        : RowValue.Of(hit.Segment.Segment.Columns[name == RerankChain.Key ? definition.PrimaryIndex : definition.FieldIndex(name)], hit.Row);

    public void Write(string name, float? value) => written[name] = value;
}

/// <summary>One step of a chain.</summary>
/// <param name="Reads">The columns that it reads.</param>
/// <param name="Writes">The columns that it writes.</param>
internal abstract record ChainStep(IReadOnlyList<string> Reads, IReadOnlyList<string> Writes)
{
    public abstract List<ChainRow> Run(List<ChainRow> rows);

    /// <summary>A step as a request describes it; what it cannot be is told without saying which step it is.</summary>
    public static ChainStep Read(FunctionChainOp op)
    {
        var (reads, writes) = (Names(op.Inputs, "input"), Names(op.Outputs, "output"));
        var parameters = new ChainParameters($"{op.Op.Trim()}_op", op.Params);
        switch (op.Op.Trim())
        {
            case "":
                throw Faults.Invalid("op name is empty");
            case "map":
                return MapStep.Read(op, writes);
            case "sort":
                return reads.Count is 0 ? throw Faults.MissingSaid("sort_op: column is required")
                    : reads.Count > 2 ? throw Faults.Invalid($"sort_op: expects at most 2 input columns, got {reads.Count}")
                    : new SortStep(reads, parameters.Flag("desc"));
            case "limit":
                var (limit, offset) = (parameters.Whole("limit", null), parameters.Whole("offset", 0));
                return limit <= 0 ? throw Faults.Invalid("limit_op: limit must be positive")
                    : offset < 0 ? throw Faults.Invalid("limit_op: offset must be non-negative")
                    : new LimitStep((int)Math.Min(limit, int.MaxValue), (int)Math.Min(offset, int.MaxValue));
            case "filter" or "select" or "group_by":
                throw Faults.NotServed($"the operation {op.Op.Trim()} in a function chain");
            default:
                throw Faults.Invalid($"unknown operator type: {op.Op.Trim()}");
        }
    }

    private static List<string> Names(IEnumerable<string> names, string label)
    {
        List<string> trimmed = [.. names.Select(n => n.Trim())];
        return trimmed.Contains("") ? throw Faults.Invalid($"{label} name is empty") : trimmed;
    }
}

/// <summary>Computes one number for each row from columns of it.</summary>
internal sealed record MapStep(IReadOnlyList<string> Reads, IReadOnlyList<string> Writes, ChainFunction Function) : ChainStep(Reads, Writes)
{
    public static MapStep Read(FunctionChainOp op, List<string> writes)
    {
        var expression = op.Expr ?? throw Faults.Invalid("map operator requires function");
        var reads = expression.Args.Where(a => a.ArgCase == FunctionChainExprArg.ArgOneofCase.Column).Select(a => a.Column.Name.Trim()).Distinct().ToList();
        var why = expression.Name.Trim().Length == 0 ? "expr name is empty"
            : expression.Args.Any(a => a.ArgCase == FunctionChainExprArg.ArgOneofCase.None) ? "function chain expr arg is unset"
            : reads.Contains("") ? "column name is empty"
            : reads.Count == 0 ? "map operator requires inputs"
            : writes.Count == 0 ? "map operator requires outputs"
            : writes.Count > 1 ? $"map_op: output columns count ({writes.Count}) must match function output types count (1)"
            : null;
        return why is null ? new MapStep(reads, writes, ChainFunction.Read(expression, reads.Count)) : throw Faults.Invalid(why);
    }

    public override List<ChainRow> Run(List<ChainRow> rows)
    {
        foreach (var row in rows)
        {
            row.Write(Writes[0], Function.Of([.. Reads.Select(row.Read)]));
        }

        return rows;
    }
}

/// <summary>Orders rows by a column, nulls last, and those that are equal by another one or by their keys.</summary>
internal sealed record SortStep(IReadOnlyList<string> By, bool Descending) : ChainStep(By, [])
{
    public override List<ChainRow> Run(List<ChainRow> rows)
    {
        var values = Comparer<object?>.Create((a, b) => a is null || b is null ? (a is null).CompareTo(b is null) : Descending ? RowValue.Compare(b, a) : RowValue.Compare(a, b));
        var second = By.Count > 1 ? By[1] : RerankChain.Key;
        return [.. rows.OrderBy(row => row.Read(By[0]), values).ThenBy(row => row.Read(second), Comparer<object?>.Create(RowValue.Compare))];
    }
}

internal sealed record LimitStep(int Limit, int Offset) : ChainStep([], [])
{
    public override List<ChainRow> Run(List<ChainRow> rows) => [.. rows.Skip(Offset).Take(Limit)];
}
