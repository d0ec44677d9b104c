extern alias cli;

using System.Diagnostics;
using System.Text;
using cli::Demarc.Cli;
using cli::Demarc.Cli.Access;
using Demarc.Core.Ledger;
using Demarc.Tests.Cli;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Access;

/// <summary>A profile that signs through an SSH agent: against a small one of our own that can be made to lie, and against the real one where it is installed.</summary>
public sealed class SshAgentTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeSshAgent fake;

    public SshAgentTests() => fake = new FakeSshAgent(Socket, (Sample.Key(70), "ann@laptop"), (Sample.Key(71), "ann@desk"));

    private string Socket => folder.File("agent.sock");

    public void Dispose()
    {
        fake.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Everything_a_person_signs_is_signed_by_the_agent_and_the_profile_holds_no_private_key()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var owner = new CommandLine();
        await PlaneCommandTests.FoundAsync(owner, plane);
        using var ann = Shell(owner);
        var used = (await ann.MustAsync("keys", "use-ssh", "ann@laptop", "-o", "json")).Json.GetProperty("public").GetString()!;
        Assert.Equal(Sample.Key(70).Public.KeyId, used);
        await owner.MustAsync("members", "add", used, "--role", "owner", "--name", "Ann");
        string[] there = ["--plane", plane.Client.BaseAddress!.ToString(), "-e", "trial"];
        await ann.MustAsync(["env", "show", .. there]);
        await ann.MustAsync(["members", "add", Sample.Key(60).Public.KeyId, "--role", "viewer", "--name", "Bob", .. there]);
        Assert.Contains(fake.Asked, data => Encoding.UTF8.GetString(data).StartsWith("DSSEv1 ", StringComparison.Ordinal) && Encoding.UTF8.GetString(data).Contains("member.added", StringComparison.Ordinal));
        var text = await File.ReadAllTextAsync(Path.Combine(ann.Home, "customer.key"), TestContext.Current.CancellationToken);
        Assert.Contains($"ssh-agent {used}", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Base64Text.EncodeUrl(Sample.Key(70).ExportSeed()), text, StringComparison.Ordinal);
        Assert.Contains(used, (await ann.MustAsync("keys", "list")).Out, StringComparison.Ordinal);

        await ann.RefusedAsync(1, "a key is never overwritten", "keys", "use-ssh", "ann@desk");
        await ann.MustAsync(["keys", "rotate", "customer", "--ssh", "ann@desk", "--yes", .. there]);
        Assert.Contains(Sample.Key(71).Public.KeyId, (await ann.MustAsync("keys", "list")).Out, StringComparison.Ordinal);
        await ann.MustAsync(["env", "show", .. there]);
        fake.Keys = [(Sample.Key(70), "ann@laptop")];
        await ann.RefusedAsync(1, "does not have the key, is locked, or its owner said no", ["env", "show", .. there]);
    }

    [Fact]
    public async Task A_key_is_named_by_comment_fingerprint_or_itself_and_never_guessed()
    {
        using var shell = Shell(null);
        var refused = await shell.RefusedAsync(2, "The SSH agent has 2 Ed25519 keys", "keys", "use-ssh");
        Assert.Contains("ann@desk", refused.Error, StringComparison.Ordinal);
        await shell.RefusedAsync(4, "The SSH agent has no Ed25519 key 'an old one'", "keys", "use-ssh", "an old one");
        var fingerprint = "SHA256:" + Base64Text.EncodeUnpadded(System.Security.Cryptography.SHA256.HashData(FakeSshAgent.Blob(Sample.Key(71))));
        Assert.Contains(Sample.Key(71).Public.KeyId, (await shell.MustAsync("keys", "use-ssh", fingerprint, "--as", "vendor")).Out, StringComparison.Ordinal);
        fake.Keys = [(Sample.Key(70), "the only one")];
        Assert.Contains(Sample.Key(70).Public.KeyId, (await shell.MustAsync("keys", "use-ssh")).Out, StringComparison.Ordinal);
        fake.Keys = [];
        using var other = Shell(null);
        await other.RefusedAsync(4, "has no Ed25519 key", "keys", "use-ssh");
        fake.Keys = [(Sample.Key(70), "twice"), (Sample.Key(71), "twice")];
        await other.RefusedAsync(2, "has 2 Ed25519 keys 'twice'", "keys", "use-ssh", "twice");
    }

    [Fact]
    public async Task Without_an_agent_the_error_says_what_is_missing()
    {
        using var shell = Shell(null);
        shell.Variables.Remove("SSH_AUTH_SOCK");
        await shell.RefusedAsync(1, "SSH_AUTH_SOCK is not set", "keys", "use-ssh");
        shell.Variables["SSH_AUTH_SOCK"] = folder.File("nobody");
        await shell.RefusedAsync(1, "does not answer", "keys", "use-ssh");
        shell.Variables["SSH_AUTH_SOCK"] = folder.File(new string('x', 300));
        await shell.RefusedAsync(1, "does not answer", "keys", "use-ssh");
    }

    [Theory]
    [InlineData("another key's signature")]
    [InlineData("another algorithm")]
    [InlineData("more behind it")]
    public void An_agent_that_gives_a_wrong_signature_is_not_believed(string how)
    {
        var data = "what is signed"u8.ToArray();
        var good = Sample.Key(70).Sign(data);
        byte[] answer = how switch
        {
            "another key's signature" => [.. FakeSshAgent.Counted("ssh-ed25519"), .. FakeSshAgent.Counted(Sample.Key(71).Sign(data))],
            "another algorithm" => [.. FakeSshAgent.Counted("ssh-rsa"), .. FakeSshAgent.Counted(good)],
            _ => [.. FakeSshAgent.Counted("ssh-ed25519"), .. FakeSshAgent.Counted(good), 0],
        };
        fake.Instead = _ => FakeSshAgent.Counted([14, .. FakeSshAgent.Counted(answer)]);
        Assert.Contains("is not a signature of", Assert.Throws<CommandFailedException>(() => new SshAgent(Socket).Sign(Sample.Key(70).Public, data)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_speak_as_an_agent_does_ends_with_words()
    {
        var agent = new SshAgent(Socket);
        byte[]?[] answers = [null, [], [0, 0, 0], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 1, 5], [0, 0, 0, 1, 12], [0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff], [0, 0, 0, 9, 12, 0, 0, 0, 1, 0, 0, 0, 9], [0, 0, 0, 9, 12]];
        foreach (var answer in answers)
        {
            fake.Instead = _ => answer;
            Assert.Throws<CommandFailedException>(() => agent.Keys());
            Assert.Throws<CommandFailedException>(() => agent.Sign(Sample.Key(70).Public, "x"u8));
        }

        fake.Instead = null;
        Assert.Equal(2, agent.Keys().Length);
    }

    [Fact]
    public void The_fingerprint_and_the_signature_are_those_of_the_real_agent()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/ssh-agent") || !File.Exists("/usr/bin/ssh-add") || !File.Exists("/usr/bin/ssh-keygen")) Assert.Skip("openssh-client is not installed here: ssh-agent, ssh-add and ssh-keygen are not in /usr/bin.");
        var (socket, file) = (folder.File("real.sock"), folder.File("id"));
        using var agent = Start("/usr/bin/ssh-agent", null, "-D", "-a", socket);
        try
        {
            var printed = agent.StandardOutput.ReadLine();
            Assert.Contains(socket, printed, StringComparison.Ordinal);
            Run("/usr/bin/ssh-keygen", null, "-q", "-t", "ed25519", "-N", "", "-C", "real@test", "-f", file);
            Run("/usr/bin/ssh-add", socket, "-q", file);
            var listed = Run("/usr/bin/ssh-add", socket, "-l");
            var real = new SshAgent(socket);
            var key = real.Find("real@test");
            Assert.Contains(key.Fingerprint, listed, StringComparison.Ordinal);
            var signer = new SshAgentKey(real, key.Key);
            var entry = Entry.Write(Environments.World.Id, "e0123456789", DateTimeOffset.UnixEpoch, new FindingCleared("one"), signer);
            Assert.Equal(key.Key, entry.Author);
            Run("/usr/bin/ssh-add", socket, "-q", "-D");
            Assert.Contains("does not sign with", Assert.Throws<CommandFailedException>(() => signer.Sign("x"u8)).Message, StringComparison.Ordinal);
            Assert.Empty(real.Keys());
        }
        finally
        {
            agent.Kill();
            agent.WaitForExit(10_000);
        }
    }

    private static string Run(string program, string? socket, params string[] arguments)
    {
        using var process = Start(program, socket, arguments);
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(20_000) && process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {output}");
        return output;
    }

    private static Process Start(string program, string? socket, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false };
        if (socket is not null) start.Environment["SSH_AUTH_SOCK"] = socket;
        return Process.Start(start)!;
    }

    private CommandLine Shell(CommandLine? like)
    {
        var shell = new CommandLine { Time = like?.Time ?? TimeProvider.System };
        shell.Variables["SSH_AUTH_SOCK"] = Socket;
        return shell;
    }
}
