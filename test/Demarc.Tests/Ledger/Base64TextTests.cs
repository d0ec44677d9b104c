using CsCheck;
using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class Base64TextTests
{
    // RFC 4648 §10.
    [Theory]
    [InlineData("", "")]
    [InlineData("f", "Zg==")]
    [InlineData("fo", "Zm8=")]
    [InlineData("foo", "Zm9v")]
    [InlineData("foob", "Zm9vYg==")]
    [InlineData("fooba", "Zm9vYmE=")]
    [InlineData("foobar", "Zm9vYmFy")]
    public void Decodes_as_published(string text, string encoded)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(text);
        Assert.Equal(encoded, Base64Text.Encode(bytes));
        Assert.Equal(bytes, Base64Text.Decode(encoded, Base64Form.Standard));
        Assert.Equal(bytes, Base64Text.Decode(encoded.TrimEnd('='), Base64Form.StandardUnpadded));
        Assert.Equal(bytes, Base64Text.Decode(encoded.TrimEnd('='), Base64Form.UrlUnpadded));
        Assert.Equal(bytes, Base64Text.Decode(encoded, Base64Form.Either));
    }

    [Theory]
    [InlineData("Zg=", Base64Form.Standard)]
    [InlineData("Zg", Base64Form.Standard)]
    [InlineData("Zg===", Base64Form.Standard)]
    [InlineData("Zh==", Base64Form.Standard)]
    [InlineData("Zm9=", Base64Form.Standard)]
    [InlineData("Zm 9v", Base64Form.Standard)]
    [InlineData("Zm9v\n", Base64Form.Standard)]
    [InlineData("Z", Base64Form.StandardUnpadded)]
    [InlineData("=", Base64Form.Either)]
    [InlineData("Zg==", Base64Form.StandardUnpadded)]
    [InlineData("Zg==", Base64Form.UrlUnpadded)]
    [InlineData("-_-_", Base64Form.Standard)]
    [InlineData("+/+/", Base64Form.UrlUnpadded)]
    [InlineData("-/-/", Base64Form.Either)]
    [InlineData("Zmé=", Base64Form.Either)]
    [InlineData("Z=g=", Base64Form.Either)]
    public void A_second_spelling_is_refused(string text, Base64Form form) => Assert.Null(Base64Text.Decode(text, form));

    [Fact]
    public void Any_bytes_come_back_and_any_text_decodes_to_at_most_one_spelling() =>
        Gen.Byte.Array[0, 100].Sample(bytes =>
        {
            Assert.Equal(bytes, Base64Text.Decode(Base64Text.Encode(bytes), Base64Form.Standard));
            Assert.Equal(bytes, Base64Text.Decode(Base64Text.EncodeUrl(bytes), Base64Form.UrlUnpadded));
            Assert.Equal(bytes, Base64Text.Decode(Base64Text.EncodeUnpadded(bytes), Base64Form.StandardUnpadded));
            Assert.Equal(bytes, Base64Text.Decode(Base64Text.Encode(bytes), Base64Form.Either));
            Assert.Equal(bytes, Base64Text.Decode(Base64Text.EncodeUrl(bytes), Base64Form.Either));
        });

    [Fact]
    public void What_decodes_encodes_to_the_same_text() =>
        Gen.Char["ABCwxyz019+/="].Array[0, 12].Sample(letters =>
        {
            var text = new string(letters);
            if (Base64Text.Decode(text, Base64Form.Standard) is { } bytes) Assert.Equal(text, Base64Text.Encode(bytes));
        }, iter: 20_000);

    [Fact]
    public void Long_texts_are_as_strict_as_short_ones()
    {
        foreach (var length in (int[])[60, 61, 62, 63])
        {
            var bytes = new byte[length];
            new Random(length).NextBytes(bytes);
            var text = Base64Text.Encode(bytes);
            Assert.Equal(bytes, Base64Text.Decode(text, Base64Form.Standard));
            for (var at = 0; at < text.Length; at++)
            {
                foreach (var c in " \n=-_!A")
                {
                    var changed = text[..at] + c + text[(at + 1)..];
                    if (Base64Text.Decode(changed, Base64Form.Standard) is { } other) Assert.Equal(changed, Base64Text.Encode(other));
                    Assert.Null(Base64Text.Decode(text[..at] + "\n" + text[at..], Base64Form.Either));
                }
            }
        }
    }
}
