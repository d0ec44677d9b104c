using Demarc.Core.Emergency;
using Demarc.Core.Ledger;

namespace Demarc.Agent.Emergency;

/// <summary>A session that this process has opened: what exists only for as long as it lives.</summary>
public sealed class LiveSession(SessionId id, SessionRecorder recorder, PublicKey? worker, int stream, long now)
{
    public SessionId Id { get; } = id;

    public SessionRecorder Recorder { get; } = recorder;

    /// <summary>The key of whoever works in it, made for their stream; null for a bundle, in which nobody does.</summary>
    public PublicKey? Worker { get; } = worker;

    /// <summary>On which stream to the plane it was opened: another one is not its own.</summary>
    public int Stream { get; } = stream;

    /// <summary>The number of the word that comes next.</summary>
    public long NextWord { get; set; } = 1;

    /// <summary>When the last word was heard.</summary>
    public long Heard { get; set; } = now;

    /// <summary>When the recording was last pinned, and how far it went then.</summary>
    public (long At, long Events) Pinned { get; set; } = (now, 0);

    /// <summary>Whether both sides hold the opening: only from then on anything may happen in it.</summary>
    public bool IsAgreed { get; set; }

    /// <summary>What runs.</summary>
    public ISessionCommand? Command { get; set; }

    /// <summary>What goes on with it: a command, the collection of a bundle, its end. Whatever throws there ends the agent.</summary>
    public List<Task> Work { get; } = [];

    /// <summary>Words that were refused, as far as they are worth a line.</summary>
    public int BadWords { get; set; }

    /// <summary>What is to end it, from outside of the ledger: the customer at the agent itself, or who works in it leaving.</summary>
    public (SessionEndReason Why, string Detail)? Wanted { get; set; }

    /// <summary>Whether it is being ended.</summary>
    public bool IsEnding { get; set; }

    /// <summary>Whether its bundle is on its way.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>On which stream its pieces were sent.</summary>
    public int SentOn { get; set; }
}
