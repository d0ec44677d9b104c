using CsCheck;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Ledger;

/// <summary>Eight numbers side by side give what each gives alone, and the points whose order divides 8 are told by y.</summary>
public sealed class Ed25519LanesTests
{
    private static readonly Gen<Ed25519Field> Number =
        Gen.OneOf(Gen.ULong[0, (1UL << 51) - 1], Gen.Const((1UL << 51) - 1), Gen.Const(0UL), Gen.Const((1UL << 53) - 1), Gen.ULong[(1UL << 51) - 20, 1UL << 51]).Array[5]
            .Select(limbs => new Ed25519Field(limbs[0], limbs[1], limbs[2], limbs[3], limbs[4]));

    [Fact]
    public void Products_squares_and_powers_are_those_of_one_number_at_a_time()
    {
        Assert.SkipUnless(Ed25519Lanes.IsSupported, "this machine has no registers of 512 bits; the numbers are worked on one by one here");
        Gen.Select(Number.Array[8], Number.Array[8]).Sample((x, y) =>
        {
            var (a, b) = (Ed25519Lanes.Of(x), Ed25519Lanes.Of(y));
            Same(a * b, lane => x[lane] * y[lane]);
            Same(a.Squared(3) * b, lane => x[lane].Squared(3) * y[lane]);
            Same((a * b).PowersForRoot(), lane => (x[lane] * y[lane]).PowerForRoot());
            Same(a.PowersForRoot(), lane => x[lane].PowerForRoot());
        }, iter: 2000);
    }

    [Fact]
    public void Points_read_together_are_those_read_alone()
    {
        // The R of real signatures, in a number that is no multiple of eight.
        using var key = Sample.Key(1);
        var encodings = Enumerable.Range(0, 21).Select(i => (ReadOnlyMemory<byte>)key.Sign([(byte)i])[..32]).ToArray();
        var points = new Ed25519Point[encodings.Length];
        Assert.True(Ed25519Point.ReadAll(encodings, points));
        for (var i = 0; i < points.Length; i++) Assert.True(Ed25519Point.Neutral.Plus(points[i].Addend()).Minus(Ed25519Point.Read(encodings[i].Span)!.Value.Addend()).IsNeutral());
        encodings[13] = Convert.FromHexString("0200000000000000000000000000000000000000000000000000000000000000");
        Assert.False(Ed25519Point.ReadAll(encodings, points));
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", true)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080", true)]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", true)]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", true)]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", true)]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", true)]
    [InlineData("5866666666666666666666666666666666666666666666666666666666666666", false)]
    public void The_eight_points_of_small_order_are_told_from_others(string encoding, bool small)
    {
        var point = Ed25519Point.Read(Convert.FromHexString(encoding))!.Value;
        Assert.Equal(small, point.IsOfSmallOrder());
        Assert.Equal(small, point.Doubled(3).IsNeutral());
    }

    private static void Same(Ed25519Lanes lanes, Func<int, Ed25519Field> alone)
    {
        var numbers = new Ed25519Field[Ed25519Lanes.Count];
        lanes.CopyTo(numbers);
        for (var lane = 0; lane < numbers.Length; lane++) Assert.True((numbers[lane] - alone(lane)).IsZero());
    }
}
