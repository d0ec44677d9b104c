extern alias cli;

using cli::Demarc.Cli;
using cli::Demarc.Cli.Changes;
using Demarc.Core.Ledger;
using Demarc.Tests.Cli;
using Demarc.Tests.Hosting;

namespace Demarc.Tests.Changes;

/// <summary>Holding a change up from the command line, against a whole plane.</summary>
public sealed class HoldCommandTests
{
    [Fact]
    public async Task A_change_is_paused_resumed_and_stopped_and_the_list_says_whom_it_waits_for()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        var id = (await shell.MustAsync("order", "docs", "--version", "2.6.4", "--no-wait")).Out.Trim();
        Assert.Contains("agent", (await shell.MustAsync("changes", "list", "--open")).Out, StringComparison.Ordinal);
        Assert.Equal("No change waits for the customer.", (await shell.MustAsync("changes", "list", "--waiting-for", "customer")).Out.Trim());

        Assert.Equal($"Change {id} is paused.", (await shell.MustAsync("changes", "pause", id, "--reason", "the sale")).Out.Trim());
        var held = (await shell.MustAsync("changes", "list", "--waiting-for", "customer", "-o", "json")).Json[0];
        Assert.Equal(("paused", "paused by the customer: the sale", "customer"), (held.GetProperty("status").GetString(), held.GetProperty("held").GetString(), held.GetProperty("waitingFor")[0].GetString()));
        Assert.Contains("paused by the customer: the sale", (await shell.MustAsync("changes", "show", id)).Out, StringComparison.Ordinal);
        Assert.Contains($"demarc changes resume {id} --as customer", (await shell.MustAsync("status")).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(1, "paused by the customer: the sale; the vendor cannot resume it", "changes", "resume", id, "--reason", "go", "--as", "vendor");
        await shell.RefusedAsync(1, "is paused by the customer already", "changes", "pause", id, "--reason", "again");

        Assert.Equal($"Change {id} is requested.", (await shell.MustAsync("changes", "resume", id, "--reason", "over")).Out.Trim());
        await shell.RefusedAsync(1, "is not paused", "changes", "resume", id, "--reason", "over");
        Assert.Equal($"Change {id} is stopped.", (await shell.MustAsync("changes", "stop", id, "--reason", "not this one", "--as", "customer")).Out.Trim());
        await shell.RefusedAsync(1, "is stopped and cannot be stopped", "changes", "stop", id, "--reason", "again");
        Assert.Equal("No change is open.", (await shell.MustAsync("changes", "list", "--open")).Out.Trim());
        Assert.Equal("stopped by the customer: not this one", (await shell.MustAsync("changes", "show", id, "-o", "json")).Json.GetProperty("reason").GetString());
    }

    [Fact]
    public async Task What_is_wrong_with_a_hold_is_said_and_changes_nothing()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        var id = (await shell.MustAsync("order", "docs", "--version", "2.6.4", "--no-wait")).Out.Trim();
        await shell.RefusedAsync(1, "has no plan yet: it is put off when it can be seen what it does", "changes", "defer", id, "--until", "24h", "--reason", "later");
        await shell.RefusedAsync(2, "--until 'tomorrow' is not a moment. Give one with its offset", "changes", "defer", id, "--until", "tomorrow", "--reason", "later");
        await shell.RefusedAsync(2, "--until '2026-11-30T06:00' is not a moment. Give one with its offset", "changes", "defer", id, "--until", "2026-11-30T06:00", "--reason", "later");
        await shell.RefusedAsync(2, "--reason is empty: say why", "changes", "pause", id, "--reason", " ");
        await shell.RefusedAsync(2, "'--reason' is required", "changes", "stop", id);
        await shell.RefusedAsync(2, "--waiting-for 'everybody' is not one of vendor, customer, agent, time.", "changes", "list", "--waiting-for", "everybody");
        await shell.RefusedAsync(1, "There is no change", "changes", "pause", "c-2222222222", "--reason", "x");
        Assert.Equal("requested", (await shell.MustAsync("changes", "show", id, "-o", "json")).Json.GetProperty("status").GetString());
    }

    [Fact]
    public async Task The_route_of_the_list_refuses_filters_that_it_does_not_know()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        foreach (var query in new[] { "open=maybe", "waitingFor=everybody", "waitingFor=" })
        {
            using var answer = await plane.SendAsync("GET", $"/v1/environments/acme/changes?{query}", plane.World.Customer);
            Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("2026-11-30T06:00+01:00", "2026-11-30T05:00:00Z")]
    [InlineData("2026-11-30 06:00:30-05:00", "2026-11-30T11:00:30Z")]
    [InlineData("2026-11-30T05:00Z", "2026-11-30T05:00:00Z")]
    [InlineData("90m", "2026-11-24T09:30:00Z")]
    [InlineData("24h", "2026-11-25T08:00:00Z")]
    [InlineData("2d", "2026-11-26T08:00:00Z")]
    public void A_moment_is_one_moment_wherever_it_is_read(string text, string moment) =>
        Assert.Equal(DateTimeOffset.Parse(moment, System.Globalization.CultureInfo.InvariantCulture), DeferCommand.Moment(text, new DateTimeOffset(2026, 11, 24, 8, 0, 0, 900, TimeSpan.Zero)));

    [Theory]
    [InlineData("")]
    [InlineData("24")]
    [InlineData("-24h")]
    [InlineData("2026-11-30")]
    [InlineData("2026-11-30T06:00")]
    [InlineData("30.11.2026 06:00+01:00")]
    [InlineData("99999999999h")]
    public void What_is_no_moment_is_refused(string text) =>
        Assert.Throws<CommandFailedException>(() => DeferCommand.Moment(text, new DateTimeOffset(2026, 11, 24, 8, 0, 0, TimeSpan.Zero)));
}
