namespace Demarc.Core;

/// <summary>The one form of the names we give things: safe in file names, DNS labels, URLs and shells.</summary>
public static class Slug
{
    /// <summary>Whether the text is <c>a-z 0-9 -</c>, starts with a letter, does not end with a dash, and has a length within the bounds.</summary>
    public static bool IsValid(string? text, int min, int max)
    {
        if (text is null || text.Length < min || text.Length > max) return false;
        if (text[0] is < 'a' or > 'z' || text[^1] == '-') return false;
        foreach (var c in text)
        {
            if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')) return false;
        }

        return true;
    }
}
