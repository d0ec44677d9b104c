using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary>A key that an SSH agent keeps.</summary>
/// <param name="Key">Its public half.</param>
/// <param name="Comment">What its owner calls it.</param>
/// <param name="Fingerprint">As <c>ssh-add -l</c> shows it.</param>
internal sealed record SshKey(Ed25519Key Key, string Comment, string Fingerprint);

/// <summary>
/// The person's own SSH agent, asked over its socket (draft-miller-ssh-agent, sections 3.5 and 3.6). Only Ed25519 keys are of use: the agent then gives the same
/// 64 bytes that a key in memory would. What is signed starts with <c>DSSEv1</c>, which no SSH server takes for a login and <c>ssh-keygen -Y</c> for no file.
/// </summary>
internal sealed class SshAgent(string? socket)
{
    /// <summary>The longest message that OpenSSH's agent reads or writes.</summary>
    private const int MaxMessage = 256 * 1024;

    private const byte RequestIdentities = 11;
    private const byte IdentitiesAnswer = 12;
    private const byte SignRequest = 13;
    private const byte SignResponse = 14;
    private const byte Failure = 5;
    private const string Algorithm = "ssh-ed25519";

    /// <summary>An agent may ask its owner, who has to find the window first.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Its Ed25519 keys, in its own order.</summary>
    public ImmutableArray<SshKey> Keys()
    {
        var answer = Ask([RequestIdentities]);
        if (Byte(ref answer) != IdentitiesAnswer) throw Odd();
        var keys = ImmutableArray.CreateBuilder<SshKey>();
        for (var left = Number(ref answer); left > 0; left--)
        {
            var blob = Text(ref answer);
            var comment = Encoding.UTF8.GetString(Text(ref answer));
            var fingerprint = "SHA256:" + Base64Text.EncodeUnpadded(SHA256.HashData(blob));
            if (KeyOf(blob) is { } key) keys.Add(new SshKey(key, comment, fingerprint));
        }

        return keys.ToImmutable();
    }

    /// <summary>The one key that is meant: by its comment, fingerprint or text form; without a name, the only one there is.</summary>
    public SshKey Find(string? name)
    {
        var keys = Keys();
        var meant = name is null ? keys : [.. keys.Where(k => k.Comment == name || k.Fingerprint == name || k.Key.KeyId == name)];
        if (meant.Length == 1) return meant[0];
        var list = string.Join("; ", keys.Select(k => $"{k.Fingerprint} {Terminal.Terminal.Printable(k.Comment)}"));
        throw new CommandFailedException(
            keys.IsEmpty || (name is not null && meant.IsEmpty) ? ExitCodes.NotFound : ExitCodes.Usage,
            keys.IsEmpty ? "The SSH agent has no Ed25519 key." : name is null ? $"The SSH agent has {keys.Length} Ed25519 keys: {list}." : $"The SSH agent has {(meant.IsEmpty ? "no" : meant.Length)} Ed25519 key{(meant.Length > 1 ? "s" : "")} '{name}'. It has: {list}.",
            keys.IsEmpty ? "Make one with 'ssh-keygen -t ed25519' and add it with 'ssh-add'." : "Name one by its comment or fingerprint.");
    }

    /// <summary>Its signature over the message, checked here before anybody else sees it.</summary>
    public byte[] Sign(Ed25519Key key, ReadOnlySpan<byte> message)
    {
        byte[] blob = [.. Counted(Encoding.ASCII.GetBytes(Algorithm)), .. Counted(key.ToBytes())];
        var answer = Ask([SignRequest, .. Counted(blob), .. Counted(message), 0, 0, 0, 0]);
        var kind = Byte(ref answer);
        if (kind == Failure) throw new CommandFailedException(ExitCodes.Failed, $"The SSH agent does not sign with {key.KeyId}: it does not have the key, is locked, or its owner said no.", "Look with 'ssh-add -l', and add the key with 'ssh-add'.");
        if (kind != SignResponse) throw Odd();
        var signature = Text(ref answer);
        var algorithm = Text(ref signature);
        var bytes = Text(ref signature).ToArray();
        if (Encoding.ASCII.GetString(algorithm) != Algorithm || !signature.IsEmpty || !answer.IsEmpty || !key.Verify(message, bytes))
            throw new CommandFailedException(ExitCodes.Failed, $"What the SSH agent gave is not a signature of {key.KeyId}.", "Nothing was sent. Look which program answers at $SSH_AUTH_SOCK.");
        return bytes;
    }

    private static Ed25519Key? KeyOf(ReadOnlySpan<byte> blob)
    {
        if (!Text(ref blob).SequenceEqual(Encoding.ASCII.GetBytes(Algorithm))) return null;
        var raw = Text(ref blob);
        return blob.IsEmpty ? Ed25519Key.FromBytes(raw) : null;
    }

    private ReadOnlySpan<byte> Ask(byte[] request)
    {
        if (string.IsNullOrEmpty(socket)) throw new CommandFailedException(ExitCodes.Failed, "There is no SSH agent: SSH_AUTH_SOCK is not set.", "Start one with 'eval \"$(ssh-agent)\"' and add your key with 'ssh-add'.");
        try
        {
            using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)Patience.TotalMilliseconds, SendTimeout = (int)Patience.TotalMilliseconds };
            connection.Connect(new UnixDomainSocketEndPoint(socket));
            connection.Send(Counted(request));
            var length = BinaryPrimitives.ReadUInt32BigEndian(Receive(connection, 4));
            if (length is 0 or > MaxMessage) throw Odd();
            return Receive(connection, (int)length);
        }
        catch (Exception gone) when (gone is SocketException or ArgumentException or IOException)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"The SSH agent at {socket} (SSH_AUTH_SOCK) does not answer: {(gone is ArgumentException ? "it is not the path of a socket" : gone.Message)}", "Is it still running? 'ssh-add -l' asks the same agent.");
        }
    }

    private static byte[] Receive(Socket connection, int length)
    {
        var bytes = new byte[length];
        for (var at = 0; at < length;)
        {
            var read = connection.Receive(bytes, at, length - at, SocketFlags.None);
            if (read == 0) throw new IOException("it hung up in the middle of an answer");
            at += read;
        }

        return bytes;
    }

    private static byte[] Counted(ReadOnlySpan<byte> bytes)
    {
        var counted = new byte[4 + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(counted, (uint)bytes.Length);
        bytes.CopyTo(counted.AsSpan(4));
        return counted;
    }

    private static byte Byte(ref ReadOnlySpan<byte> from) => Take(ref from, 1)[0];

    private static uint Number(ref ReadOnlySpan<byte> from) => BinaryPrimitives.ReadUInt32BigEndian(Take(ref from, 4));

    private static ReadOnlySpan<byte> Text(ref ReadOnlySpan<byte> from) => Take(ref from, Number(ref from));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> from, uint length)
    {
        if (length > from.Length) throw Odd();
        var taken = from[..(int)length];
        from = from[(int)length..];
        return taken;
    }

    private static CommandFailedException Odd() => new(ExitCodes.Failed, "What answers at $SSH_AUTH_SOCK does not speak as an SSH agent does.", "Set SSH_AUTH_SOCK to your agent's socket.");
}

/// <summary>A key that signs through the agent and never leaves it.</summary>
internal sealed class SshAgentKey(SshAgent agent, Ed25519Key key) : ISigner
{
    public PublicKey Public => key;

    public byte[] Sign(ReadOnlySpan<byte> message) => agent.Sign(key, message);
}
