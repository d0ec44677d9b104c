using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Access;

/// <summary>Links between accounts of OpenID providers and members: owners make them for their own party, and they end with the member.</summary>
public sealed class LinkFoldTests
{
    private const string Issuer = "https://login.example/tenant";
    private readonly World world = new World().Chartered();

    [Fact]
    public void An_owner_links_a_member_of_their_own_party_and_takes_it_back()
    {
        var ann = Person(Role.Approver);
        var subject = new Subject(Issuer, "1234");
        Assert.Null(world.State.MemberOf(subject));
        world.Do(new MemberLinked(ann.Public.KeyId, Issuer, "1234"), world.Customer);
        Assert.Equal(ann.Public, world.State.MemberOf(subject)?.Key);
        Assert.Null(world.State.MemberOf(subject with { Name = "1235" }));
        Assert.Null(world.State.MemberOf(subject with { Issuer = Issuer + "/" }));
        Assert.Contains(subject.Id, world.State.ReaderIds);
        world.Do(new MemberUnlinked(Issuer, "1234"), world.Customer);
        Assert.Null(world.State.MemberOf(subject));
        Assert.DoesNotContain(subject.Id, world.State.ReaderIds);
    }

    [Fact]
    public void A_link_is_nothing_for_others_to_give()
    {
        var (ann, bob) = (Person(Role.Approver), Person(Role.Operator));
        var link = new MemberLinked(ann.Public.KeyId, Issuer, "1234");
        Assert.Contains("whose owners alone", world.Refusal(link, world.Vendor), StringComparison.Ordinal);
        Assert.Contains("permission 'Own'", world.Refusal(link, ann), StringComparison.Ordinal);
        Assert.Contains("permission 'Own'", world.Refusal(link, bob), StringComparison.Ordinal);
        Assert.Contains("no member", world.Refusal(link, world.Key()), StringComparison.Ordinal);
        world.Do(link, world.Customer);
        Assert.Contains("linked to", world.Refusal(new MemberLinked(bob.Public.KeyId, Issuer, "1234"), world.Customer), StringComparison.Ordinal);
        Assert.Contains("linked to", world.Refusal(new MemberLinked(world.Vendor.Public.KeyId, Issuer, "1234"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("whose owners alone", world.Refusal(new MemberUnlinked(Issuer, "1234"), world.Vendor), StringComparison.Ordinal);
        Assert.Contains("not linked", world.Refusal(new MemberUnlinked(Issuer, "other"), world.Customer), StringComparison.Ordinal);
    }

    [Fact]
    public void An_old_link_that_is_replayed_after_it_was_taken_back_links_nobody()
    {
        var ann = Person(Role.Viewer);
        var link = world.Write(new MemberLinked(ann.Public.KeyId, Issuer, "1234"), world.Customer);
        world.Do(link).Do(new MemberUnlinked(Issuer, "1234"), world.Customer);
        Assert.Contains("replay", world.Refusal(link), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_goes_with_its_member_to_another_key_and_ends_with_them()
    {
        var (ann, next) = (Person(Role.Approver), world.Key());
        var subject = new Subject(Issuer, "1234");
        world.Do(new MemberLinked(ann.Public.KeyId, Issuer, "1234"), world.Customer).Do(new MemberRekeyed(next.Public.KeyId), ann, next);
        Assert.Equal(next.Public, world.State.MemberOf(subject)?.Key);
        world.Do(new MemberRemoved(next.Public.KeyId), world.Customer);
        Assert.Null(world.State.MemberOf(subject));
        Assert.Empty(world.State.Links);

        // Whoever is added with the same key is not signed in by what was linked before.
        world.Do(new MemberAdded(next.Public.KeyId, Role.Viewer, "Ann again"), world.Customer);
        Assert.Null(world.State.MemberOf(subject));
    }

    [Fact]
    public void Services_do_not_sign_in_and_nobody_has_many_accounts()
    {
        var (service, ann) = (world.Key(), Person(Role.Viewer));
        world.Do(new TokenIssued(service.Public.KeyId, "report", ImmutableArray.Create(Permission.Look), world.Now.AddDays(1)), world.Customer);
        Assert.Contains("does not sign in", world.Refusal(new MemberLinked(service.Public.KeyId, Issuer, "s"), world.Customer), StringComparison.Ordinal);
        for (var i = 0; i < 4; i++) world.Do(new MemberLinked(ann.Public.KeyId, Issuer, $"{i}"), world.Customer);
        Assert.Contains("4 links already", world.Refusal(new MemberLinked(ann.Public.KeyId, Issuer, "more"), world.Customer), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData("login.example", "x")]
    [InlineData("http://login.example", "x")]
    [InlineData("https://login.example?tenant=1", "x")]
    [InlineData("https://login.example#a", "x")]
    [InlineData(Issuer, "")]
    [InlineData(Issuer, "a\nb")]
    [InlineData(Issuer, "日本")]
    public void What_no_provider_calls_itself_or_anybody_is_not_linked(string issuer, string subject) =>
        Assert.NotEmpty(world.Refusal(new MemberLinked(Person(Role.Viewer).Public.KeyId, issuer, subject), world.Customer));

    [Fact]
    public void Where_issuer_and_subject_meet_cannot_be_moved()
    {
        Assert.NotEqual(new Subject("https://a", "b").Id, new Subject("https://a\nb", "").Id);
        Assert.NotEqual(new Subject("https://ab", "c").Id, new Subject("https://a", "bc").Id);
        Assert.NotNull(new Subject("https://a\nb", "c").Fault());
    }

    [Fact]
    public void The_access_review_says_who_signs_in_as_whom()
    {
        var ann = Person(Role.Approver);
        world.Do(new MemberLinked(ann.Public.KeyId, Issuer, "1234"), world.Customer);
        var lines = AccessReview.Of(world.State, world.Now);
        Assert.Equal([$"{Issuer} 1234"], lines.Single(line => line.Key == ann.Public.KeyId).SignsInAs);
        Assert.All(lines.Where(line => line.Key != ann.Public.KeyId), line => Assert.Empty(line.SignsInAs));
    }

    private SigningKey Person(Role role)
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, role, "somebody"), world.Customer);
        return key;
    }
}
