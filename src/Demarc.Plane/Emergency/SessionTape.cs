using Demarc.Core.Emergency;
using Demarc.Plane.Agents;
using Demarc.Plane.Hosting;

namespace Demarc.Plane.Emergency;

/// <summary>
/// The plane's copy of one recording. It takes the lines that the agent shows, each only behind the one before it and with the head of the hash chain that the
/// agent says, so that it is either the agent's recording or visibly a part of it.
/// </summary>
internal sealed class SessionTape
{
    private readonly string path;
    private readonly Lock gate = new();
    private readonly RecordingChain chain;

    private SessionTape(string path, RecordingChain chain)
    {
        this.path = path;
        this.chain = chain;
        Length = new Watched<long>(chain.Bytes);
    }

    /// <summary>How many bytes there are, to wait on.</summary>
    public Watched<long> Length { get; }

    /// <summary>The number of the line that comes next; the header is 0.</summary>
    public long Next
    {
        get
        {
            lock (gate) return chain.Events + 1;
        }
    }

    /// <summary>What the chain says of what is here.</summary>
    public RecordingMark Mark
    {
        get
        {
            lock (gate) return chain.Mark;
        }
    }

    /// <summary>Opens what was kept. A copy that does not end with a whole line was cut off while it was written: what is left of that line is dropped.</summary>
    public static SessionTape Open(string path, string termsHash)
    {
        var kept = File.Exists(path) ? File.ReadAllBytes(path) : [];
        var whole = Array.LastIndexOf(kept, (byte)'\n') + 1;
        if (whole < kept.Length)
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
            file.SetLength(whole);
        }

        var chain = RecordingChain.Begin(termsHash);
        foreach (var line in RecordingChain.Lines(kept.AsMemory(0, whole))) chain.Add(line.Span);
        return new SessionTape(path, chain);
    }

    /// <summary>Takes a line; false when it is not the next one, or not what its head says.</summary>
    public bool Take(long seq, ReadOnlySpan<byte> line, string head)
    {
        lock (gate)
        {
            if (seq != chain.Events + 1 || line.IndexOf((byte)'\n') >= 0 || chain.Bytes + line.Length + 1 > SessionLimits.MaxRecordingBytes) return false;
            if (chain.HeadWith(line) != head) return false;
            using (var file = File.Exists(path) ? new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite) : PrivateFile.Create(path))
            {
                file.Write(line);
                file.WriteByte((byte)'\n');
            }

            chain.Add(line);
        }

        Length.Change(_ => Mark.Bytes);
        return true;
    }

    /// <summary>Its bytes from an offset on.</summary>
    public byte[] Read(long from)
    {
        long until;
        lock (gate) until = chain.Bytes;
        if (until <= from || !File.Exists(path)) return [];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Seek(from, SeekOrigin.Begin);
        var bytes = new byte[until - from];
        file.ReadExactly(bytes);
        return bytes;
    }
}
