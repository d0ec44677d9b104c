using System.Net;
using System.Text;
using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Environments;

/// <summary>What a plane answers to whom while the vendor is severed, and how a ledger passes through its doors.</summary>
public sealed class SeveredRouteTests
{
    private const string Acme = "/v1/environments/acme";

    [Fact]
    public async Task At_the_plane_in_force_a_severed_vendor_sees_the_charter_and_nothing_else()
    {
        // The world's own plane plays the customer's: another one was in force before.
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        var view = await SeveredTwiceAsync(plane);
        Assert.NotNull(view.Severed);
        foreach (var path in new[] { Acme, $"{Acme}/instances", $"{Acme}/changes", $"{Acme}/entries", $"{Acme}/members", $"{Acme}/responsibilities", $"{Acme}/part?from=0" })
        {
            using var refused = await plane.SendAsync("GET", path, world.Vendor);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            Assert.Contains("has severed the vendor", (await RunningPlane.ProblemAsync(refused)).Detail, StringComparison.Ordinal);
            using var open = await plane.SendAsync("GET", path, world.Customer);
            Assert.True(open.IsSuccessStatusCode, path);
        }

        using var charter = await plane.SendAsync("GET", $"{Acme}/charter", world.Vendor);
        Assert.Equal(HttpStatusCode.OK, charter.StatusCode);
        Assert.Empty(await plane.GetAsync("/v1/environments", world.Vendor, ViewJson.Default.ImmutableArrayEnvironmentView));
        using var home = await plane.SendAsync("GET", "/", world.Vendor);
        Assert.DoesNotContain("Acme", await home.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        // It comes back by signing what the customer proposes, and sees again.
        var version = (await plane.GetAsync($"{Acme}/charter", world.Customer, ViewJson.Default.CharterView)).Version!.Value + 1;
        var yaml = CharterYaml.Write(CharterDocument.Default with { Version = version });
        var hash = CharterText.Hash(yaml);
        await PostAsync(plane, world.Write(new CharterProposed(version, yaml), world.Customer), world.Write(new CharterSigned(version, hash), world.Customer), world.Write(new CharterSigned(version, hash), world.Vendor));
        using var back = await plane.SendAsync("GET", $"{Acme}/instances", world.Vendor);
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
    }

    [Fact]
    public async Task The_console_says_who_is_in_force_and_how_the_vendor_comes_back()
    {
        await using var plane = await RunningPlane.StartAsync();
        await SeveredTwiceAsync(plane);
        using var page = await plane.SendAsync("GET", "/environments/acme/oversight/severance", plane.World.Customer);
        var html = System.Net.WebUtility.HtmlDecode(await page.Content.ReadAsStringAsync());
        Assert.Contains("The vendor is severed", html, StringComparison.Ordinal);
        Assert.Contains("the contract has ended", html, StringComparison.Ordinal);
        Assert.Contains(plane.World.Signer.VerifierKey, html, StringComparison.Ordinal);
        Assert.Contains("demarc rejoin", html, StringComparison.Ordinal);
        Assert.DoesNotContain("demarc sever --reason", html, StringComparison.Ordinal);
        using var oversight = await plane.SendAsync("GET", "/environments/acme/oversight", plane.World.Customer);
        Assert.Contains("Nothing. The customer has severed the vendor", System.Net.WebUtility.HtmlDecode(await oversight.Content.ReadAsStringAsync()), StringComparison.Ordinal);
        using var vendors = await plane.SendAsync("GET", "/environments/acme/oversight", plane.World.Vendor);
        Assert.Equal(HttpStatusCode.Forbidden, vendors.StatusCode);
    }

    [Fact]
    public async Task A_severed_vendors_approval_and_order_are_refused_at_the_door()
    {
        await using var plane = await RunningPlane.StartAsync();
        await SeveredTwiceAsync(plane);
        foreach (var entry in new[] { plane.World.Order("c-one", "one"), plane.World.Member(40, Role.Viewer, plane.World.Vendor) })
        {
            using var refused = await plane.PostEntryAsync(entry);
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
            Assert.Contains("has severed the vendor", (await RunningPlane.ProblemAsync(refused)).Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_plane_does_not_sequence_the_severance_from_itself()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.JoinedAsync();
        using var refused = await plane.PostEntryAsync(plane.World.Write(new VendorSevered(Key(77), "the contract has ended"), plane.World.Customer));
        Assert.Contains("puts another plane in force", (await RunningPlane.ProblemAsync(refused)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_piece_is_taken_in_once_and_in_words_that_say_why_not()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.JoinedAsync();
        var view = await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None);
        var part = await plane.GetAsync($"{Acme}/part?from=0", plane.World.Customer, ViewJson.Default.LedgerPart);
        Assert.Equal(view!.Size, part.Entries.Length);
        async Task<(HttpStatusCode Code, string Text)> ImportAsync(string body, SigningKey? by = null)
        {
            using var answer = await plane.SendAsync("POST", $"{Acme}/import", by ?? plane.World.Customer, Encoding.UTF8.GetBytes(body));
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }

        string Json(LedgerPart of) => JsonSerializer.Serialize(of, ViewJson.Default.LedgerPart);
        Assert.Equal(HttpStatusCode.OK, (await ImportAsync(Json(part))).Code);
        Assert.Equal(HttpStatusCode.BadRequest, (await ImportAsync("{}")).Code);
        Assert.Equal(HttpStatusCode.BadRequest, (await ImportAsync("nonsense")).Code);
        Assert.Contains("is not base64", (await ImportAsync(Json(part with { Entries = ["§"] }))).Text, StringComparison.Ordinal);
        Assert.Contains("entries in between are missing", (await ImportAsync(Json(part with { First = 99 }))).Text, StringComparison.Ordinal);
        Assert.Contains("entries in between are missing", (await ImportAsync(Json(part with { First = -1 }))).Text, StringComparison.Ordinal);
        Assert.Contains("history of its own", (await ImportAsync(Json(part with { Entries = [part.Entries[0], part.Entries[2]] }))).Text, StringComparison.Ordinal);
        using var far = await plane.SendAsync("GET", $"{Acme}/part?from=999", plane.World.Customer);
        Assert.Equal(HttpStatusCode.BadRequest, far.StatusCode);
    }

    private static string Key(byte number) => new NoteKey($"plane.{number}", Sample.Key(number).Public).ToString();

    private static async Task PostAsync(RunningPlane plane, params Entry[] entries)
    {
        foreach (var entry in entries)
        {
            using var answer = await plane.PostEntryAsync(entry);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    // The ledger begins here, moves elsewhere by the customer's wish, and comes back as the customer's own with the severance.
    private static async Task<EnvironmentView> SeveredTwiceAsync(RunningPlane plane)
    {
        await plane.JoinedAsync();
        await PostAsync(plane, plane.World.Write(new PlaneMoved(Key(78), "elsewhere"), plane.World.Customer));
        await PostAsync(plane, plane.World.Write(new VendorSevered(plane.World.Signer.VerifierKey, "the contract has ended"), plane.World.Customer));
        return await plane.GetAsync(Acme, plane.World.Customer, ViewJson.Default.EnvironmentView);
    }
}
