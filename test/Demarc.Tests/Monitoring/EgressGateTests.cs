using System.Text.Json.Nodes;
using Demarc.Agent.Ledger;
using Demarc.Agent.Monitoring;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Demarc.Tests.Agents;
using Demarc.Tests.Environments;
using Demarc.Tests.House;
using Demarc.Tests.Ledger;
using Google.Protobuf;

namespace Demarc.Tests.Monitoring;

/// <summary>What leaves for the vendor passes one gate: it fits its schema, holds no secret, and its class has room today; or it does not leave.</summary>
public sealed class EgressGateTests : IDisposable
{
    private const string Password = "correct-horse-battery-staple";
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly AgentLedger ledger;
    private readonly KnownSecrets secrets;
    private readonly TemporaryFolder folder = new();
    private readonly EgressMirror mirror;
    private readonly EgressGate gate;

    public EgressGateTests()
    {
        ledger = lab.Open(store);
        lab.Sync(ledger);
        secrets = new KnownSecrets(lab.Fill);
        mirror = new EgressMirror(folder.File("egress"));
        gate = lab.Gate(new ScriptedLink(), ledger, secrets, mirror);
    }

    public void Dispose()
    {
        mirror.Dispose();
        folder.Dispose();
        lab.Dispose();
    }

    [Fact]
    public void The_schema_is_the_reviewed_one() => Golden.Check("egress-schema.txt", EgressSchemaText.Write());

