using System.Net;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;

namespace Demarc.Tests.Emergency;

/// <summary>
/// A whole plane and a whole agent, and what a plane that lies, a stranger, or somebody with an old word could do to sessions. The agent decides by itself:
/// whatever comes through the plane opens nothing that the ledger does not bear.
/// </summary>
public sealed class SessionAttackTests
{
    [Fact]
    public async Task A_plane_lets_somebody_in_before_anybody_has_approved()
    {
        await using var lab = await SessionLab.StartAsync();
        var id = SessionId.New(RandomNumberGenerator.Fill);
        await lab.SayAsync(lab.World.Vendor, new SessionRequested(id, new SessionTerms(SessionKind.Terminal, null, 1, false, null, "to see")));
        var asked = lab.Agent.Ledger.Verified.Sessions[id];
        using var key = SigningKey.Generate(RandomNumberGenerator.Fill);

        // The requester's own word, carried by a plane that asks nobody.
        await CarryAsync(lab, id, SessionWord.Write(PlaneWorld.Acme, id, asked.TermsHash, 0, TimeProvider.System.GetUtcNow(), SessionSays.Attach, key.Public.KeyId, lab.World.Vendor));
        await Task.Delay(300);
        Assert.Equal(SessionStatus.Requested, lab.At(id).Status);
        Assert.False(await lab.OnAgent(() => lab.Agent.Sessions.IsLive(id)));

        // And over the front door it is told so.
        using var refused = await lab.Plane.SendAsync("GET", $"/v1/environments/acme/sessions/{id}/attach", lab.World.Vendor);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
    }

    [Fact]
    public async Task A_plane_works_in_a_session_of_somebody_else()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        using var own = SigningKey.Generate(RandomNumberGenerator.Fill);
        foreach (var forger in new[] { own, Sample.Key(5), lab.World.Customer })
            await CarryAsync(lab, session.Id, SessionWord.Write(PlaneWorld.Acme, session.Id, session.TermsHash, 0, TimeProvider.System.GetUtcNow(), SessionSays.Attach, own.Public.KeyId, forger));
        await Task.Delay(200);
        Assert.Equal(SessionStatus.Approved, lab.At(session.Id).Status);

        // Nor does it type into one that is open.
        await using var worker = await lab.AttachAsync(session);
        await worker.ShowsAsync("opened for");
        await CarryAsync(lab, session.Id, SessionWord.Write(PlaneWorld.Acme, session.Id, session.TermsHash, 1, TimeProvider.System.GetUtcNow(), SessionSays.Command, "uptime", own));
        await worker.ShowsAsync("refused a word that came through the plane: it is signed by");
        Assert.DoesNotContain("i:uptime", worker.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plane_plays_an_old_word_again()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();

        // One that was held back for longer than a word is fresh.
        using var key = SigningKey.Generate(RandomNumberGenerator.Fill);
        await CarryAsync(lab, session.Id, SessionWord.Write(PlaneWorld.Acme, session.Id, session.TermsHash, 0, TimeProvider.System.GetUtcNow() - SessionWord.Fresh - TimeSpan.FromSeconds(5), SessionSays.Attach, key.Public.KeyId, lab.World.Vendor));
        await Task.Delay(200);
        Assert.Equal(SessionStatus.Approved, lab.At(session.Id).Status);

        await using var worker = await lab.AttachAsync(session);
        await worker.ShowsAsync("opened for");
        var shown = await worker.RunAsync("help");
        var word = worker.Word(SessionSays.Command, "help", null, 1);
        await CarryAsync(lab, session.Id, word);
        await worker.ShowsAsync("one was lost or comes again");
        Assert.Single(worker.Shown.Split('\n'), line => line.StartsWith("i:help", StringComparison.Ordinal));

        // After its end it opens nothing either: a session is opened once.
        await worker.SayAsync(SessionSays.Leave);
        await lab.EndedAsync(session.Id);
        await CarryAsync(lab, session.Id, SessionWord.Write(PlaneWorld.Acme, session.Id, session.TermsHash, 0, TimeProvider.System.GetUtcNow(), SessionSays.Attach, key.Public.KeyId, lab.World.Vendor));
        await Task.Delay(200);
        Assert.False(await lab.OnAgent(() => lab.Agent.Sessions.IsLive(session.Id)));
        Assert.Equal(SessionEndReason.Left, lab.At(session.Id).End!.Why);
        Assert.NotEmpty(shown);
    }

    [Fact]
    public async Task A_session_is_opened_after_its_time()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync(ago: TimeSpan.FromSeconds(59.5));
        await lab.EndedAsync(session.Id);
        Assert.Equal(SessionStatus.Expired, lab.At(session.Id).Status);
    }

    [Fact]
    public async Task An_agent_shows_what_does_not_go_on_from_its_recording()
    {
        // A plane takes no line that does not go on from the one before it, and none of a session that nobody opened.
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        Assert.Contains("no open session", await lab.Board.TakeAsync(PlaneWorld.Acme, Output(session, 0, "{}"), CancellationToken.None), StringComparison.Ordinal);
        await using var worker = await lab.AttachAsync(session);
        await worker.RunAsync("help");
        var next = (ulong)lab.Board.TapeOf(PlaneWorld.Acme, session).Next;
        Assert.Contains("does not go on", await lab.Board.TakeAsync(PlaneWorld.Acme, Output(session, next, "[1.0,\"o\",\"forged\"]"), CancellationToken.None), StringComparison.Ordinal);
        Assert.Contains("released none", await lab.Board.TakeAsync(PlaneWorld.Acme, new BundlePart { Session = session.Id.Value, Parts = 1, Data = ByteString.CopyFromUtf8("x") }, CancellationToken.None), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stranger_a_cookie_and_the_other_side_attach()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        var path = $"/v1/environments/acme/sessions/{session.Id}/attach";
        using var stranger = await lab.Plane.SendAsync("GET", path, lab.World.Stranger);
        Assert.Equal(HttpStatusCode.NotFound, stranger.StatusCode);
        using var other = await lab.Plane.SendAsync("GET", path, lab.World.Customer);
        Assert.Equal(HttpStatusCode.Forbidden, other.StatusCode);
        Assert.Contains("was asked for by", await other.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var plain = await lab.Plane.SendAsync("GET", path, lab.World.Vendor);
        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);
        using var cookie = new HttpRequestMessage(HttpMethod.Get, path);
        cookie.Headers.Add("Cookie", $"demarc-session={CookieOf(lab)}");
        using var byCookie = await lab.Plane.Client.SendAsync(cookie);
        Assert.Equal(HttpStatusCode.Forbidden, byCookie.StatusCode);
    }

    private static string CookieOf(SessionLab lab) =>
        ((Demarc.Plane.Access.BrowserSessions)lab.Plane.App.Services.GetService(typeof(Demarc.Plane.Access.BrowserSessions))!).Open(Demarc.Plane.Access.Reader.Of(lab.World.Vendor.Public))!;

    private static SessionOutput Output(Session session, ulong seq, string line) =>
        new() { Session = session.Id.Value, Seq = seq, Line = ByteString.CopyFromUtf8(line), Head = ByteString.CopyFrom(SHA256.HashData(Encoding.UTF8.GetBytes(line))) };

    private static async Task CarryAsync(SessionLab lab, SessionId id, ReadOnlyMemory<byte> word) =>
        await lab.Board.LineOf(PlaneWorld.Acme)!.Send(new PlaneFrame { SessionInput = new SessionInput { Session = id.Value, Envelope = ByteString.CopyFrom(word.Span) } }, CancellationToken.None);
}
