using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Demarc.Core;

/// <summary>States a belief of the code. A broken one is a bug: it ends the work item, it is never an answer to a user.</summary>
public static class Must
{
    /// <summary>Throws <see cref="BrokenBeliefException"/> naming the expression when it does not hold.</summary>
    public static void Hold([DoesNotReturnIf(false)] bool belief, [CallerArgumentExpression(nameof(belief))] string? expression = null)
    {
        if (!belief) throw new BrokenBeliefException($"This should hold and does not: {expression}");
    }
}

/// <summary>A belief of the code was wrong.</summary>
public sealed class BrokenBeliefException : Exception
{
    /// <summary>With the expression that did not hold.</summary>
    public BrokenBeliefException(string message) : base(message)
    {
    }

    /// <summary>With the expression and a cause.</summary>
    public BrokenBeliefException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>Without words.</summary>
    public BrokenBeliefException()
    {
    }
}
