using Demarc.Engine;
using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine;

/// <summary>What the engine's command line says, and what it may not say.</summary>
public sealed class OptionsTests
{
    [Fact]
    public void A_bucket_comes_with_its_access_file()
    {
        var options = EngineOptions.Parse(["--data", "d", "--bucket", "s3://models/engine-1/", "--bucket-access", "a"]);
        Assert.Equal((new BucketPlace("models", "engine-1/"), "a", null, false), (options.Bucket, options.BucketAccess, options.CacheMib, options.FromBucket));
        options = EngineOptions.Parse(["--from-bucket", "--data", "d", "--cache-mib", "512", "--bucket-access", "a", "--bucket", "s3://models", "--require-existing"]);
        Assert.Equal((new BucketPlace("models", ""), 512L, true, true), (options.Bucket, options.CacheMib, options.FromBucket, options.RequireExisting));
        options = EngineOptions.Parse(["--data", "d"]);
        Assert.Equal((null, null, null, false), (options.Bucket, options.BucketAccess, options.CacheMib, options.FromBucket));
    }

    [Theory]
    [InlineData("--bucket needs a value", "--bucket")]
    [InlineData("--bucket takes s3://NAME", "--bucket", "models", "--bucket-access", "a")]
    [InlineData("--bucket takes s3://NAME", "--bucket", "s3://M", "--bucket-access", "a")]
    [InlineData("both --bucket and --bucket-access", "--bucket", "s3://models")]
    [InlineData("both --bucket and --bucket-access", "--bucket-access", "a")]
    [InlineData("--cache-mib and --from-bucket go with them", "--cache-mib", "512")]
    [InlineData("--cache-mib and --from-bucket go with them", "--from-bucket")]
    [InlineData("--cache-mib takes a whole number", "--bucket", "s3://models", "--bucket-access", "a", "--cache-mib", "-1")]
    [InlineData("--cache-mib takes a whole number", "--bucket", "s3://models", "--bucket-access", "a", "--cache-mib", "1.5")]
    [InlineData("TLS needs both", "--tls-key", "k")]
    public void What_does_not_go_together_is_refused(string said, params string[] args) =>
        Assert.Contains(said, Assert.Throws<UsageException>(() => EngineOptions.Parse(["--data", "d", .. args])).Message, StringComparison.Ordinal);

    [Fact]
    public void Help_names_every_option_of_a_bucket_and_fits_a_terminal()
    {
        Assert.All(new[] { "--bucket s3://", "--bucket-access FILE", "--cache-mib N", "--from-bucket" }, option => Assert.Contains($"\n  {option}", EngineOptions.Help.ReplaceLineEndings("\n"), StringComparison.Ordinal));
        Assert.All(EngineOptions.Help.Split('\n'), line => Assert.True(line.Length <= 120, line));
    }
}