    /// <summary>Nothing can go past the gate: nobody but the gate, its stream and the transport itself so much as names a stream to the plane.</summary>
    [Fact]
    public void Nobody_but_the_gate_calls_the_transport()
    {
        string[] may = ["src/Demarc.Agent/Agents/IPlaneLink.cs", "src/Demarc.Agent/Agents/GrpcPlaneLink.cs", "src/Demarc.Agent/Monitoring/EgressStream.cs"];
        Assert.Equal(may.Order(StringComparer.Ordinal), Sources.Code.Where(f => f.StartsWith("src/Demarc.Agent/", StringComparison.Ordinal) && Sources.Text(f).Contains("IPlaneStream", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        var clients = Sources.Code.Where(f => f.StartsWith("src/Demarc.Agent/", StringComparison.Ordinal) && (Sources.Text(f).Contains("new HttpClient", StringComparison.Ordinal) || Sources.Text(f).Contains("GrpcChannel.For", StringComparison.Ordinal) || Sources.Text(f).Contains("TcpClient", StringComparison.Ordinal)));
        Assert.Equal(["src/Demarc.Agent/Agents/GrpcPlaneLink.cs", "src/Demarc.Agent/Agents/HttpPlaneDoor.cs", "src/Demarc.Agent/Emergency/MilvusReader.cs", "src/Demarc.Agent/Local/MilvusProbe.cs"], clients.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_ordinary_frame_leaves_as_it_is_and_is_shown()
    {
        var entry = ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "the bucket", "is full", "make room")).Entry!;
        var frame = Submit(entry);
        var (verdict, passed) = gate.Pass(frame);
        Assert.Equal((EgressVerdict.Sent, frame), (verdict, passed));
        var line = JsonNode.Parse(Assert.Single(mirror.Read()))!;
        Assert.Equal(("ledger", "submit", "sent"), ((string)line["class"]!, (string)line["frame"]!, (string)line["verdict"]!));
        Assert.Equal("make room", (string)line["clear"]!["data"]!["remedy"]!);
        Assert.Equal(frame.CalculateSize() + EgressLimits.FrameOverhead, gate.Book.Spent(EgressClass.Ledger));
    }

    [Fact]
    public void A_field_that_the_schema_does_not_know_does_not_leave()
    {
        var ping = new AgentFrame { Ping = new Ping { UnixMs = 7 } }.ToByteArray();
        var smuggled = AgentFrame.Parser.ParseFrom([.. ping, 0xFA, 0x01, 0x03, (byte)'a', (byte)'b', (byte)'c']);
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(smuggled).Verdict);
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(new AgentFrame()).Verdict);
        Assert.Equal(2, gate.Days(1)[0].Classes.Single(c => c.Class == EgressClass.Control).Withheld);
        gate.Judge();
        Assert.Contains("egress-withheld-control", ledger.State.Findings.Keys);
    }

    [Fact]
    public void A_field_that_nobody_has_classified_is_taken_out_of_an_observation()
    {
        var json = """{"substrate":"local","rows":[1,2,3],"machine":{"host":"h","diary":"dear diary"}}""";
        var (verdict, passed) = gate.Pass(new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8(json) } });
        Assert.Equal(EgressVerdict.Sent, verdict);
        var left = passed!.Status.ObservationJson.ToStringUtf8();
        Assert.DoesNotContain("diary", left, StringComparison.Ordinal);
        Assert.DoesNotContain("rows", left, StringComparison.Ordinal);
        Assert.Contains("\"substrate\":\"local\"", left, StringComparison.Ordinal);
        Assert.Contains("rows", Assert.Single(mirror.Read()), StringComparison.Ordinal);
    }

    /// <summary>The totals of what has left may be absent, and were taken for a list of lists: every observation lost them, and the plane could read none.</summary>
    [Fact]
    public void A_whole_observation_leaves_as_it_is()
    {
        var world = new World().Joined();
        world.Carry(ChangeAction.Create);
        foreach (var seen in new[] { world.Seen(), world.Seen(o => o with { Egress = gate.Days(2) }) })
        {
            var frame = new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFrom(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(seen, LedgerJson.Default.Observation)) } };
            Assert.Equal((EgressVerdict.Sent, frame), gate.Pass(frame));
        }

        Assert.Equal(0, gate.Days(1)[0].Classes.Single(c => c.Class == EgressClass.Observation).Withheld);
    }

    [Fact]
    public void An_entry_that_is_not_the_agents_own_does_not_leave()
    {
        var foreign = lab.Write(lab.Vendor, new MemberAdded(lab.Customer.Public.KeyId, Role.Viewer, "x"));
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(Submit(foreign)).Verdict);
        var own = ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "b", "r", "m")).Entry!;
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(new AgentFrame { Submit = new Submit { EntryId = "another", Envelope = ByteString.CopyFrom(own.Bytes.Span) } }).Verdict);
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(new AgentFrame { Submit = new Submit { EntryId = own.Id, Envelope = ByteString.CopyFromUtf8("rows of the customer") } }).Verdict);
    }

    [Fact]
    public void A_credential_that_is_not_sealed_does_not_leave()
    {
        var change = Core.Changes.ChangeId.Parse("c-some");
        var bare = lab.Write(lab.AgentKey, new CredentialIssued(change, World.Docs, "root", Password));
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(Submit(bare)).Verdict);
        var withheld = Assert.Single(mirror.Read());
        Assert.Contains("secret and not sealed", withheld, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, withheld, StringComparison.Ordinal);
        var sealed_ = AgeFile.EncryptArmored(System.Text.Encoding.UTF8.GetBytes(Password), [lab.Sealing.Recipient], lab.Fill);
        Assert.Equal(EgressVerdict.Sent, gate.Pass(Submit(lab.Write(lab.AgentKey, new CredentialIssued(change, World.Docs, "root", sealed_)))).Verdict);
    }

    /// <summary>A bug of the agent quotes a password: in words that can be mended it is masked, in signed ones the entry stays here.</summary>
    [Theory]
    [InlineData(Password)]
    [InlineData("Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==")]
    [InlineData("636f72726563742d686f7273652d626174746572792d737461706c65")]
    public void A_password_in_a_message_does_not_leave_in_any_form(string form)
    {
        secrets.Know(Password);
        var (_, progress) = gate.Pass(new AgentFrame { Progress = new Progress { Change = "c-some", Message = $"login with {form} failed" } });
        Assert.DoesNotContain(form, progress!.Progress.Message, StringComparison.Ordinal);
        var receipt = lab.Write(lab.AgentKey, new StepFailed(Core.Changes.ChangeId.Parse("c-some"), 0, $"login with {form} failed"));
        Assert.Equal(EgressVerdict.Withheld, gate.Pass(Submit(receipt)).Verdict);
        Assert.All(mirror.Read(), line => Assert.DoesNotContain(form, line, StringComparison.Ordinal));
    }

    [Fact]
    public void What_finds_no_room_is_dropped_or_held_and_the_customer_is_told()
    {
        Amend(("observation", 2_000), ("ledger", 1_500));
        var status = new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8("{\"substrate\":\"local\"}") } };
        var sent = 0;
        while (gate.Pass(status).Verdict == EgressVerdict.Sent) sent++;
        Assert.Equal(2_000 / (status.CalculateSize() + EgressLimits.FrameOverhead), sent);
        Assert.Equal(EgressVerdict.Dropped, gate.Pass(status).Verdict);
        var entries = Enumerable.Range(0, 3).Select(i => Submit(ledger.Write(new FindingRaised($"finding-{i}", TaskId.Bucket, "b", new string('x', 300), "m")).Entry!)).ToList();
        Assert.Contains(EgressVerdict.Held, entries.Select(frame => gate.Pass(frame).Verdict));
        gate.Judge();
        var finding = ledger.State.Findings["egress-budget-observation"];
        Assert.Contains("of the 2000 bytes that may leave as observation", finding.Reason, StringComparison.Ordinal);
        Assert.Contains("demarc egress allow observation", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void The_customer_allows_more_for_a_day()
    {
        Amend(("ledger", 10));
        var entry = Submit(ledger.Write(new FindingRaised("bucket-full", TaskId.Bucket, "b", "r", "m")).Entry!);
        Assert.Equal(EgressVerdict.Held, gate.Pass(entry).Verdict);
        lab.Say(lab.Customer, new EgressConsented(EgressClass.Ledger, 100_000, DateOnly.FromDateTime(lab.Time.GetUtcNow().UtcDateTime), "spring clean-up"));
        lab.Sync(ledger);
        Assert.Equal(EgressVerdict.Sent, gate.Pass(entry).Verdict);
        lab.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(10, gate.Book.Cap(EgressClass.Ledger));
    }

    [Fact]
    public void A_restart_opens_no_new_budget()
    {
        Amend(("observation", 2_000));
        var status = new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8("{\"substrate\":\"local\"}") } };
        while (gate.Pass(status).Verdict == EgressVerdict.Sent)
        {
        }

        var again = lab.Gate(new ScriptedLink(), ledger, secrets);
        Assert.Equal(EgressVerdict.Dropped, again.Pass(status).Verdict);
        Assert.True(again.Book.Spent(EgressClass.Observation) >= gate.Book.Spent(EgressClass.Observation), "a restart forgot what had left");
    }

    [Fact]
    public void Setting_the_clock_opens_no_new_budget_and_a_day_that_passes_does()
    {
        var start = new DateTimeOffset(2026, 11, 24, 23, 0, 0, TimeSpan.Zero);
        var calendar = EgressCalendar.Start(null, start, TimeSpan.Zero);
        Assert.Equal(new DateOnly(2026, 11, 24), calendar.Tell(start.AddDays(1), TimeSpan.FromMinutes(1)).Day);
        Assert.Equal(new DateOnly(2026, 11, 24), calendar.Tell(start.AddDays(-3), TimeSpan.FromMinutes(1)).Day);
        Assert.Equal(new DateOnly(2026, 11, 25), calendar.Tell(start.AddHours(2), TimeSpan.FromHours(2)).Day);
        Assert.Equal(new DateOnly(2026, 11, 24), EgressCalendar.Start(new DateOnly(2026, 11, 24), start.AddDays(-5), TimeSpan.Zero).Day);
    }

    /// <summary>A thousand pings cost what they cost on the wire, not the few bytes that are in them.</summary>
    [Fact]
    public void Many_small_frames_are_no_way_around_a_budget()
    {
        Amend(("control", 10_000));
        var ping = new AgentFrame { Ping = new Ping { UnixMs = 1 } };
        var sent = 0;
        while (sent < 1_000 && gate.Pass(ping).Verdict == EgressVerdict.Sent) sent++;
        Assert.InRange(sent, 1, 10_000 / EgressLimits.FrameOverhead);
    }

    [Fact]
    public async Task Nothing_is_dialled_when_there_is_no_room_for_a_greeting()
    {
        Amend(("control", 100));
        var link = new ScriptedLink();
        var tight = lab.Gate(link, ledger);
        await Assert.ThrowsAsync<Demarc.Agent.Agents.LinkException>(() => tight.ConnectAsync(CancellationToken.None));
        Assert.Equal(0, link.Dialled);
    }

    [Fact]
    public void Consent_is_the_customers_alone_and_bounded()
    {
        var world = new World().Joined();
        var today = DateOnly.FromDateTime(world.Now.UtcDateTime);
        Assert.Contains("the customer's to allow", world.Refusal(new EgressConsented(EgressClass.Ledger, 1, today, "x"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("bytes is 0", world.Refusal(new EgressConsented(EgressClass.Ledger, 0, today, "x"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("more is a matter for the charter", world.Refusal(new EgressConsented(EgressClass.Ledger, long.MaxValue, today, "x"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("day is", world.Refusal(new EgressConsented(EgressClass.Ledger, 1, today.AddDays(30), "x"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("reason", world.Refusal(new EgressConsented(EgressClass.Ledger, 1, today, ""), world.Customer), StringComparison.Ordinal);
        var consent = world.Write(new EgressConsented(EgressClass.Ledger, 500, today, "x"), world.Customer);
        world.Do(consent);
        Assert.Contains("a replay", world.Refusal(consent), StringComparison.Ordinal);
        Assert.Equal(500, EgressBudget.Consented(world.State, EgressClass.Ledger, today));
    }

    private void Amend(params (string Class, long Bytes)[] caps)
    {
        var charter = CharterDocument.Default;
        var rule = charter[TaskId.Monitoring];
        foreach (var (name, bytes) in caps) rule = rule with { Egress = rule.Egress.SetItem(name, bytes) };
        var yaml = CharterYaml.Write(charter with { Version = 2, Rules = charter.Rules.SetItem(TaskId.Monitoring, rule) });
        lab.Say(lab.Customer, new CharterProposed(2, yaml));
        lab.Say(lab.Customer, new CharterSigned(2, CharterText.Hash(yaml)));
        lab.Say(lab.Vendor, new CharterSigned(2, CharterText.Hash(yaml)));
        lab.Sync(ledger);
    }

    private static AgentFrame Submit(Entry entry) => new() { Submit = new Submit { EntryId = entry.Id, Envelope = ByteString.CopyFrom(entry.Bytes.Span) } };
}
