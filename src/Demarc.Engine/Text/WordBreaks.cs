using System.Globalization;
using System.Text;
using Demarc.Engine.Text.Chinese;

namespace Demarc.Engine.Text;

/// <summary>
/// Splits a text at the word boundaries of Unicode (UAX #29), white space and punctuation being tokens of their own, as ICU
/// does. Where ICU asks dictionaries, Han characters are cut by the Chinese word list here, and Hiragana, Thai and the like
/// stand character by character. Positions are in characters.
/// </summary>
internal static class WordBreaks
{
    private static readonly Lazy<WordCutter> Han = new(() => new WordCutter(WordList.Default, within: false, guesses: false));

    private enum Kind
    {
        Other, Return, Feed, LineEnd, Space, Letter, Digit, Katakana, Joiner, MiddleOfLetters, MiddleOfDigits, MiddleOfBoth, Han, Flag, Attached, Glue,
    }

    public static List<TextToken> Tokens(string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        Kind[] kinds = [.. runes.Select(KindOf)];
        var tokens = new List<TextToken>();
        for (int from = 0, bytes = 0; from < runes.Length;)
        {
            var to = End(kinds, from);
            var word = string.Concat(runes[from..to].Select(r => r.ToString()));
            if (kinds[from] == Kind.Han)
            {
                tokens.AddRange(Han.Value.Tokens(word).Select(t => t with { Start = t.Start + bytes, End = t.End + bytes, Position = t.Position + from }));
            }
            else
            {
                tokens.Add(new TextToken(word, bytes, bytes + Encoding.UTF8.GetByteCount(word), from, to - from));
            }

            (bytes, from) = (bytes + Encoding.UTF8.GetByteCount(word), to);
        }

        return tokens;
    }

    /// <summary>Where the word ends that begins at a place.</summary>
    private static int End(Kind[] kinds, int from)
    {
        if (kinds[from] is Kind.Return or Kind.Feed or Kind.LineEnd)
        {
            return from + (kinds[from] == Kind.Return && from + 1 < kinds.Length && kinds[from + 1] == Kind.Feed ? 2 : 1);
        }

        var end = from + 1;
        if (kinds[from] is Kind.Space or Kind.Han)
        {
            while (end < kinds.Length && kinds[end] == kinds[from])
            {
                end++;
            }

            return kinds[from] == Kind.Han ? end : Attached(kinds, end, out _);
        }

        var (last, flags) = (kinds[from], kinds[from] == Kind.Flag ? 1 : 0);
        while (true)
        {
            end = Attached(kinds, end, out var glued);
            if (end >= kinds.Length)
            {
                return end;
            }

            var next = kinds[end];
            if (glued && next == Kind.Other)
            {
                (last, end) = (next, end + 1);
                continue;
            }

            if (next == Kind.Flag && flags % 2 == 1)
            {
                (last, flags, end) = (next, flags + 1, end + 1);
                continue;
            }

            var far = Attached(kinds, end + 1, out _);
            if (Joins(last, next))
            {
                (last, end) = (next, end + 1);
            }
            else if (far < kinds.Length && Bridges(last, next, kinds[far]))
            {
                (last, end) = (kinds[far], far + 1);
            }
            else
            {
                return end;
            }
        }
    }

    /// <summary>Behind the marks that belong to the character before; whether the last of them glues the next one on.</summary>
    private static int Attached(Kind[] kinds, int at, out bool glued)
    {
        glued = false;
        while (at < kinds.Length && kinds[at] is Kind.Attached or Kind.Glue)
        {
            glued = kinds[at++] == Kind.Glue;
        }

        return at;
    }

    private static bool Joins(Kind last, Kind next) => (last, next) switch
    {
        (Kind.Letter or Kind.Digit, Kind.Letter or Kind.Digit) => true,
        (Kind.Katakana, Kind.Katakana) => true,
        (Kind.Letter or Kind.Digit or Kind.Katakana or Kind.Joiner, Kind.Joiner) => true,
        (Kind.Joiner, Kind.Letter or Kind.Digit or Kind.Katakana) => true,
        _ => false,
    };

    private static bool Bridges(Kind last, Kind middle, Kind far) =>
        (last == Kind.Letter && far == Kind.Letter && middle is Kind.MiddleOfLetters or Kind.MiddleOfBoth)
        || (last == Kind.Digit && far == Kind.Digit && middle is Kind.MiddleOfDigits or Kind.MiddleOfBoth);

    private static Kind KindOf(Rune rune) => rune.Value switch
    {
        '\r' => Kind.Return,
        '\n' => Kind.Feed,
        0x0B or 0x0C or 0x85 or 0x2028 or 0x2029 => Kind.LineEnd,
        ' ' or 0x1680 or (>= 0x2000 and <= 0x2006) or (>= 0x2008 and <= 0x200A) or 0x205F or 0x3000 => Kind.Space,
        ':' or 0xB7 or 0x387 or 0x55F or 0x5F4 or 0x2027 or 0xFE13 or 0xFE55 or 0xFF1A => Kind.MiddleOfLetters,
        ',' or ';' or 0x37E or 0x589 or 0x60C or 0x60D or 0x66C or 0x7F8 or 0x2044 or 0xFE10 or 0xFE14 or 0xFE50 or 0xFE54 or 0xFF0C or 0xFF1B => Kind.MiddleOfDigits,
        '.' or '\'' or 0x2018 or 0x2019 or 0x2024 or 0xFE52 or 0xFF07 or 0xFF0E => Kind.MiddleOfBoth,
        0x200D => Kind.Glue,
        (>= 0x1F3FB and <= 0x1F3FF) or 0xFF9E or 0xFF9F or 0x200C => Kind.Attached,
        0x200B => Kind.Other,
        >= 0x1F1E6 and <= 0x1F1FF => Kind.Flag,
        (>= 0x3031 and <= 0x3035) or 0x309B or 0x309C or (>= 0x30A0 and <= 0x30FA) or (>= 0x30FC and <= 0x30FF) or (>= 0x31F0 and <= 0x31FF) or (>= 0xFF66 and <= 0xFF9D) => Kind.Katakana,
        0x202F => Kind.Joiner,
        _ when Tokenizers.IsHan(rune) => Kind.Han,
        _ => ByCategory(rune),
    };

    private static Kind ByCategory(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.DecimalDigitNumber => Kind.Digit,
        UnicodeCategory.ConnectorPunctuation => Kind.Joiner,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => Kind.Attached,
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter
            or UnicodeCategory.LetterNumber => IsCutByDictionary(rune.Value) ? Kind.Other : Kind.Letter,
        _ => Kind.Other,
    };

    /// <summary>Hiragana, Thai, Lao, Myanmar and Khmer: no spaces stand between their words.</summary>
    private static bool IsCutByDictionary(int rune) =>
        rune is (>= 0x3041 and <= 0x309F) or (>= 0x0E00 and <= 0x0EFF) or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF);
}
