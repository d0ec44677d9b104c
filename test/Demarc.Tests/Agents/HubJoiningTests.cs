using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>Joining over REST: what is wrong is named and uses nothing up; the agent's entry alone opens nothing.</summary>
public sealed class HubJoiningTests
{
    [Theory]
    [InlineData("environment")]
    [InlineData("envelope")]
    [InlineData("csr")]
    [InlineData("csr of another curve")]
    [InlineData("csr with a broken signature")]
    [InlineData("proof")]
    [InlineData("proof by another key")]
    [InlineData("envelope of another kind")]
    public async Task A_request_with_a_fault_names_the_field_and_uses_nothing_up(string doctored)
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync([world.Founding(PlaneWorld.Acme), .. world.Charter(), world.Invite()]);
        var joined = world.Join();
        var key = new TransportKey();
        var good = plane.JoinRequest(joined, key);
        var request = doctored switch
        {
            "environment" => good with { Environment = "No!" },
            "envelope" => good with { Envelope = "AAAA" },
            "csr" => good with { Csr = "AAAA", Proof = plane.JoinRequest(joined, key).Proof },
            "csr of another curve" => plane.JoinRequest(joined, new TransportKey(ECCurve.NamedCurves.nistP384)),
            "csr with a broken signature" => Broken(plane, joined),
            "proof" => good with { Proof = "%%" },
            "proof by another key" => plane.JoinRequest(joined, key, world.Stranger),
            _ => good with { Envelope = Base64Text.Encode(world.Finding("x").Bytes.Span) },
        };
        using var answer = await plane.JoinAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var field = (await RunningPlane.ProblemAsync(answer)).Field;
        Assert.Equal(doctored == "csr" ? "proof" : doctored.Split(' ')[0], field);
        using var after = await plane.JoinAsync(good);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task The_entry_in_the_ledger_gets_no_reader_a_certificate()
    {
        await using var plane = await RunningPlane.StartAsync();
        using var transport = await plane.JoinedAsync();
        var entries = await plane.GetAsync("/v1/environments/acme/entries?from=5", plane.World.Vendor, ViewJson.Default.EntriesView);
        var joined = Entry.Read(Convert.FromBase64String(entries.Entries[0])).Entry!;
        Assert.Equal("agent.joined", joined.Body.Kind);
        using var stolen = await plane.JoinAsync(plane.JoinRequest(joined, new TransportKey(), plane.World.Vendor));
        Assert.Equal(HttpStatusCode.BadRequest, stolen.StatusCode);
        Assert.Equal("proof", (await RunningPlane.ProblemAsync(stolen)).Field);

        // The agent itself, whose certificate ran out while it was off, comes back this way.
        plane.World.Time.Advance(TimeSpan.FromDays(3));
        using var back = await plane.JoinAsync(plane.JoinRequest(joined, new TransportKey()));
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
        Assert.Equal(6, (await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!.Size);

        await plane.AppendAllAsync([plane.World.Revoke()]);
        using var revoked = await plane.JoinAsync(plane.JoinRequest(joined, new TransportKey()));
        Assert.Contains("has been revoked", (await RunningPlane.ProblemAsync(revoked)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_late_agent_cannot_date_its_entry_back()
    {
        await using var plane = await RunningPlane.StartAsync();
        var world = plane.World;
        await plane.AppendAllAsync([world.Founding(PlaneWorld.Acme), world.Invite(TimeSpan.FromMinutes(10))]);
        var joined = world.Join();
        world.Time.Advance(TimeSpan.FromMinutes(11));
        using var late = await plane.JoinAsync(plane.JoinRequest(joined, new TransportKey()));
        Assert.Equal(HttpStatusCode.Conflict, late.StatusCode);
        Assert.Contains("the invitation expired", (await RunningPlane.ProblemAsync(late)).Detail, StringComparison.Ordinal);
    }

    private static JoinRequest Broken(RunningPlane plane, Entry joined)
    {
        var csr = new TransportKey().Csr;
        csr[^1] ^= 1;
        return new JoinRequest("acme", Base64Text.Encode(joined.Bytes.Span), Base64Text.Encode(csr), Base64Text.Encode(Demarc.Core.Agents.CertificateRequestProof.Sign(plane.World.Agent, PlaneWorld.Acme, csr)));
    }
}
