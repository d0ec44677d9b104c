using Demarc.Core.Emergency;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Emergency;

/// <summary>What carries one command out, as it goes on: text comes until it is over, and it can be ended at any moment.</summary>
public interface ISessionCommand : IDisposable
{
    /// <summary>What is shown, piece by piece; null when it is over.</summary>
    ValueTask<string?> NextAsync();

    /// <summary>Ends it at once; true when nothing of it runs any more.</summary>
    bool Cut();
}

/// <summary>A recording as it is written: whole lines, which a crash of this process leaves where they are.</summary>
public interface ISessionFile : IDisposable
{
    /// <summary>Writes a line and its end.</summary>
    void Append(ReadOnlySpan<byte> line);

    /// <summary>Makes what was written survive a crash of the machine.</summary>
    void Sync();
}

/// <summary>What a session can do to a machine and its instances, and what it keeps there. Whoever gives something here can take it away again, also after a crash.</summary>
public interface ISessionHands
{
    /// <summary>Secrets of this agent, which no recording shows; null for none.</summary>
    KnownSecrets? Secrets { get; }

    /// <summary>Makes ready what sessions need.</summary>
    void Prepare();

    /// <summary>How a session would be shut in; the fault says why it cannot be opened here.</summary>
    (Confinement? Confinement, string? Fault) Confine(Session session);

    /// <summary>Mints the temporary user of a Milvus session; what is sealed goes to who asked, and nobody else ever holds the password.</summary>
    SealedCredential OpenUser(Session session);

    /// <summary>Takes away what a session was given, whether this process gave it or one before. True when nothing of it is left.</summary>
    bool Clean(Session session);

    /// <summary>Starts a command.</summary>
    ISessionCommand Run(Session session, TypedCommand typed);

    /// <summary>Begins a recording, in the place of what there was of it.</summary>
    ISessionFile BeginRecording(SessionId session);

    /// <summary>The bytes of a recording; none when there is no such recording.</summary>
    byte[] Recording(SessionId session);

    /// <summary>Takes from a recording what stands behind so many bytes, a line that was cut off while it was written, and makes the rest survive a crash of the machine.</summary>
    void SettleRecording(SessionId session, long bytes);

    /// <summary>Keeps a bundle here, durably and in one piece.</summary>
    void KeepBundle(SessionId session, ReadOnlySpan<byte> bundle);

    /// <summary>The bytes of a bundle; none when there is no such bundle.</summary>
    byte[] Bundle(SessionId session);
}
