using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>The bucket in memory does what a bucket has to, and fails when it is told to.</summary>
public sealed class MemoryBucketTests : BucketContract
{
    private readonly MemoryBucket bucket = new();

    private protected override IBucket Bucket => bucket;

    [Fact]
    public async Task It_fails_before_an_effect_or_after_it()
    {
        bucket.Before = (act, name) => act == "put" && name == "a" ? new BucketException("before") : null;
        await Assert.ThrowsAsync<BucketException>(() => bucket.PutAsync("a", FileOf("one"), Stop));
        await bucket.PutAsync("b", FileOf("one"), Stop);
        Assert.Equal(["b"], (await bucket.ListAsync(Stop)).Keys);

        (bucket.Before, bucket.After) = (null, (act, _) => act == "put-if" ? new BucketException("after") : null);
        await Assert.ThrowsAsync<BucketException>(() => bucket.PutIfAsync("c", Bytes("one"), null, Stop));
        bucket.After = null;
        Assert.True(await bucket.PutIfAsync("c", Bytes("one"), null, Stop));
        Assert.False(await bucket.PutIfAsync("c", Bytes("two"), null, Stop));
        Assert.Equal((2, 3, 1, 0), (bucket.Count("put"), bucket.Count("put-if"), bucket.Count("list"), bucket.Count("delete")));
    }
}
