using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Cli;

/// <summary>Who may sever and bring back from the command line, and what a new agent is told of a ledger that has gone from plane to plane.</summary>
public sealed class SeverCommandTests
{
    [Fact]
    public async Task Only_the_customer_severs_and_brings_back()
    {
        using var shell = new CommandLine();
        await shell.RefusedAsync(3, "Only the customer's owner severs: it is the customer's account.", "sever", "--as", "vendor", "--yes");
        await shell.RefusedAsync(3, "Only the customer's owner brings the vendor back", "rejoin", "--as", "vendor", "--yes");
    }

    [Fact]
    public async Task An_invitation_after_a_move_carries_the_head_that_the_customer_has_verified()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var shell = new CommandLine();
        shell.Bring("customer", plane.World.Customer);
        await plane.JoinedAsync();
        string[] at = ["--plane", plane.Client.BaseAddress!.ToString(), "--environment", "acme"];
        Demarc.Core.Agents.JoinToken Token(string file) => Demarc.Core.Agents.JoinToken.Read(File.ReadAllText(Path.Combine(shell.Folder, file)), out _)!;

        await shell.MustAsync(["env", "invite", "--to", Path.Combine(shell.Folder, "first"), .. at]);
        Assert.Null(Token("first").Head);

        // Away and back: the plane in force is the same, and its history is not all under its name.
        foreach (var key in new[] { new NoteKey("plane.other", Sample.Key(78).Public).ToString(), plane.World.Signer.VerifierKey })
        {
            using var moved = await plane.PostEntryAsync(plane.World.Write(new PlaneMoved(key, "moves"), plane.World.Customer));
            Assert.True(moved.IsSuccessStatusCode, await moved.Content.ReadAsStringAsync());
        }

        var view = (await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!;
        await shell.MustAsync(["env", "invite", "--to", Path.Combine(shell.Folder, "second"), .. at]);
        Assert.Equal(new Demarc.Core.Agents.InvitedHead(plane.World.Signer.VerifierKey, view.Size, Convert.ToBase64String(view.Root)), Token("second").Head);
        var verified = await shell.MustAsync(["audit", "verify", .. at]);
        Assert.Contains("signed by the plane in force, which the customer's owner put there at entry", verified.Out, StringComparison.Ordinal);
    }
}
