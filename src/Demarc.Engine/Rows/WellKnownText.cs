namespace Demarc.Engine.Rows;

/// <summary>
/// Checks a geometry in OGC well-known text: known kind, balanced brackets, coordinates that are numbers. The text is kept
/// as it came.
/// </summary>
internal static class WellKnownText
{
    private static readonly (string Name, int Levels)[] Kinds =
    [
        // How many brackets stand around the coordinates of each kind.
        ("POINT", 1), ("LINESTRING", 1), ("POLYGON", 2), ("MULTIPOINT", 1), ("MULTILINESTRING", 2), ("MULTIPOLYGON", 3),
    ];

    public static bool IsValid(string text)
    {
        var at = 0;
        return Geometry(text, ref at, 0) && Skip(text, ref at) == text.Length;
    }

    private static bool Geometry(string text, ref int at, int depth)
    {
        var name = Word(text, ref at);
        var afterName = at;
        if (Word(text, ref at) is "EMPTY")
        {
            return name == "GEOMETRYCOLLECTION" || Array.Exists(Kinds, k => k.Name == name);
        }

        at = afterName;
        if (name == "GEOMETRYCOLLECTION")
        {
            return depth < Limits.GeometryDepth && List(text, ref at, depth, static (string t, ref int a, int d) => Geometry(t, ref a, d + 1));
        }

        foreach (var kind in Kinds)
        {
            if (kind.Name == name)
            {
                return Coordinates(text, ref at, kind.Levels, name == "POINT");
            }
        }

        return false;
    }

    private delegate bool Item(string text, ref int at, int depth);

    private static bool List(string text, ref int at, int depth, Item item)
    {
        if (!Take(text, ref at, '('))
        {
            return false;
        }

        do
        {
            if (!item(text, ref at, depth))
            {
                return false;
            }
        }
        while (Take(text, ref at, ','));
        return Take(text, ref at, ')');
    }

    private static bool Coordinates(string text, ref int at, int levels, bool single)
    {
        if (!Take(text, ref at, '('))
        {
            return false;
        }

        var items = 0;
        do
        {
            items++;

            // A point of a MULTIPOINT may stand in brackets of its own.
            var bracketed = levels == 1 && !single && Take(text, ref at, '(');
            if (!(levels > 1 ? Coordinates(text, ref at, levels - 1, single) : Position(text, ref at)) || (bracketed && !Take(text, ref at, ')')))
            {
                return false;
            }
        }
        while (Take(text, ref at, ','));
        return Take(text, ref at, ')') && (!single || items == 1);
    }

    private static bool Position(string text, ref int at)
    {
        var numbers = 0;
        while (Skip(text, ref at) < text.Length && text[at] is not (',' or ')' or '('))
        {
            var start = at;
            while (at < text.Length && !char.IsWhiteSpace(text[at]) && text[at] is not (',' or ')' or '('))
            {
                at++;
            }

            if (!double.TryParse(text.AsSpan(start, at - start), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            {
                return false;
            }

            numbers++;
        }

        return numbers is >= 2 and <= 4;
    }

    private static string Word(string text, ref int at)
    {
        var start = Skip(text, ref at);
        while (at < text.Length && char.IsAsciiLetter(text[at]))
        {
            at++;
        }

        return text[start..at].ToUpperInvariant();
    }

    private static bool Take(string text, ref int at, char symbol)
    {
        var taken = Skip(text, ref at) < text.Length && text[at] == symbol;
        at += taken ? 1 : 0;
        return taken;
    }

    private static int Skip(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }
}
