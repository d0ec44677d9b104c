using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Demarc.Tests.Monitoring;

namespace Demarc.Tests.Cli;

/// <summary>Hooks and links from the command line, against a plane and a receiver.</summary>
public sealed class NotifyCommandTests
{
    [Fact]
    public async Task A_hook_is_added_tested_listed_and_removed()
    {
        await using var plane = await RunningPlane.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);

        // The command waits for the answer by its own clock; the plane's stands still.
        shell.Time = TimeProvider.System;
        var added = (await shell.MustAsync("notify", "add", "webhook", receiver.Url, "--name", "pager", "-o", "json")).Json;
        var id = added.GetProperty("hook").GetProperty("id").GetString()!;
        var secret = WebhookSecret.Parse(added.GetProperty("secret").GetString()!)!;
        var first = await receiver.NextAsync();
        Assert.True(secret.Holds(first.Signature, first.Id, first.At, first.Bytes));
        Assert.Contains("It arrived: HTTP 200.", (await shell.MustAsync("notify", "test", id)).Out, StringComparison.Ordinal);
        var listed = (await shell.MustAsync("notify", "list")).Out;
        Assert.Contains("pager", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("/hook", listed, StringComparison.Ordinal);
        receiver.Always = 410;
        await shell.RefusedAsync(1, "It did not arrive: HTTP 410: the receiver wants no more. It was given up", "notify", "test", id);
        var dead = (await shell.MustAsync("notify", "deliveries", "--given-up", "-o", "json")).Json[0].GetProperty("id").GetString()!;
        receiver.Always = 200;
        Assert.Contains("It arrived", (await shell.MustAsync("notify", "retry", dead)).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(4, $"Your party has no hook '{id}'", "notify", "test", id, "--as", "vendor");
        Assert.Contains("pager is told nothing more", (await shell.MustAsync("notify", "remove", id)).Out, StringComparison.Ordinal);
        Assert.Contains("Your party has no hooks", (await shell.MustAsync("notify", "list")).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(4, "no hook", "notify", "remove", id);
        await shell.RefusedAsync(2, "is not one of webhook, email", "notify", "add", "pager", "x");
    }

    [Fact]
    public async Task A_member_is_linked_and_unlinked_and_the_review_says_so()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        var key = Sample.Key(70).Public.KeyId;
        await shell.MustAsync("members", "add", key, "--role", "viewer", "--name", "Ann");
        var linked = await shell.MustAsync("members", "link", key, "--issuer", "https://login.example", "--subject", "1234");
        Assert.Contains("signs in as '1234' reads trial as Ann, viewer of the customer", linked.Out, StringComparison.Ordinal);
        Assert.Contains("https://login.example 1234", (await shell.MustAsync("members", "review", "-o", "json")).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(1, "linked to", "members", "link", key, "--issuer", "https://login.example", "--subject", "1234");
        await shell.MustAsync("members", "unlink", "--issuer", "https://login.example", "--subject", "1234");
        await shell.RefusedAsync(1, "not linked", "members", "unlink", "--issuer", "https://login.example", "--subject", "1234");
        Assert.Contains("Signed out of 0 browsers.", (await shell.MustAsync("console", "--sign-out")).Out, StringComparison.Ordinal);
    }
}
