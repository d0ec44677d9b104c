namespace Demarc.Engine.Durability;

/// <summary>What reading a log file back found.</summary>
/// <param name="Frames">Sound frames read.</param>
/// <param name="SoundLength">Where the last sound frame ends.</param>
/// <param name="TornBytes">Bytes after it that a crash left half written; never acknowledged.</param>
internal sealed record LogReading(int Frames, long SoundLength, long TornBytes);

/// <summary>
/// Reads a log back. A torn tail can stand only at the end of the newest file; anything else that does not check is
/// damage, named with file and offset.
/// </summary>
internal static class LogReader
{
    public static LogReading Read(string path, ulong firstFrame, bool newest, Action<ulong, LogFrame> apply)
    {
        var length = new FileInfo(path).Length;
        if (length > Limits.StoredFileBytes)
        {
            throw new DamagedDataException(path, 0, $"the file has {length} bytes, more than a log can have");
        }

        var bytes = File.ReadAllBytes(path);
        if (!LogFormat.ReadHeader(bytes, out var stated) || stated != firstFrame)
        {
            throw new DamagedDataException(path, 0, "the file header does not check");
        }

        var at = LogFormat.HeaderBytes;
        var number = firstFrame;
        var frames = 0;
        while (at < bytes.Length)
        {
            var rest = bytes.AsSpan(at);
            if (!LogFormat.TryRead(rest, number, out var payload))
            {
                if (!newest || LogFormat.AnyLaterFrame(rest, number))
                {
                    throw new DamagedDataException(path, at, $"frame {number} does not check, and sound frames or files follow it");
                }

                return new LogReading(frames, at, bytes.Length - at);
            }

            LogFrame frame;
            try
            {
                frame = LogFrame.Parser.ParseFrom(bytes, at + LogFormat.FrameHeaderBytes, payload);
            }
            catch (Google.Protobuf.InvalidProtocolBufferException e)
            {
                throw new DamagedDataException(path, at, $"frame {number} checks but cannot be read ({e.Message})");
            }

            apply(number, frame);
            at += LogFormat.FrameHeaderBytes + payload;
            number++;
            frames++;
        }

        return new LogReading(frames, at, 0);
    }
}
