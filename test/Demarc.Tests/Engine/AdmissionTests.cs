using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Service;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;

namespace Demarc.Tests.Engine;

/// <summary>Too much at once is turned away with the code that clients take for "later", and what was let in is not hurt.</summary>
public sealed class AdmissionTests
{
    private const int RateLimit = 8;
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reads_wait_for_a_place_and_get_it_in_turn()
    {
        using var admission = new Admission(TimeProvider.System, places: 1, line: 2, waitingBytes: 1000);
        var first = await admission.Enter(new SearchRequest(), Cancel);
        var second = admission.Enter(new QueryRequest(), Cancel).AsTask();
        var third = admission.Enter(new HybridSearchRequest(), Cancel).AsTask();
        Assert.False(second.IsCompleted || third.IsCompleted);
        var told = await Assert.ThrowsAsync<Fault>(async () => await admission.Enter(new SearchRequest(), Cancel));
        Assert.Equal(RateLimit, told.Code);
        first.Dispose();
        (await second).Dispose();
        (await third).Dispose();
        (await admission.Enter(new SearchRequest(), Cancel)).Dispose();
        Assert.Equal((1, 0), (admission.Shed, admission.Waiting));
    }

    [Fact]
    public async Task Nobody_waits_longer_than_there_is_patience_for()
    {
        var time = new FakeTimeProvider();
        using var admission = new Admission(time, places: 1, line: 2, waitingBytes: 1000);
        using var held = await admission.Enter(new SearchRequest(), Cancel);
        var waiting = admission.Enter(new SearchRequest(), Cancel).AsTask();
        time.Advance(Admission.Patience - TimeSpan.FromMilliseconds(1));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(RateLimit, (await Assert.ThrowsAsync<Fault>(() => waiting)).Code);
        Assert.Equal(0, admission.Waiting);
    }

    [Fact]
    public async Task A_client_that_goes_away_leaves_the_line_and_is_not_counted_as_turned_away()
    {
        using var admission = new Admission(TimeProvider.System, places: 1, line: 1, waitingBytes: 1000);
        using var held = await admission.Enter(new SearchRequest(), Cancel);
        using var gone = new CancellationTokenSource();
        var waiting = admission.Enter(new SearchRequest(), gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal((0, 0), (admission.Shed, admission.Waiting));
    }

    [Fact]
    public async Task Writes_are_let_in_by_the_bytes_that_wait()
    {
        using var admission = new Admission(TimeProvider.System, places: 1, line: 1, waitingBytes: 1000);
        var large = await admission.Enter(Rows(5000), Cancel); // One always passes, however large.
        Assert.Equal(RateLimit, (await Assert.ThrowsAsync<Fault>(async () => await admission.Enter(Rows(10), Cancel))).Code);
        large.Dispose();
        using var half = await admission.Enter(Rows(400), Cancel);
        using var other = await admission.Enter(Rows(400), Cancel);
        await Assert.ThrowsAsync<Fault>(async () => await admission.Enter(Rows(400), Cancel));
        (await admission.Enter(Rows(100), Cancel)).Dispose();

        // What neither reads rows nor brings any is never held up.
        using var held = await admission.Enter(new SearchRequest(), Cancel);
        (await admission.Enter(new DescribeCollectionRequest(), Cancel)).Dispose();
        (await admission.Enter(new DeleteRequest(), Cancel)).Dispose();
    }

    private static InsertRequest Rows(int bytes) => new()
    {
        FieldsData = { new FieldData { Vectors = new VectorField { BinaryVector = ByteString.CopyFrom(new byte[bytes]) } } },
    };
}
