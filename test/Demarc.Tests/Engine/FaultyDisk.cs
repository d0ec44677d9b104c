using Demarc.Engine.Durability;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Tests.Engine;

/// <summary>A disk that fails at a chosen operation, half way through a write where it can.</summary>
internal sealed class FaultyDisk : Disk
{
    private int operations;

    /// <summary>The operation that fails, counted from now; 0 for none.</summary>
    public int FailAt { get; set; }

    /// <summary>After the first failure every later operation fails too, as after a crash.</summary>
    public bool StayDown { get; set; }

    public bool FailSync { get; set; }

    public long Free { get; set; } = long.MaxValue;

    public bool Failed { get; private set; }

    public int Operations => operations;

    public void Reset(int failAt, bool stayDown = false) => (operations, FailAt, StayDown, Failed) = (0, failAt, stayDown, false);

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset)
    {
        if (Fails())
        {
            base.Write(file, data[..(data.Length / 2)], offset);
            throw new IOException("No space left on device");
        }

        base.Write(file, data, offset);
    }

    public override void Sync(SafeFileHandle file)
    {
        if (FailSync || Fails())
        {
            throw new IOException("Input/output error");
        }
    }

    public override void Truncate(SafeFileHandle file, long length)
    {
        if (Fails())
        {
            throw new IOException("Input/output error");
        }

        base.Truncate(file, length);
    }

    public override void SyncDirectory(string path)
    {
        if (Fails())
        {
            throw new IOException("Input/output error");
        }
    }

    public override void Rename(string from, string to)
    {
        if (Fails())
        {
            throw new IOException("Input/output error");
        }

        base.Rename(from, to);
    }

    public override void Delete(string path)
    {
        if (Fails())
        {
            throw new IOException("Input/output error");
        }

        base.Delete(path);
    }

    public override long FreeBytes(string directory) => Free;

    private bool Fails()
    {
        var at = Interlocked.Increment(ref operations);
        var fails = FailAt > 0 && (at == FailAt || (StayDown && at > FailAt));
        Failed |= fails;
        return fails;
    }
}
