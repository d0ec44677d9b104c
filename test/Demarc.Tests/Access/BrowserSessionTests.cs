using System.Buffers.Binary;
using Demarc.Core.Access;
using Demarc.Plane.Access;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Access;

/// <summary>Browsers that were let in: for a time, once per code, and nobody so often that others have no room.</summary>
public sealed class BrowserSessionTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
    private int drawn;

    [Fact]
    public void A_code_opens_once_and_for_five_minutes()
    {
        var sessions = Sessions();
        var code = sessions.NewCode(Sample.Key(1).Public);
        Assert.NotNull(sessions.Open(code));
        Assert.Null(sessions.Open(code));
        var late = sessions.NewCode(Sample.Key(1).Public);
        time.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1));
        Assert.Null(sessions.Open(late));
    }

    [Fact]
    public void A_code_is_no_cookie_and_a_cookie_no_code()
    {
        var sessions = Sessions();
        var code = sessions.NewCode(Sample.Key(1).Public);
        Assert.Null(sessions.Find(code));
        Assert.Null(sessions.Open(sessions.Open(code)));
    }

    [Fact]
    public void Who_signs_in_very_often_signs_out_their_own_oldest_browser_and_nobody_else()
    {
        var sessions = Sessions();
        var other = sessions.Open(Reader.Of(new Subject("https://login.example", "bob")));
        var mine = new List<string?>();
        for (var i = 0; i <= BrowserSessions.OfOneReader; i++)
        {
            mine.Add(sessions.Open(Reader.Of(Sample.Key(1).Public)));
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Null(sessions.Find(mine[0]));
        Assert.All(mine.Skip(1), cookie => Assert.NotNull(sessions.Find(cookie)));
        Assert.NotNull(sessions.Find(other));
    }

    [Fact]
    public void Signing_out_everywhere_ends_codes_as_well()
    {
        var sessions = Sessions();
        var reader = Reader.Of(Sample.Key(1).Public);
        var (cookie, code) = (sessions.Open(reader), sessions.NewCode(Sample.Key(1).Public));
        Assert.Equal(1, sessions.CloseAll(reader));
        Assert.Null(sessions.Find(cookie));
        Assert.Null(sessions.Open(code));
    }

    private BrowserSessions Sessions() => new(time, bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes, ++drawn));
}
