using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Service;

/// <summary>
/// Steps that give the hits of a search other scores or another order. At the stage where rows are found (L0) scores may be
/// written, the greater the better whatever the metric, and offset and limit come after; at the stage of the answer (L2) the
/// page is there already, and its rows may be ordered and cut as well.
/// </summary>
internal sealed class RerankChain
{
    public const string Score = "$score";
    public const string Key = "$id";

    private readonly CollectionDefinition definition;
    private readonly List<ChainStep> steps;

    private RerankChain(CollectionDefinition definition, List<ChainStep> steps) => (this.definition, this.steps) = (definition, steps);

    /// <summary>The chains of a request, by stage.</summary>
    public static (RerankChain? OfRows, RerankChain? OfAnswer) Read(CollectionDefinition definition, IReadOnlyList<FunctionChain> chains)
    {
        for (var i = 0; i < chains.Count; i++)
        {
            var stage = chains[i].Stage;
            if (chains.Take(i).Any(c => c.Stage == stage))
            {
                throw Faults.Invalid($"function chain stage {Named(stage)} appears more than once");
            }

            if (stage is not (FunctionChainStage.L0Rerank or FunctionChainStage.L2Rerank))
            {
                throw Faults.Invalid($"function chain[{i}] stage {Named(stage)} is not supported {(stage == FunctionChainStage.L1Rerank ? "yet" : "in search request")}");
            }
        }

        return (ReadOne(definition, chains, FunctionChainStage.L0Rerank), ReadOne(definition, chains, FunctionChainStage.L2Rerank));
    }

    /// <summary>The hits as the steps leave them. Where rows are found the score of a distance is its negative, and is turned back.</summary>
    public List<Ranked> OfRows(List<Ranked> hits, Metric metric)
    {
        var sign = metric.IsDistance() ? -1 : 1;
        var rows = Run([.. hits.Select(hit => new ChainRow(definition, hit, sign * hit.Score))]);
        return [.. new SortStep([Score], Descending: true).Run(rows).Select(row => row.Hit with { Score = sign * (row.Score ?? 0) })];
    }

    /// <summary>The rows of a page as the steps leave them.</summary>
    public List<Ranked> OfAnswer(IEnumerable<Ranked> page) =>
        [.. Run([.. page.Select(hit => new ChainRow(definition, hit, hit.Score))]).Select(row => row.Hit with { Score = row.Score ?? 0 })];

    private List<ChainRow> Run(List<ChainRow> rows) => steps.Aggregate(rows, (left, step) => step.Run(left));

    private static RerankChain? ReadOne(CollectionDefinition definition, IReadOnlyList<FunctionChain> chains, FunctionChainStage stage)
    {
        var at = Enumerable.Range(0, chains.Count).FirstOrDefault(i => chains[i].Stage == stage, -1);
        if (at < 0)
        {
            return null;
        }

        if (chains[at].Ops.Count == 0)
        {
            throw Faults.Invalid($"function chain[{at}] must contain at least one op");
        }

        var ofRows = stage == FunctionChainStage.L0Rerank;
        var (steps, written) = (new List<ChainStep>(), new HashSet<string>(StringComparer.Ordinal));
        for (var i = 0; i < chains[at].Ops.Count; i++)
        {
            var op = chains[at].Ops[i];
            if (ofRows && op.Op.Trim() is not ("map" or ""))
            {
                throw Faults.Invalid($"function chain[{at}]: op[{i}] type \"{op.Op.Trim()}\" is not supported by L0 rerank function chain");
            }

            ChainStep step;
            try
            {
                step = ChainStep.Read(op);
            }
            catch (Fault fault)
            {
                throw new Fault(fault.Code, $"function chain[{at}]: op[{i}]: {fault.Message}");
            }

            CheckColumns(definition, step, written, $"function chain[{at}]: op[{i}] ", ofRows);
            written.UnionWith(step.Writes);
            steps.Add(step);
        }

        return new RerankChain(definition, steps);
    }

    /// <summary>Names with a dollar are the search's own: key and score are to be read, and only the score to be written.</summary>
    private static void CheckColumns(CollectionDefinition definition, ChainStep step, HashSet<string> written, string where, bool ofRows)
    {
        var by = ofRows ? "L0 rerank function chain" : "L2 rerank function chain";
        foreach (var name in step.Reads.Where(name => !written.Contains(name)))
        {
            if (name.StartsWith('$'))
            {
                if (name is not (Key or Score))
                {
                    throw Faults.Invalid($"{where}input \"{name}\": system input \"{name}\" is not {(ofRows ? "readable" : "supported")} by {by}");
                }

                continue;
            }

            var field = definition.Field(name) ?? throw Faults.Invalid($"function chain input \"{name}\" is neither a previous output nor a collection field");
            if (!field.IsInteger && field.Type is not (DataType.Bool or DataType.Float or DataType.Double or DataType.VarChar or DataType.Timestamptz))
            {
                throw Faults.Invalid($"function chain input \"{name}\" has unsupported field type {FieldDefinition.TypeName(field.Type)}");
            }
        }

        if (step.Writes.FirstOrDefault(name => name.StartsWith('$') && name != Score) is { } kept)
        {
            throw Faults.Invalid($"{where}output \"{kept}\": system output \"{kept}\" is not writable by {by}");
        }
    }

    private static string Named(FunctionChainStage stage) => $"FunctionChainStage{stage}";
}
