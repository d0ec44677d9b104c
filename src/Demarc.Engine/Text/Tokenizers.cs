using System.Globalization;
using System.Text;

namespace Demarc.Engine.Text;

/// <summary>Splits a text into words, by the rules of Milvus's tokenizers of the same names.</summary>
internal static class Tokenizers
{
    /// <summary>Runs of letters and digits.</summary>
    public static List<TextToken> Standard(string text) => Runs(text, IsAlphanumeric);

    /// <summary>Runs of anything but white space.</summary>
    public static List<TextToken> Whitespace(string text) => Runs(text, rune => !Rune.IsWhiteSpace(rune));

    /// <summary>Runs of anything but the given characters.</summary>
    public static Func<string, List<TextToken>> Delimited(Func<Rune, bool> delimits) => text => Runs(text, rune => !delimits(rune));

    /// <summary>Every run of between <paramref name="least"/> and <paramref name="most"/> characters, white space and all.</summary>
    public static Func<string, List<TextToken>> Ngrams(int least, int most) => text =>
    {
        var runes = text.EnumerateRunes().ToArray();
        var offsets = new int[runes.Length + 1];
        for (var i = 0; i < runes.Length; i++)
        {
            offsets[i + 1] = offsets[i] + runes[i].Utf8SequenceLength;
        }

        var tokens = new List<TextToken>();
        for (var i = 0; i < runes.Length; i++)
        {
            for (var length = least; length <= most && i + length <= runes.Length; length++)
            {
                tokens.Add(new TextToken(string.Concat(runes[i..(i + length)]), offsets[i], offsets[i + length], 0));
            }
        }

        return tokens;
    };

    public static bool IsAlphanumeric(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber or UnicodeCategory.SpacingCombiningMark;

    public static bool IsHan(Rune rune) => rune.Value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3134F);

    private static List<TextToken> Runs(string text, Func<Rune, bool> belongs)
    {
        var tokens = new List<TextToken>();
        int from = -1, fromByte = 0, at = 0, atByte = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            var part = belongs(rune);
            if (from >= 0 && !part)
            {
                tokens.Add(new TextToken(text[from..at], fromByte, atByte, tokens.Count));
                from = -1;
            }

            if (part && from < 0)
            {
                (from, fromByte) = (at, atByte);
            }

            at += rune.Utf16SequenceLength;
            atByte += rune.Utf8SequenceLength;
        }

        if (from >= 0)
        {
            tokens.Add(new TextToken(text[from..at], fromByte, atByte, tokens.Count));
        }

        return tokens;
    }
}
