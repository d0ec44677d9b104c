using System.Runtime.CompilerServices;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Tells by its code which rows cannot be near enough. A code is a known distance away from its row, and so is the query's from the query,
/// so by the triangle inequality (for dots that of Cauchy and Schwarz) no row that is near enough is held back.
/// </summary>
internal ref struct CodeSieve
{
    /// <summary>For what float32 arithmetic rounds away.</summary>
    private const float Slack = 1e-4f;

    private readonly Int8Coder coder;
    private readonly FlatMemory<sbyte> query;
    private readonly float queryError;
    private readonly float queryLength;
    private readonly float dotSteps;
    private readonly float longestCode;
    private readonly int stride;
    private float held;
    private float limit;

    /// <param name="coder">What the rows' codes are from.</param>
    /// <param name="values">The query.</param>
    /// <param name="code">Room for its code.</param>
    /// <param name="longestCode">No row's code is longer; for dots.</param>
    public CodeSieve(Int8Coder coder, float[] values, FlatMemory<sbyte> code, float longestCode)
    {
        (this.coder, query, stride, this.longestCode) = (coder, code, coder.Stride, longestCode);
        var wide = values.AsSpan().ToArray();
        Int8Coder.Normalise(wide, coder.Metric);

        // Dots need one step for all rows, but the query may have its own.
        var steps = coder.ByDot ? Int8Coder.StepsOf(wide) : coder.Steps;
        queryError = coder.EncodeAtDistance(wide, query.AsSpan(0, stride), steps);
        queryLength = Kernels.Norm(values) * steps;
        dotSteps = coder.Steps * steps;
        (held, limit) = (float.NaN, 0);
    }

    /// <summary>Nearness that is not enough any more.</summary>
    public void Hold(float bound)
    {
        if (bound == held)
        {
            return;
        }

        held = bound;
        limit = float.IsNegativeInfinity(bound) ? bound : coder.Metric switch
        {
            Metric.L2 => (MathF.Sqrt(-bound) * (1 + Slack) * coder.Steps) + queryError,
            Metric.Cosine => (MathF.Sqrt(Math.Max(0, 2 - (2 * bound)) + Slack) * coder.Steps) + queryError,
            _ => (bound * dotSteps) - (longestCode * queryError) - (Slack * queryLength * longestCode),
        };
    }

    /// <summary>Whether a row may be near enough.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Lets(in ArrivedBlocks.Block block, int at)
    {
        if (float.IsNegativeInfinity(limit))
        {
            return true;
        }

        if (coder.ByDot)
        {
            return Kernels.Dot(ref query.At(0), ref block.Code(at), stride) + (block.Error(at) * queryLength) >= limit;
        }

        var reach = limit + block.Error(at);
        return Kernels.SquaredDistance(ref query.At(0), ref block.Code(at), stride) <= reach * reach;
    }
}
