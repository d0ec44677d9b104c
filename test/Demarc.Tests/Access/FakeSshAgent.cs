using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Access;

/// <summary>A socket that speaks as an SSH agent does, as far as it is told to, and remembers what it was asked to sign.</summary>
internal sealed class FakeSshAgent : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Task serving;

    public FakeSshAgent(string path, params (SigningKey Key, string Comment)[] keys)
    {
        Keys = keys;
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        serving = Task.Run(ServeAsync);
    }

    public (SigningKey Key, string Comment)[] Keys { get; set; }

    public List<byte[]> Asked { get; } = [];

    /// <summary>Makes another answer of the one that it was going to give; null hangs up.</summary>
    public Func<byte[], byte[]?>? Instead { get; set; }

    public static byte[] Counted(ReadOnlySpan<byte> bytes)
    {
        var counted = new byte[4 + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(counted, (uint)bytes.Length);
        bytes.CopyTo(counted.AsSpan(4));
        return counted;
    }

    public static byte[] Counted(string text) => Counted(Encoding.UTF8.GetBytes(text));

    public static byte[] Blob(SigningKey key) => [.. Counted("ssh-ed25519"), .. Counted(key.Public.ToBytes())];

    public void Dispose()
    {
        listener.Dispose();
        serving.Wait(TimeSpan.FromSeconds(10));
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var connection = await listener.AcceptAsync();
                await using var stream = new NetworkStream(connection);
                var length = new byte[4];
                await stream.ReadExactlyAsync(length);
                var request = new byte[BinaryPrimitives.ReadUInt32BigEndian(length)];
                await stream.ReadExactlyAsync(request);
                var answer = Counted(Answer(request));
                if (Instead is { } instead) answer = instead(answer);
                if (answer is not null) await stream.WriteAsync(answer);
            }
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException or IOException)
        {
            // The test is over.
        }
    }

    private byte[] Answer(byte[] request)
    {
        if (request is [11])
        {
            byte[] rsa = [.. Counted("ssh-rsa"), .. Counted("\u0001\u0000\u0001"), .. Counted("modulus")];
            return [12, 0, 0, 0, (byte)(Keys.Length + 1), .. Counted(rsa), .. Counted("an old one"), .. Keys.SelectMany(k => (byte[])[.. Counted(Blob(k.Key)), .. Counted(k.Comment)])];
        }

        var at = 1;
        var blob = Take(request, ref at);
        var data = Take(request, ref at);
        Asked.Add(data);
        return request[0] == 13 && request[at..] is [0, 0, 0, 0] && Keys.FirstOrDefault(k => Blob(k.Key).AsSpan().SequenceEqual(blob)).Key is { } key
            ? [14, .. Counted([.. Counted("ssh-ed25519"), .. Counted(key.Sign(data))])]
            : [5];
    }

    private static byte[] Take(byte[] from, ref int at)
    {
        var length = (int)BinaryPrimitives.ReadUInt32BigEndian(from.AsSpan(at));
        var taken = from.AsSpan(at + 4, length).ToArray();
        at += 4 + length;
        return taken;
    }
}
