using System.Text;
using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>What every bucket has to do, the one in memory and those of real services alike, so that tests with the first say something about the others.</summary>
public abstract class BucketContract : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("demarc-bucket-test-").FullName;

    /// <summary>An empty one; the same through one test.</summary>
    private protected abstract IBucket Bucket { get; }

    /// <summary>Bytes of the largest object.</summary>
    protected virtual int LargeBytes => 3 * 1024 * 1024;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        Close();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task An_empty_one_has_nothing()
    {
        Assert.Empty(await Bucket.ListAsync(Stop));
        Assert.Null(await Bucket.ReadAsync("a", 100, Stop));
        using var to = new MemoryStream();
        Assert.False(await Bucket.ReadRangeAsync("a", 0, 1, to, Stop));
        Assert.False(await Bucket.ReadRangeAsync("a", 0, 0, to, Stop));
        Assert.Equal(0, to.Length);
        await Bucket.DeleteAsync("a", Stop);
    }

    [Fact]
    public async Task A_file_is_put_replaced_and_removed()
    {
        await Bucket.PutAsync("a", FileOf("one"), Stop);
        await Bucket.PutAsync("b", FileOf("another"), Stop);
        Assert.Equal("one", await TextAsync("a"));
        await Bucket.PutAsync("a", FileOf("two more"), Stop);
        Assert.Equal("two more", await TextAsync("a"));
        Assert.Equal([("a", 8L), ("b", 7L)], await ListedAsync());
        await Bucket.DeleteAsync("a", Stop);
        await Bucket.DeleteAsync("a", Stop);
        Assert.Equal([("b", 7L)], await ListedAsync());
        Assert.Null(await Bucket.ReadAsync("a", 100, Stop));
    }

    [Fact]
    public async Task A_missing_file_is_no_fault_of_the_bucket()
    {
        await Assert.ThrowsAsync<FileNotFoundException>(() => Bucket.PutAsync("a", Path.Combine(folder, "missing"), Stop));
        Assert.Empty(await Bucket.ListAsync(Stop));
    }

    [Fact]
    public async Task An_object_may_be_empty()
    {
        await Bucket.PutAsync("file", FileOf(""), Stop);
        Assert.True(await Bucket.PutIfAsync("small", default, null, Stop));
        Assert.Equal([("file", 0L), ("small", 0L)], await ListedAsync());
        Assert.Equal("", await TextAsync("file"));
        Assert.Equal("", await TextAsync("small"));
        Assert.Equal("", await RangeAsync("file", 0, 0));
        Assert.True(await Bucket.PutIfAsync("small", Bytes("x"), (await Bucket.ReadAsync("small", 0, Stop))!.Tag, Stop));
    }

    [Fact]
    public async Task A_conditional_put_is_done_only_when_nobody_was_first()
    {
        Assert.False(await Bucket.PutIfAsync("head", Bytes("zero"), "\"0123456789abcdef0123456789abcdef\"", Stop));
        Assert.True(await Bucket.PutIfAsync("head", Bytes("one"), null, Stop));
        Assert.False(await Bucket.PutIfAsync("head", Bytes("other"), null, Stop));
        var one = (await Bucket.ReadAsync("head", 100, Stop))!;
        Assert.Equal("one", Encoding.UTF8.GetString(one.Content));
        Assert.True(await Bucket.PutIfAsync("head", Bytes("two"), one.Tag, Stop));
        Assert.False(await Bucket.PutIfAsync("head", Bytes("three"), one.Tag, Stop));
        var two = (await Bucket.ReadAsync("head", 100, Stop))!;
        Assert.Equal("two", Encoding.UTF8.GetString(two.Content));
        Assert.NotEqual(one.Tag, two.Tag);
        await Bucket.DeleteAsync("head", Stop);
        Assert.False(await Bucket.PutIfAsync("head", Bytes("three"), two.Tag, Stop));
        Assert.Empty(await Bucket.ListAsync(Stop));
    }

    [Fact]
    public async Task A_conditional_put_that_finds_its_own_content_is_done()
    {
        Assert.True(await Bucket.PutIfAsync("head", Bytes("one"), null, Stop));
        Assert.True(await Bucket.PutIfAsync("head", Bytes("one"), null, Stop));
        var one = (await Bucket.ReadAsync("head", 100, Stop))!;
        Assert.True(await Bucket.PutIfAsync("head", Bytes("two"), one.Tag, Stop));
        Assert.True(await Bucket.PutIfAsync("head", Bytes("two"), one.Tag, Stop));
    }

    [Fact]
    public async Task Of_several_conditional_puts_at_once_one_wins()
    {
        string? seen = null;
        for (var round = 0; round < 10; round++)
        {
            var puts = Enumerable.Range(0, 4).Select(i => (Text: $"round {round} of {i}", Seen: seen)).ToList();
            var done = await Task.WhenAll(puts.Select(put => Task.Run(() => Bucket.PutIfAsync("head", Bytes(put.Text), put.Seen, Stop))));
            var there = (await Bucket.ReadAsync("head", 100, Stop))!;
            var winner = Assert.Single(puts.Zip(done), put => put.Second);
            Assert.Equal(winner.First.Text, Encoding.UTF8.GetString(there.Content));
            seen = there.Tag;
        }
    }

    [Fact]
    public async Task Ranges_are_read_up_to_the_end_and_not_beyond()
    {
        await Bucket.PutAsync("a", FileOf("0123456789"), Stop);
        Assert.Equal("0123456789", await RangeAsync("a", 0, 10));
        Assert.Equal("0", await RangeAsync("a", 0, 1));
        Assert.Equal("345", await RangeAsync("a", 3, 3));
        Assert.Equal("9", await RangeAsync("a", 9, 1));
        Assert.Equal("", await RangeAsync("a", 10, 0));
        foreach (var (from, length) in new[] { (9, 2), (10, 1), (11, 0), (50, 5) })
        {
            await Assert.ThrowsAsync<BucketException>(() => RangeAsync("a", from, length));
        }
    }

    [Fact]
    public async Task A_read_has_a_bound()
    {
        await Bucket.PutAsync("a", FileOf("0123456789"), Stop);
        Assert.Equal(10, (await Bucket.ReadAsync("a", 10, Stop))!.Content.Length);
        var refused = await Assert.ThrowsAsync<BucketException>(() => Bucket.ReadAsync("a", 9, Stop));
        Assert.Contains("a has 10 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Contains(Bucket.Place, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_come_back_as_they_were_given()
    {
        string[] names = ["segment-00000000000000a1.seg", "a/b/c", "with space + plus", "50%", "%2F", "a=b&c=d?e#f", "tilde~(x)!*'", "größe"];
        foreach (var name in names)
        {
            await Bucket.PutAsync(name, FileOf(name), Stop);
            Assert.Equal(name, await TextAsync(name));
            Assert.False(await Bucket.PutIfAsync(name, Bytes("other"), null, Stop), name);
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), (await ListedAsync()).Select(item => item.Name));
        foreach (var name in names)
        {
            await Bucket.DeleteAsync(name, Stop);
        }

        Assert.Empty(await Bucket.ListAsync(Stop));
    }

    [Fact]
    public async Task A_large_file_arrives_whole()
    {
        var content = new byte[LargeBytes];
        new Random(7).NextBytes(content);
        var path = Path.Combine(folder, "large");
        await File.WriteAllBytesAsync(path, content, Stop);
        await Bucket.PutAsync("large", path, Stop);
        Assert.Equal([("large", (long)LargeBytes)], await ListedAsync());
        using var to = new MemoryStream(LargeBytes);
        Assert.True(await Bucket.ReadRangeAsync("large", 0, LargeBytes, to, Stop));
        Assert.True(content.AsSpan().SequenceEqual(to.GetBuffer().AsSpan(0, (int)to.Length)));
        to.SetLength(0);
        Assert.True(await Bucket.ReadRangeAsync("large", LargeBytes - 1_000_001, 1_000_001, to, Stop));
        Assert.True(content.AsSpan()[^1_000_001..].SequenceEqual(to.GetBuffer().AsSpan(0, (int)to.Length)));
    }

    [Fact]
    public async Task Whoever_stops_is_not_told_that_the_bucket_failed()
    {
        using var stopped = new CancellationTokenSource();
        await stopped.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Bucket.ListAsync(stopped.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Bucket.PutAsync("a", FileOf("one"), stopped.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Bucket.PutIfAsync("a", Bytes("one"), null, stopped.Token));
        Assert.Empty(await Bucket.ListAsync(Stop));
    }

    protected virtual void Close()
    {
    }

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected string FileOf(string text)
    {
        var path = Path.Combine(folder, "file");
        File.WriteAllText(path, text);
        return path;
    }

    private async Task<string> TextAsync(string name) => Encoding.UTF8.GetString((await Bucket.ReadAsync(name, 100, Stop))!.Content);

    private async Task<string> RangeAsync(string name, long from, long length)
    {
        using var to = new MemoryStream();
        Assert.True(await Bucket.ReadRangeAsync(name, from, length, to, Stop));
        return Encoding.UTF8.GetString(to.ToArray());
    }

    private async Task<List<(string Name, long Length)>> ListedAsync() =>
        [.. (await Bucket.ListAsync(Stop)).Select(pair => (pair.Key, pair.Value)).OrderBy(pair => pair.Key, StringComparer.Ordinal)];
}
