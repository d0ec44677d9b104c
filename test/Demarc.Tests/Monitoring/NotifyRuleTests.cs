using System.Net;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Monitoring;

/// <summary>Signatures, delays, addresses that are nobody's business, and what waits for whom.</summary>
public sealed class NotifyRuleTests
{
    [Fact]
    public void A_webhook_is_signed_as_the_published_example_is()
    {
        // The example of the Standard Webhooks specification and its reference libraries.
        var secret = WebhookSecret.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")!;
        var (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", DateTimeOffset.FromUnixTimeSeconds(1614265330), Encoding.UTF8.GetBytes("""{"test": 2432232314}"""));
        const string expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        Assert.Equal(expected, secret.Sign(id, at, body));
        Assert.True(secret.Holds("v1,bm90IHRoaXM= " + expected, id, at, body));
        Assert.False(secret.Holds(expected, id + "x", at, body));
        Assert.False(secret.Holds(expected, id, at.AddSeconds(1), body));
        Assert.False(secret.Holds(expected, id, at, Encoding.UTF8.GetBytes("""{"test": 2432232315}""")));
        Assert.False(secret.Holds("", id, at, body));
        Assert.Equal("***", $"{secret.Text}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_")]
    [InlineData("whsec_c2hvcnQ=")]
    [InlineData("whsec_!!!")]
    public void What_is_no_secret_is_not_taken_for_one(string text) => Assert.Null(WebhookSecret.Parse(text));

    [Fact]
    public void A_new_secret_is_read_again_and_no_two_are_alike()
    {
        var random = new Random(7);
        var (one, two) = (WebhookSecret.Create(random.NextBytes), WebhookSecret.Create(random.NextBytes));
        Assert.NotEqual(one.Text.Reveal(), two.Text.Reveal());
        Assert.Equal(one.Sign("a", default, [1]), WebhookSecret.Parse(one.Text.Reveal())!.Sign("a", default, [1]));
    }

    [Fact]
    public void Each_delay_is_about_twice_the_one_before_and_never_beyond_the_longest()
    {
        var longest = TimeSpan.Zero;
        for (var attempt = 1; attempt <= 40; attempt++)
        {
            var least = NotifyRules.Delay(attempt, bytes => bytes.Clear());
            var most = NotifyRules.Delay(attempt, bytes => bytes.Fill(255));
            Assert.Equal(most / 2, least);
            Assert.True(most <= NotifyLimits.LongestDelay);
            if (attempt < 9) Assert.Equal(TimeSpan.FromSeconds(10 * Math.Pow(2, attempt - 1)), most);
            if (attempt < NotifyLimits.Attempts) longest += most;
        }

        // What the limits say of four to nine hours is true.
        Assert.InRange(longest.TotalHours, 8, 9);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.169.254")]
    [InlineData("100.64.0.1")]
    [InlineData("192.0.2.7")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("fe80::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("ff02::1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("2001:0:1::1")]
    [InlineData("2001:db8::1")]
    public void What_is_not_out_there_is_private(string address) => Assert.True(NotifyRules.IsPrivate(IPAddress.Parse(address).GetAddressBytes()));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("172.15.0.1")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.1")]
    [InlineData("198.20.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450:4001::1")]
    public void What_is_out_there_is_not(string address) => Assert.False(NotifyRules.IsPrivate(IPAddress.Parse(address).GetAddressBytes()));

    [Theory]
    [InlineData("https://hooks.example/demarc?key=1", null)]
    [InlineData("http://127.0.0.1:9000/x", null)]
    [InlineData("http://localhost/x", null)]
    [InlineData("http://hooks.example/x", "https")]
    [InlineData("https://user:pass@hooks.example/x", "user or password")]
    [InlineData("https://hooks.example/x#y", "'#'")]
    [InlineData("ftp://hooks.example", "must be like")]
    [InlineData("file:///etc/passwd", "must be like")]
    [InlineData("hooks.example", "must be like")]
    [InlineData("", "characters")]
    public void A_webhook_goes_over_https_and_holds_no_password(string url, string? words)
    {
        var fault = NotifyRules.UrlFault(url);
        if (words is null) Assert.Null(fault);
        else Assert.Contains(words, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void What_waits_for_whom_follows_the_ledger()
    {
        var world = new World().Founded();
        Assert.Equal(["charter/none/customer", "charter/none/vendor"], Keys(world));
        world.Chartered();
        Assert.Equal(["agent"], Keys(world));
        world.Joined();
        Assert.Empty(Keys(world));
        world.Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        Assert.Empty(Keys(world));
        var plan = world.Planned(change);
        Assert.Equal([$"approval/{change}/{plan.Hash}/customer"], Keys(world));
        world.Do(new ChangePaused(change, "wait"), world.Vendor);
        Assert.Contains(Keys(world), key => key.StartsWith($"pause/{change}/", StringComparison.Ordinal));
        world.Do(new ChangeResumed(change, "on"), world.Vendor).Do(new ChangeApproved(change, plan.Hash), world.Customer);
        Assert.Empty(Keys(world));
    }

    [Fact]
    public void What_is_for_me_is_what_the_charter_lets_me_move_on()
    {
        var charter = CharterDocument.Default;
        var rule = charter[TaskId.Provision];
        charter = charter with { Rules = charter.Rules.SetItem(TaskId.Provision, rule with { Approval = rule.Approval.SetItem("instances.delete", new ApprovalNeed(0, 2, [Role.Approver], false)) }) };
        var world = new World().Joined(charter);
        var (ann, bob, eve) = (Person(world, Role.Approver), Person(world, Role.Approver), Person(world, Role.Viewer));
        world.Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        bool For(SigningKey key) => AwaitedThing.Of(world.State).Single().IsFor(world.State.MemberOf(key.Public)!, world.State);
        Assert.True(For(ann));
        Assert.False(For(world.Customer));
        Assert.False(For(world.Vendor));
        Assert.False(For(eve));
        world.Do(new ChangeApproved(change, plan.Hash), ann);
        Assert.False(For(ann));
        Assert.True(For(bob));
    }

    private static SigningKey Person(World world, Role role)
    {
        var key = world.Key();
        world.Do(new MemberAdded(key.Public.KeyId, role, "somebody"), world.Customer);
        return key;
    }

    private static IEnumerable<string> Keys(World world) => AwaitedThing.Of(world.State).Select(thing => thing.Key).Order(StringComparer.Ordinal);
}
