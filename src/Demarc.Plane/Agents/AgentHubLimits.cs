namespace Demarc.Plane.Agents;

/// <summary>Bounds of one agent's conversation, each with its reason.</summary>
public static class AgentHubLimits
{
    /// <summary>Whoever opens a stream says who it is at once.</summary>
    public static TimeSpan Hello { get; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the plane pings; a middlebox forgets a quiet connection after a minute or more.</summary>
    public static TimeSpan Ping { get; } = TimeSpan.FromSeconds(15);

    /// <summary>An agent that has not been heard for this long is gone or stalled; three pings fit in. The agent sends a ping of its own at least every 15 seconds.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(50);

    /// <summary>How long the last words of the plane may take before the stream is cut: a revoked agent is off within a second.</summary>
    public static TimeSpan LastWords { get; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Frames a second, averaged over the burst; a busy agent sends a few dozen. Beyond it the plane reads no faster.</summary>
    public const int FramesPerSecond = 500;

    /// <summary>Frames that wait to be sent: a few batches of <see cref="BatchBytes"/>, so that a stalled agent costs some MiB and no more.</summary>
    public const int Outgoing = 4;

    /// <summary>Submitted entries whose result is awaited at once; they share a group commit.</summary>
    public const int Submits = 64;

    /// <summary>Entries of one batch: a checkpoint is signed and checked per batch.</summary>
    public const int BatchEntries = 256;

    /// <summary>Bytes of one batch; with one entry more it stays far below the frame limit.</summary>
    public const int BatchBytes = 512 * 1024;

    /// <summary>Bytes of one frame from an agent: the greatest entry, or an observation of many instances.</summary>
    public const int FrameBytes = 300 * 1024;

    /// <summary>Bytes of an observation.</summary>
    public const int StatusBytes = 256 * 1024;

    /// <summary>Characters of a countersigned checkpoint: two signature lines take some 500.</summary>
    public const int CheckpointCharacters = 4096;

    /// <summary>Characters of a message of progress, a reason or a version.</summary>
    public const int Message = 500;

    /// <summary>Changes whose progress is kept; the charter lets far fewer run at once.</summary>
    public const int Progress = 64;

    /// <summary>Notices one stream may leave: an agent gone mad must not wear out the disk.</summary>
    public const int NoticesPerStream = 20;
}
