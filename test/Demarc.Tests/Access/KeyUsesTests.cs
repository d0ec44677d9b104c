using System.Net;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Access;

/// <summary>The plane remembers the day of a key's last use, no more, and the review asks about keys that nobody uses.</summary>
public sealed class KeyUsesTests : IDisposable
{
    private static readonly EnvironmentId Acme = PlaneWorld.Acme;

    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));

    private string File => folder.File("key-uses");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_use_is_remembered_by_the_day_and_outlives_the_plane()
    {
        var uses = KeyUses.Open(File, time);
        for (var i = 0; i < 50; i++) uses.Note(Acme, Sample.Key(1).Public);
        Assert.Equal(new DateOnly(2026, 11, 24), uses.Of(Acme, Sample.Key(1).Public.KeyId));
        Assert.Null(uses.Of(EnvironmentId.Parse("other"), Sample.Key(1).Public.KeyId));
        Assert.Single(System.IO.File.ReadAllLines(File));
        time.Advance(TimeSpan.FromDays(1));
        uses.Note(Acme, Sample.Key(1).Public);
        Assert.Equal(2, System.IO.File.ReadAllLines(File).Length);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));

        var again = KeyUses.Open(File, time);
        Assert.Equal(new DateOnly(2026, 11, 25), again.Of(Acme, Sample.Key(1).Public.KeyId));
        Assert.Single(System.IO.File.ReadAllLines(File));
    }

    [Fact]
    public void A_clock_that_jumps_back_takes_no_use_away_and_old_or_broken_lines_are_forgotten()
    {
        var uses = KeyUses.Open(File, time);
        uses.Note(Acme, Sample.Key(1).Public);
        var back = KeyUses.Open(File, new FakeTimeProvider(time.GetUtcNow().AddDays(-3)));
        back.Note(Acme, Sample.Key(1).Public);
        Assert.Equal(new DateOnly(2026, 11, 24), back.Of(Acme, Sample.Key(1).Public.KeyId));
        System.IO.File.AppendAllText(File, $"\nnonsense\nacme {Sample.Key(2).Public.KeyId} 2020-01-01\nacme {Sample.Key(3).Public.KeyId} 24.11.2026\nacme {Sample.Key(4).Public.KeyId} 2026-11-2");
        var read = KeyUses.Open(File, time);
        Assert.NotNull(read.Of(Acme, Sample.Key(1).Public.KeyId));
        foreach (var number in (byte[])[2, 3, 4]) Assert.Null(read.Of(Acme, Sample.Key(number).Public.KeyId));
        Assert.Single(System.IO.File.ReadAllLines(File));
    }

    [Fact]
    public async Task Looking_counts_as_use_and_being_refused_does_not()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        foreach (var number in (byte[])[50, 51]) await plane.AppendAllAsync([plane.World.Write(new MemberAdded(Sample.Key(number).Public.KeyId, Role.Viewer, $"viewer {number}"), plane.World.Vendor)]);
        plane.World.Time.Advance(TimeSpan.FromDays(100));
        var today = DateOnly.FromDateTime(plane.World.Time.GetUtcNow().UtcDateTime);
        Assert.Equal(HttpStatusCode.OK, (await plane.SendAsync("GET", "/v1/environments/acme/", Sample.Key(50))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await plane.SendAsync("GET", "/v1/environments/acme/entries", Sample.Key(51))).StatusCode);
        var review = await plane.GetAsync("/v1/environments/acme/members/review", plane.World.Customer, ViewJson.Default.ImmutableArrayAccessLine);
        Assert.Equal((today, null), Used(50));
        Assert.Equal((null, "never used in 100 days"), Used(51));
        Assert.Equal("unused for 100 days", review.Single(l => l.IsRoot && l.Party == Party.Vendor).Remark);
        Assert.Null(review.Single(l => l.IsRoot && l.Party == Party.Customer).Remark);
        var members = await plane.GetAsync("/v1/environments/acme/members", plane.World.Customer, ViewJson.Default.ImmutableArrayMemberView);
        Assert.Equal(today, members.Single(m => m.Name == "viewer 50").LastUsedOn);
        Assert.Contains("never used in 100 days", await plane.GetTextAsync("/environments/acme/members", plane.World.Customer), StringComparison.Ordinal);

        (DateOnly?, string?) Used(byte number)
        {
            var line = review.Single(l => l.Name == $"viewer {number}");
            return (line.LastUsedOn, line.Remark);
        }
    }
}
