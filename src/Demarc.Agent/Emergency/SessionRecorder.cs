using System.Text;
using Demarc.Core.Emergency;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Agent.Emergency;

/// <summary>
/// Writes the recording of one session: on the agent's disk first, then on its way to the plane, line by line and chained. Control characters other than line
/// ends and tabs, with which output could draw over what stands on a screen, and secrets that the agent knows are taken out before a line is made.
/// </summary>
public sealed class SessionRecorder : IDisposable
{
    // Each character takes at most six bytes in JSON: a line stays well below its bound.
    private const int Piece = SessionLimits.MaxLineBytes / 8;

    private readonly ISessionFile file;
    private readonly RecordingChain chain;
    private readonly string session;
    private readonly string terms;
    private readonly SessionTraffic traffic;
    private readonly KnownSecrets? secrets;
    private readonly TimeProvider time;
    private readonly long began;

    private SessionRecorder(ISessionFile file, Session session, SessionTraffic traffic, KnownSecrets? secrets, TimeProvider time)
    {
        this.file = file;
        this.session = session.Id.Value;
        terms = session.TermsHash;
        this.traffic = traffic;
        this.secrets = secrets;
        this.time = time;
        began = time.GetTimestamp();
        chain = RecordingChain.Begin(session.TermsHash);
    }

    /// <summary>How far it goes.</summary>
    public RecordingMark Mark => chain.Mark;

    /// <summary>Whether it has reached its bound, or the stream takes no more of it.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Whether a line was begun that may stand on the disk in part or whole, and that the chain does not hold: only who reads the disk anew knows.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Begins a recording with its header; nothing leaves before <see cref="Stream"/>.</summary>
    public static SessionRecorder Begin(ISessionHands hands, Session session, SessionTraffic traffic, TimeProvider time)
    {
        var recorder = new SessionRecorder(hands.BeginRecording(session.Id), session, traffic, hands.Secrets, time);
        recorder.Add(RecordingChain.Header(session, time.GetUtcNow()), leaves: false);
        recorder.Sync();
        return recorder;
    }

    /// <summary>Sends what there is so far; from now on every line leaves as it is written.</summary>
    public void Stream(ReadOnlyMemory<byte> recording)
    {
        foreach (var frame in Frames(session, recording, terms, 0)) IsFull |= !traffic.Offer(frame);
    }

    /// <summary>Records what was shown (<c>o</c>), typed (<c>i</c>) or is to be known (<c>m</c>).</summary>
    public void Write(char code, string text)
    {
        text = Clean(secrets?.Mask(text) ?? text, code == 'o');
        for (var at = 0; at < text.Length && !IsFull && !IsBroken;)
        {
            var length = Math.Min(Piece, text.Length - at);
            if (length < text.Length - at && char.IsHighSurrogate(text[at + length - 1])) length--;
            Add(RecordingChain.Line(time.GetElapsedTime(began), code, text.Substring(at, length)), leaves: true);
            at += length;
        }
    }

    /// <summary>Makes what was written survive a crash.</summary>
    public void Sync() => file.Sync();

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    /// <summary>The frames of a recording from a line on.</summary>
    public static IEnumerable<AgentFrame> Frames(string session, ReadOnlyMemory<byte> recording, string termsHash, long from)
    {
        var chain = RecordingChain.Begin(termsHash);
        foreach (var line in RecordingChain.Lines(recording))
        {
            chain.Add(line.Span);
            if (chain.Events >= from) yield return Frame(session, chain.Events, line.Span, chain.Head);
        }
    }

    private static AgentFrame Frame(string session, long seq, ReadOnlySpan<byte> line, string head) =>
        new() { SessionOutput = new SessionOutput { Session = session, Seq = (ulong)seq, Line = ByteString.CopyFrom(line), Head = ByteString.CopyFrom(Convert.FromHexString(head)) } };

    private void Add(byte[] line, bool leaves)
    {
        if (chain.Bytes + line.Length + 1 > SessionLimits.MaxRecordingBytes)
        {
            IsFull = true;
            return;
        }

        IsBroken = true;
        file.Append(line);
        IsBroken = false;
        chain.Add(line);
        if (leaves && !traffic.Offer(Frame(session, chain.Events, line, chain.Head))) IsFull = true;
    }

    // Players want a carriage return before each line end; whatever else moves a cursor or colours a screen is not for output of ours.
    private static string Clean(string text, bool lines)
    {
        var clean = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (c == '\n') clean.Append(lines ? "\r\n" : " ");
            else if (c == '\r') continue;
            else clean.Append(c == '\t' || !char.IsControl(c) && c is not ('\u2028' or '\u2029') ? c : '\uFFFD');
        }

        return clean.ToString();
    }
}
