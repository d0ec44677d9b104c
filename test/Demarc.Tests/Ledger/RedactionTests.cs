using System.Text.Json;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Ledger;

/// <summary>A reader sees what their level allows, and nothing that did not say how far it may be shown.</summary>
public sealed class RedactionTests
{
    private readonly World world = new();

    [Theory]
    [InlineData(Sensitivity.Public, "(redacted)", "(redacted)")]
    [InlineData(Sensitivity.Sensitive, "Aiko", "(redacted)")]
    [InlineData(Sensitivity.Secret, "Aiko", "age-armor")]
    public void Each_level_sees_its_own(Sensitivity maySee, string name, string seal)
    {
        var member = world.Write(new MemberAdded(world.Agent.Public.KeyId, Role.Viewer, "Aiko"), world.Customer);
        var seen = Redaction.Of(member, maySee);
        Assert.Equal(name, seen.GetProperty("name").GetString());
        Assert.Equal("viewer", seen.GetProperty("role").GetString());
        var credential = world.Write(new CredentialIssued(ChangeId.Parse("c-1"), World.Docs, "root", "age-armor"), world.Agent);
        Assert.Equal(seal, Redaction.Of(credential, maySee).GetProperty("sealed").GetString());
        Assert.Equal("root", Redaction.Of(credential, maySee).GetProperty("user").GetString());
    }

    [Fact]
    public void Public_fields_inside_public_fields_are_shown()
    {
        var order = World.Small with { Labels = World.Small.Labels.Add("team", "search") };
        var entry = world.Write(new ChangeRequested(ChangeId.Parse("c-1"), new InstanceRequest(ChangeAction.Create.Name, World.Docs, order)), world.Vendor);
        var seen = Redaction.Of(entry, Sensitivity.Public).GetProperty("request");
        Assert.Equal("2.6.4", seen.GetProperty("order").GetProperty("version").GetString());
        Assert.Equal("search", seen.GetProperty("order").GetProperty("labels").GetProperty("team").GetString());
    }

    [Theory]
    [InlineData(Sensitivity.Public)]
    [InlineData(Sensitivity.Sensitive)]
    public void Fields_and_kinds_of_later_versions_count_as_secret(Sensitivity maySee)
    {
        var key = world.Agent.Public.KeyId;
        var member = Body("member.removed", $$"""{"key":"{{key}}","hint":"planted","more":["planted"]}""");
        var seen = Redaction.Of(member, maySee);
        Assert.Equal(key, seen.GetProperty("key").GetString());
        Assert.DoesNotContain("planted", seen.GetRawText(), StringComparison.Ordinal);
        Assert.Contains("planted", member.Body.Data.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(Redaction.Mask, Redaction.Of(Body("later.kind", """{"field":"planted"}"""), maySee).GetString());
    }

    private Entry Body(string kind, string data)
    {
        var body = new EntryBody(1, Entry.NewId(world.Fill), World.Id.Value, kind, world.Now, world.Customer.Public.KeyId, JsonElement.Parse(data));
        var bytes = DsseEnvelope.Sign(Entry.PayloadType, JsonSerializer.SerializeToUtf8Bytes(body, LedgerJson.Default.EntryBody), world.Customer).Bytes;
        var read = Entry.Read(bytes);
        Assert.True(read.Entry is not null, read.Fault);
        return read.Entry;
    }
}
