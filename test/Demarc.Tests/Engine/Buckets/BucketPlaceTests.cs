using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>Where a bucket is, as people write it.</summary>
public sealed class BucketPlaceTests
{
    [Theory]
    [InlineData("s3://models", "models", "", "s3://models")]
    [InlineData("s3://models/", "models", "", "s3://models")]
    [InlineData("s3://models/engine-1", "models", "engine-1/", "s3://models/engine-1")]
    [InlineData("s3://a.b-3/one/two/", "a.b-3", "one/two/", "s3://a.b-3/one/two")]
    public void A_bucket_and_a_prefix_are_read(string text, string bucket, string prefix, string shown)
    {
        var place = BucketPlace.Parse(text);
        Assert.Equal(new BucketPlace(bucket, prefix), place);
        Assert.Equal(shown, place!.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("models")]
    [InlineData("S3://models")]
    [InlineData("https://models/engine-1")]
    [InlineData("s3://")]
    [InlineData("s3:///engine-1")]
    [InlineData("s3://ab")]
    [InlineData("s3://Models")]
    [InlineData("s3://models_1")]
    [InlineData("s3://-models")]
    [InlineData("s3://models.")]
    [InlineData("s3://models//engine-1")]
    [InlineData("s3://models/one//two")]
    [InlineData("s3://models/../two")]
    [InlineData("s3://models/./two")]
    [InlineData("s3://models/one\ntwo")]
    public void Anything_else_is_none(string text) => Assert.Null(BucketPlace.Parse(text));

    [Fact]
    public void Names_and_prefixes_have_a_bound()
    {
        Assert.NotNull(BucketPlace.Parse($"s3://{new string('b', 63)}/{new string('p', BucketPlace.PrefixBytes - 1)}"));
        Assert.Null(BucketPlace.Parse($"s3://{new string('b', 64)}"));
        Assert.Null(BucketPlace.Parse($"s3://models/{new string('p', BucketPlace.PrefixBytes)}"));
        Assert.Null(BucketPlace.Parse($"s3://models/{new string('ö', BucketPlace.PrefixBytes / 2)}"));
    }
}
