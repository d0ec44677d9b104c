using Demarc.Protocol;

namespace Demarc.Agent.Agents;

/// <summary>The way to the plane. The agent dials; nothing listens.</summary>
public interface IPlaneLink
{
    /// <summary>The verifier key of the plane that it leads to; null for the one that the founding entry names.</summary>
    string? PlaneKey => null;

    /// <summary>Opens one stream. Throws <see cref="LinkException"/> when it cannot.</summary>
    Task<IPlaneStream> ConnectAsync(CancellationToken stop);

    /// <summary>Asks for a fresh certificate when the present one has half of its life behind it. A plane that will not give one is asked again later; it never throws for that.</summary>
    Task RenewIfDueAsync(CancellationToken stop);
}

/// <summary>One conversation. Frames arrive in order or the stream ends.</summary>
public interface IPlaneStream : IAsyncDisposable
{
    /// <summary>Sends one frame; one at a time. Throws <see cref="LinkException"/> when the stream is over.</summary>
    Task SendAsync(AgentFrame frame, CancellationToken stop);

    /// <summary>The next frame; null when the plane has closed. Throws <see cref="LinkException"/> when the stream broke.</summary>
    Task<PlaneFrame?> ReceiveAsync(CancellationToken stop);
}

/// <summary>The way to the plane is closed, and why. Trying again later is right.</summary>
public sealed class LinkException : Exception
{
    /// <summary>With what went wrong.</summary>
    public LinkException(string message) : base(message)
    {
    }

    /// <summary>With what went wrong and its cause.</summary>
    public LinkException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>Without words.</summary>
    public LinkException()
    {
    }
}

/// <summary>Bounds of the conversation with the plane.</summary>
public static class DialLimits
{
    /// <summary>Entries submitted and not answered: enough to fill a group commit, few enough to resend.</summary>
    public const int MaxInFlight = 64;

    /// <summary>From dialling to the welcome.</summary>
    public static TimeSpan Welcome { get; } = TimeSpan.FromSeconds(20);

    /// <summary>A ping this often shows a stalled connection for what it is.</summary>
    public static TimeSpan Ping { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which the connection counts as dead: three pings.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest one frame may take to be taken.</summary>
    public static TimeSpan Send { get; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a refused plane has to take the word that says so.</summary>
    public static TimeSpan Goodbye { get; } = TimeSpan.FromSeconds(5);

    /// <summary>First wait after a failure; doubled each time.</summary>
    public static TimeSpan FirstBackoff { get; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest wait: a plane that is back is found within half a minute.</summary>
    public static TimeSpan MaxBackoff { get; } = TimeSpan.FromSeconds(30);

    /// <summary>A conversation of this length counts as healthy: the backoff starts anew.</summary>
    public static TimeSpan Healthy { get; } = TimeSpan.FromSeconds(10);
}
