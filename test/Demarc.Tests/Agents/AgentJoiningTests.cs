using Demarc.Agent.Agents;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>Joining with the customer's token: once, however often it is begun.</summary>
public sealed class AgentJoiningTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("demarc-join-").FullName;
    private readonly AgentLab lab = new();
    private readonly Door door = new();

    public void Dispose()
    {
        lab.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Agent_killed_half_way_joins_with_the_very_same_entry()
    {
        var token = Token(out var invitation);
        string first;
        using (var home = AgentHome.Take(folder)!)
        {
            var joining = new Joining(home, door, lab.Time, lab.Fill);
            var (membership, fault) = joining.Prepare(token, "machine");
            Assert.True(membership is not null, fault);
            first = membership.Joined;
            // The plane sequences the entry, and the answer is lost.
            door.Lost = true;
            await Assert.ThrowsAsync<LinkException>(() => joining.AskAsync(membership, CancellationToken.None));
        }

        door.Lost = false;
        using (var home = AgentHome.Take(folder)!)
        {
            var joining = new Joining(home, door, lab.Time, lab.Fill);
            var (membership, _) = joining.Prepare(token, "machine");
            Assert.Equal(first, membership!.Joined);
            var (joined, refusal) = await joining.AskAsync(membership, CancellationToken.None);
            Assert.True(joined is not null, refusal);
            Assert.Equal("https://hub.test", home.ReadMembership()!.Hub);
        }

        Assert.Equal(2, door.Asked.Count);
        Assert.Equal(door.Asked[0].Envelope, door.Asked[1].Envelope);
        var entry = Entry.Read(Convert.FromBase64String(door.Asked[0].Envelope)).Entry!;
        Assert.Contains(invitation, entry.Signers);
        using var again = AgentHome.Take(folder)!;
        using var key = again.SigningKey(lab.Fill);
        Assert.Equal(key.Public, entry.Author);
        foreach (var asked in door.Asked)
            Assert.True(CertificateRequestProof.Verify(key.Public, lab.Environment, Convert.FromBase64String(asked.Csr), Convert.FromBase64String(asked.Proof)));
    }

    [Fact]
    public void Data_folder_of_one_environment_takes_no_token_of_another()
    {
        using var home = AgentHome.Take(folder)!;
        var joining = new Joining(home, door, lab.Time, lab.Fill);
        Assert.NotNull(joining.Prepare(Token(out _), "machine").Membership);
        var other = new JoinToken("http://plane.test", "lab-two", Base64Text.EncodeUrl(new byte[32]), new string('0', 64)).Encode();
        var (membership, fault) = joining.Prepare(other, "machine");
        Assert.Null(membership);
        Assert.Contains("belongs to an agent of environment lab-one", fault, StringComparison.Ordinal);
        // Without any token the one that has begun goes on.
        Assert.NotNull(joining.Prepare(null, "machine").Membership);
    }

    [Fact]
    public void Wrong_tokens_are_told_apart_without_showing_them()
    {
        using var home = AgentHome.Take(folder)!;
        var joining = new Joining(home, door, lab.Time, lab.Fill);
        Assert.Contains("has not joined yet", joining.Prepare(null, "machine").Fault, StringComparison.Ordinal);
        Assert.Contains("starts with", joining.Prepare("nonsense-secret", "machine").Fault, StringComparison.Ordinal);
        Assert.DoesNotContain("nonsense-secret", joining.Prepare("nonsense-secret", "machine").Fault, StringComparison.Ordinal);
        Assert.Null(home.ReadMembership());
    }

    [Fact]
    public void Everything_in_the_folder_is_for_its_owner_alone_and_for_one_agent()
    {
        using var home = AgentHome.Take(folder)!;
        new Joining(home, door, lab.Time, lab.Fill).Prepare(Token(out _), "machine");
        using (home.TlsKey())
        {
            Assert.All(Directory.GetFiles(folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        Assert.Null(AgentHome.Take(folder));
    }

    [Fact]
    public void Command_line_is_read_or_the_fault_is_named()
    {
        Assert.Equal("--data DIR is missing", AgentOptions.Read([]).Fault);
        Assert.Equal("--bucket DIR is missing", AgentOptions.Read(["--data", "/d"]).Fault);
        Assert.Equal("'--colour' is not an option; see --help", AgentOptions.Read(["--data", "/d", "--colour", "red"]).Fault);
        Assert.Equal("--data is given twice", AgentOptions.Read(["--data", "/d", "--data", "/e"]).Fault);
        Assert.Equal("--data needs a value", AgentOptions.Read(["status", "--data"]).Fault);
        Assert.Contains("'fly' is not a command", AgentOptions.Read(["fly"]).Fault, StringComparison.Ordinal);
        var options = AgentOptions.Read(["--data", "/d", "--bucket", "/b", "--verbose", "--name", "machine"]).Options!;
        Assert.Equal(("run", "/d", "/b", "machine", true), (options.Command, options.Data, options.Bucket, options.Name, options.Verbose));
        var token = Path.Combine(folder, "token");
        File.WriteAllText(token, "demarc-join:v1:x");
        File.SetUnixFileMode(token, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Contains("others than its owner can read it", (options with { JoinFile = token }).Token(joined: false).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void An_agent_that_has_joined_starts_again_with_the_same_words_when_the_used_token_is_gone()
    {
        var options = AgentOptions.Read(["--data", "/d", "--bucket", "/b", "--join", Path.Combine(folder, "used")]).Options!;
        Assert.Contains("there is no such file", options.Token(joined: false).Fault, StringComparison.Ordinal);
        Assert.Equal((null, null), options.Token(joined: true));
    }

    private string Token(out PublicKey invitation)
    {
        var seed = new byte[32];
        lab.Fill(seed);
        using var key = SigningKey.FromSeed(seed);
        invitation = key.Public;
        return new JoinToken("http://plane.test", lab.Environment.Value, Base64Text.EncodeUrl(seed), Convert.ToHexStringLower(lab.Entries[0].LeafHash)).Encode();
    }

    private sealed class Door : IPlaneDoor
    {
        public bool Lost { get; set; }

        public List<JoinRequest> Asked { get; } = [];

        public Task<JoinAnswer> JoinAsync(string plane, JoinRequest request, CancellationToken stop)
        {
            Asked.Add(request);
            if (Lost) throw new LinkException("the answer was lost");
            return Task.FromResult(new JoinAnswer(new JoinReply(Convert.ToBase64String(new byte[] { 1 }), "pem", "https://hub.test"), null));
        }
    }
}
