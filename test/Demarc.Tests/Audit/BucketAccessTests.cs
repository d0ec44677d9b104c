using Demarc.Agent.Agents;
using Demarc.Core.Audit;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Audit;

/// <summary>Where a copy goes and how it gets there: read strictly, and never with the secret in a message.</summary>
public sealed class BucketAccessTests
{
    private const string Good = "# the ledger's copy\nregion = eu-central-1\naccess-key = AKIA1\nsecret-key = hush=/+\n";

    [Fact]
    public void A_file_is_read_and_the_secret_does_not_print()
    {
        var (access, fault) = BucketAccess.Read(Good + "endpoint = https://s3.example\nlock = compliance\nlock-days = 400\nsession-token = t\n");
        Assert.Null(fault);
        Assert.Equal((new Uri("https://s3.example"), "eu-central-1", "AKIA1", "hush=/+", "t", BucketLock.Compliance, 400), (access!.Endpoint, access.Region, access.AccessKey, access.SecretKey.Reveal(), access.SessionToken!.Reveal(), access.Lock, access.LockDays));
        Assert.DoesNotContain("hush", access.ToString(), StringComparison.Ordinal);
        Assert.Equal((null, BucketLock.AsTheBucketSays), (BucketAccess.Read(Good).Access!.Endpoint, BucketAccess.Read(Good).Access!.Lock));
    }

    [Theory]
    [InlineData("region = x\naccess-key = y\n", "secret-key is missing")]
    [InlineData(Good + "secret = hush\n", "line 5 is not 'name = value' with one of")]
    [InlineData(Good + "hush\n", "line 5 is not 'name = value' with one of")]
    [InlineData(Good + "secret-key = hush\n", "line 5: secret-key is given twice")]
    [InlineData(Good + "endpoint = s3.example\n", "endpoint is not an http(s) address")]
    [InlineData(Good + "endpoint = http://s3.example\n", "endpoint is http to another machine")]
    [InlineData(Good + "lock = forever\nlock-days = 1\n", "lock must be governance or compliance")]
    [InlineData(Good + "lock = compliance\n", "lock and lock-days go together")]
    [InlineData(Good + "lock-days = 7\n", "lock and lock-days go together")]
    [InlineData(Good + "lock = compliance\nlock-days = 0\n", "lock-days must be a whole number")]
    [InlineData(Good + "lock = compliance\nlock-days = 99999\n", "lock-days must be a whole number")]
    public void What_is_wrong_with_a_file_is_said_without_the_secret(string text, string words)
    {
        var (access, fault) = BucketAccess.Read(text);
        Assert.Null(access);
        Assert.Contains(words, fault, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3://acme-ledger/prod", "acme-ledger", "prod/", "s3://acme-ledger/prod")]
    [InlineData("s3://acme-ledger", "acme-ledger", "", "s3://acme-ledger")]
    [InlineData("s3://acme.ledger/a/b/", "acme.ledger", "a/b/", "s3://acme.ledger/a/b")]
    [InlineData("copies/here", null, "copies/here", "copies/here")]
    public void A_place_is_a_bucket_or_a_folder(string text, string? bucket, string path, string words)
    {
        var place = CopyPlace.Read(text)!;
        Assert.Equal((bucket, path, words), (place.Bucket, place.Path, place.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("s3://")]
    [InlineData("s3://a")]
    [InlineData("s3://Acme/x")]
    [InlineData("s3://acme_x/x")]
    [InlineData("https://acme.example/x")]
    public void What_is_neither_is_refused(string text) => Assert.Null(CopyPlace.Read(text));

    [Fact]
    public void Heads_sort_as_their_sizes()
    {
        long[] sizes = [1, 9, 10, 256, 100_000, 1L << 62];
        Assert.Equal(sizes.Select(CopyLayout.Head), sizes.Select(CopyLayout.Head).Order(StringComparer.Ordinal));
        Assert.Equal(sizes, sizes.Select(size => CopyLayout.SizeOf(CopyLayout.Head(size))!.Value));
        Assert.Null(CopyLayout.SizeOf("checkpoints/12"));
        Assert.Null(CopyLayout.SizeOf("checkpoint"));
    }

    [Theory]
    [InlineData("--ledger-copy s3://acme/x", "--ledger-copy s3://… needs --bucket-access FILE")]
    [InlineData("--ledger-copy here --bucket-access f", "--bucket-access is for --ledger-copy s3://BUCKET/PREFIX")]
    [InlineData("--bucket-access f", "--bucket-access is for --ledger-copy s3://BUCKET/PREFIX")]
    [InlineData("--ledger-copy http://x", "is neither a folder nor s3://BUCKET/PREFIX nor none")]
    public void The_agent_s_options_have_to_fit_each_other(string line, string words)
    {
        var (options, fault) = AgentOptions.Read(["--data", "d", "--bucket", "b", .. line.Split(' ')]);
        Assert.Null(options);
        Assert.Contains(words, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void The_agent_reads_the_secret_from_a_file_of_its_own_alone()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("access");
        var options = AgentOptions.Read(["--data", "d", "--bucket", "b", "--ledger-copy", "s3://acme-ledger/x", "--bucket-access", path]).Options!;
        Assert.Contains("there is no such file", options.ReadBucketAccess().Fault, StringComparison.Ordinal);
        File.WriteAllText(path, Good);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Contains("chmod 600", options.ReadBucketAccess().Fault, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal("AKIA1", options.ReadBucketAccess().Access!.AccessKey);
        Assert.True(AgentOptions.Read(["--data", "d", "--bucket", "b", "--ledger-copy", "none"]).Options!.NoLedgerCopy);
    }
}
