using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Service;

/// <summary>
/// Sheds load instead of collapsing under it. Reads work on as many places as keep the processors busy; others wait in a
/// line of bounded length and patience. Writes wait for the disk with their rows in memory, so the bytes of all that wait
/// are bounded. Whoever is turned away gets Milvus's rate limit code, which clients take for "later", not for "wrong".
/// </summary>
internal sealed class Admission(TimeProvider time, int places, int line, long waitingBytes) : IDisposable
{
    /// <summary>Longer than this nobody waits for a place: an answer that comes later than a client's patience only costs.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim free = new(places);
    private int waiting;
    private long written;
    private long shed;

    public Admission(TimeProvider time)
        : this(time, Limits.ReadsPerProcessor * Environment.ProcessorCount, Limits.WaitingReads, Limits.WaitingWriteBytes)
    {
    }

    /// <summary>Requests turned away since the start.</summary>
    public long Shed => Interlocked.Read(ref shed);

    /// <summary>Reads that wait for a place.</summary>
    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>Lets a request in, at once or after a while; what it gives back is given back with the ticket.</summary>
    /// <exception cref="Fault">The engine is too busy.</exception>
    public ValueTask<Ticket> Enter(IMessage request, CancellationToken cancel) => request switch
    {
        SearchRequest or HybridSearchRequest or QueryRequest => free.Wait(0, cancel) ? ValueTask.FromResult(new Ticket(this, 0)) : Line(cancel),
        InsertRequest or UpsertRequest => ValueTask.FromResult(Write(request.CalculateSize())),
        _ => ValueTask.FromResult(default(Ticket)),
    };

    public void Dispose() => free.Dispose();

    private async ValueTask<Ticket> Line(CancellationToken cancel)
    {
        if (Interlocked.Increment(ref waiting) > line)
        {
            Interlocked.Decrement(ref waiting);
            throw TurnedAway($"{line} reads wait already");
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await free.WaitAsync(either.Token);
            return new Ticket(this, 0);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw TurnedAway($"no read could begin for {Patience.TotalSeconds:F0} seconds");
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private Ticket Write(long bytes)
    {
        // One request always passes, whatever its size: that is bounded elsewhere.
        if (Interlocked.Add(ref written, bytes) > Math.Max(waitingBytes, bytes))
        {
            Interlocked.Add(ref written, -bytes);
            throw TurnedAway($"writes of {waitingBytes >> 20} MiB wait for the disk already");
        }

        return new Ticket(this, bytes);
    }

    private Fault TurnedAway(string why)
    {
        Interlocked.Increment(ref shed);
        return Faults.TooBusy(why);
    }

    /// <summary>A place that is held, or bytes that are counted, until it is disposed. It is to be disposed once.</summary>
    internal readonly struct Ticket(Admission of, long bytes) : IDisposable
    {
        public void Dispose()
        {
            if (of is null)
            {
                return;
            }

            if (bytes > 0)
            {
                Interlocked.Add(ref of.written, -bytes);
            }
            else
            {
                of.free.Release();
            }
        }
    }
}
