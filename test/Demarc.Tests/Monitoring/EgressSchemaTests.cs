using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Agent.Monitoring;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Demarc.Tests.House;
using Google.Protobuf;

namespace Demarc.Tests.Monitoring;

/// <summary>What does not fit its schema does not leave, whoever wrote it: an agent with a bug, or one of a later version.</summary>
public sealed class EgressSchemaTests : IDisposable
{
    private readonly EgressLab lab = new();

    public void Dispose() => lab.Dispose();

    [Fact]
    public void The_schema_is_the_one_that_customers_read() => Golden.Check("egress-schema.txt", EgressSchemaText.Write());

    [Fact]
    public void Every_field_of_every_frame_is_in_the_schema_and_the_schema_names_no_other()
    {
        foreach (var field in AgentFrame.Descriptor.Oneofs.Single(o => !o.IsSynthetic).Fields)
        {
            Assert.True(EgressSchema.Frames.TryGetValue((AgentFrame.FrameOneofCase)field.FieldNumber, out var schema), $"frame {field.Name} is in no class: it does not leave");
            Assert.Equal(field.MessageType.Fields.InFieldNumberOrder().Select(f => f.Name).Order(StringComparer.Ordinal), schema.Fields.Keys.Where(name => !name.Contains('.', StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        }

        Assert.Equal(RenewRequest.Descriptor.Fields.InFieldNumberOrder().Select(f => f.Name), EgressSchema.Requests["renew"].Keys);
        var join = Core.Environments.ViewJson.Default.JoinRequest.Properties.Select(p => p.Name);
        Assert.Equal(join.Order(StringComparer.Ordinal), EgressSchema.Requests["join"].Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_field_of_an_observation_says_how_far_it_may_be_shown() =>
        Assert.All(EgressFields.Of(LedgerJson.Default.Observation), field => Assert.True(field.Sensitivity != Sensitivity.Secret, $"{field.Path} is not classified: it does not leave"));

    [Fact]
    public void A_field_that_nobody_has_classified_does_not_leave()
    {
        var (kept, left) = EgressFields.Keep(JsonSerializer.SerializeToElement(new Later("seen", "planted", [new Inner(1, "planted")], new() { ["a"] = new Inner(2, "planted") }), LaterJson.Default.Later), LaterJson.Default.Later);
        var text = Encoding.UTF8.GetString(kept.Span);
        Assert.DoesNotContain("planted", text, StringComparison.Ordinal);
        Assert.Equal("""{"name":"seen","many":[{"number":1}],"map":{"a":{"number":2}}}""", text);
        Assert.Equal(["hint", "many[].hint", "map[].hint"], left);
    }

    [Fact]
    public void An_observation_with_a_field_of_a_later_version_leaves_without_it_and_the_customer_is_told()
    {
        Assert.Equal(EgressVerdict.Sent, lab.Send(Status("""{"substrate":"local","passwords":"planted","machine":{"name":"m","serial":"planted"}}""")));
        Assert.Equal("""{"substrate":"local","machine":{"name":"m"}}""", Assert.Single(lab.Left).Status.ObservationJson.ToStringUtf8());
        lab.Gate.Judge();
        Assert.Contains("passwords, machine.serial", lab.Ledger.State.Findings["egress-withheld-observation"].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_observation_and_no_known_frame_does_not_leave()
    {
        Assert.Equal(EgressVerdict.Withheld, lab.Send(new AgentFrame()));
        lab.Send(Status("planted, not JSON"));
        var later = new AgentFrame { Ping = new Ping { UnixMs = 1 } }.ToByteArray();
        byte[] grown = [0x3a, (byte)(later.Length - 2 + 9), .. later.AsSpan(2), 0x7a, 7, .. "planted"u8];
        var frame = AgentFrame.Parser.ParseFrom(grown);
        Assert.Equal(1, frame.Ping.UnixMs);
        Assert.Equal(EgressVerdict.Withheld, lab.Send(frame));
        Assert.Equal(EgressVerdict.Withheld, lab.Send(EgressLab.Progress(2000)));
        Assert.All(lab.Left, left => Assert.DoesNotContain("planted", Encoding.Latin1.GetString(left.ToByteArray()), StringComparison.Ordinal));
        lab.Gate.Judge();
        Assert.Contains("egress-withheld-control", lab.Ledger.State.Findings.Keys);
    }

    [Fact]
    public void An_entry_leaves_when_it_is_the_agents_own_and_its_secrets_are_sealed()
    {
        var sealedText = AgeFile.EncryptArmored("planted"u8, [lab.Lab.Sealing.Recipient], lab.Lab.Fill);
        Assert.Equal(EgressVerdict.Sent, Submit(Credential(sealedText)));
        Assert.Equal(EgressVerdict.Withheld, Submit(Credential("planted")));
        Assert.Equal(EgressVerdict.Withheld, Submit(Credential("-----BEGIN AGE ENCRYPTED FILE-----\nplanted\n-----END AGE ENCRYPTED FILE-----\n")));
        Assert.Equal(EgressVerdict.Withheld, lab.Send(EgressLab.Submit(lab.Lab.Write(lab.Lab.Customer, new FindingCleared("bucket-open")))));
        Assert.Equal(EgressVerdict.Withheld, Submit(new MemberRemoved(lab.Lab.Vendor.Public.KeyId)));
        var good = lab.Lab.Write(lab.Lab.AgentKey, new FindingCleared("bucket-open"));
        Assert.Equal(EgressVerdict.Withheld, lab.Send(new AgentFrame { Submit = new Submit { EntryId = "other", Envelope = ByteString.CopyFrom(good.Bytes.Span) } }));
        Assert.Single(lab.Left);
    }

    [Fact]
    public void An_entry_with_an_unclassified_field_does_not_leave()
    {
        var body = new EntryBody(1, Entry.NewId(lab.Lab.Fill), lab.Lab.Environment.Value, "finding.cleared", lab.Lab.Time.GetUtcNow(), lab.Lab.AgentKey.Public.KeyId, JsonElement.Parse("""{"finding":"bucket-open","rows":"planted"}"""));
        var bytes = DsseEnvelope.Sign(Entry.PayloadType, JsonSerializer.SerializeToUtf8Bytes(body, LedgerJson.Default.EntryBody), lab.Lab.AgentKey).Bytes;
        Assert.Equal(EgressVerdict.Withheld, lab.Send(new AgentFrame { Submit = new Submit { EntryId = body.Id, Envelope = ByteString.CopyFrom(bytes.Span) } }));
    }

    [Theory]
    [InlineData("as it is")]
    [InlineData("base64")]
    [InlineData("base64url")]
    [InlineData("hex")]
    public void An_agent_bug_that_puts_a_password_into_a_receipt_is_masked_before_it_is_signed(string form)
    {
        const string password = "pw_9fK2-Qx7VbT4nLz8RmC3yHs6JdW1aGe5uPo0iXkZ";
        lab.Secrets.Know(password);
        var bytes = Encoding.UTF8.GetBytes(password);
        var said = form switch { "base64" => Convert.ToBase64String(bytes).TrimEnd('='), "base64url" => Base64Text.EncodeUrl(bytes), "hex" => Convert.ToHexStringLower(bytes), _ => password };
        var written = lab.Ledger.Write(new FindingRaised("bucket-open", TaskId.Bucket, "b", $"could not log in with root:{said}@host", "…"));
        var reason = ((FindingRaised)written.Entry!.Data).Reason;
        Assert.StartsWith("could not log in with root:***", reason, StringComparison.Ordinal);
        Assert.EndsWith("@host", reason, StringComparison.Ordinal);
        Assert.DoesNotContain(said, reason, StringComparison.Ordinal);
        Assert.Equal(EgressVerdict.Sent, lab.Send(EgressLab.Submit(written.Entry)));
        lab.Gate.Judge();
        Assert.Contains("masked before the entry was signed", lab.Ledger.State.Findings["egress-withheld-ledger"].Reason, StringComparison.Ordinal);

        // Had it been signed all the same, it would not leave; what is not signed leaves masked.
        var signed = lab.Lab.Write(lab.Lab.AgentKey, new FindingRaised("bucket-full", TaskId.Bucket, "b", said, "…"));
        Assert.Equal(EgressVerdict.Withheld, lab.Send(EgressLab.Submit(signed)));
        Assert.Equal(EgressVerdict.Sent, lab.Send(new AgentFrame { Progress = new Progress { Change = "c-one", Message = $"log in as {said}" } }));
        Assert.Equal("log in as ***", lab.Left[^1].Progress.Message);
        Assert.Equal(EgressVerdict.Sent, lab.Send(Status("""{"bucket":{"problem":"SAID"}}""".Replace("SAID", said, StringComparison.Ordinal))));
        Assert.Equal("""{"bucket":{"problem":"***"}}""", lab.Left[^1].Status.ObservationJson.ToStringUtf8());
        Assert.Equal(EgressVerdict.Withheld, lab.Send(new AgentFrame { Refuse = new Refuse { Reason = "r", Detail = said } }));
    }

    [Fact]
    public void The_net_for_secrets_is_bounded_and_forgets_the_oldest()
    {
        var secrets = new KnownSecrets(lab.Lab.Fill);
        for (var i = 0; i < KnownSecrets.MaxForms; i++) secrets.Know($"secret-number-{i:D6}");
        Assert.Equal(KnownSecrets.MaxForms, secrets.Forms);
        Assert.False(secrets.IsIn("secret-number-000000"u8));
        Assert.True(secrets.IsIn(Encoding.UTF8.GetBytes($"xx secret-number-{KnownSecrets.MaxForms - 1:D6} yy")));
        secrets.Know("short");
        Assert.False(secrets.IsIn("short"u8));
    }

    private static AgentFrame Status(string json) => new() { Status = new Status { ObservationJson = ByteString.CopyFromUtf8(json) } };

    private EgressVerdict Submit(EntryData data) => lab.Send(EgressLab.Submit(lab.Lab.Write(lab.Lab.AgentKey, data)));

    private static CredentialIssued Credential(string text) => new(ChangeId.Parse("c-one"), InstanceId.Parse("docs"), "root", text);
}

internal sealed record Later([property: Public] string Name, string Hint, [property: Sensitive] List<Inner> Many, [property: Public] Dictionary<string, Inner> Map);

internal sealed record Inner([property: Public] int Number, string Hint);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Later))]
internal sealed partial class LaterJson : JsonSerializerContext;
