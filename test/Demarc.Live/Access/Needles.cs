using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Live.Access;

/// <summary>A place where text was found: a file, an answer, what a command printed.</summary>
/// <param name="Name">For the message of a failure.</param>
/// <param name="Bytes">All of it.</param>
/// <param name="May">The names of the secrets that belong here.</param>
internal sealed record Place(string Name, byte[] Bytes, params string[] May);

/// <summary>
/// Known secrets, in every form in which one could slip out: as they are, as hex, and as base64 of either alphabet at each of the three ways in which
/// a secret can lie within something longer that was encoded as a whole.
/// </summary>
internal sealed class Needles
{
    private readonly List<(string Secret, string Form, byte[] Bytes)> forms = [];

    public IEnumerable<string> Secrets => forms.Select(form => form.Secret).Distinct();

    /// <summary>Adds a secret as text; one that is itself base64 also as the bytes it stands for.</summary>
    public void Add(string secret, string text)
    {
        Assert.True(text.Length >= 16, $"{secret} is too short to be looked for: '{text}'");
        Add(secret, "text", Encoding.UTF8.GetBytes(text));
        if (Base64Text.Decode(text.AsSpan(), Base64Form.Either) is { Length: >= 16 } bytes) Add(secret, "bytes", bytes);
    }

    /// <summary>Adds one of hundreds of short-lived secrets, which is looked for as it is only.</summary>
    public void AddPlain(string secret, string text) => forms.Add((secret, "in clear", Encoding.UTF8.GetBytes(text)));

    /// <summary>The secrets that stand in the place, with their forms, whether they may or not.</summary>
    public IEnumerable<(string Secret, string Form)> In(Place place)
    {
        var straight = Straight(place.Bytes);
        return forms.Where(form => place.Bytes.AsSpan().IndexOf(form.Bytes) >= 0 || straight.AsSpan().IndexOf(form.Bytes) >= 0).Select(form => (form.Secret, form.Form));
    }

    /// <summary>Every form of some bytes.</summary>
    public static IEnumerable<(string Form, byte[] Bytes)> Forms(byte[] secret)
    {
        yield return ("in clear", secret);
        yield return ("hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(secret)));
        yield return ("upper hex", Encoding.ASCII.GetBytes(Convert.ToHexString(secret)));
        for (var before = 0; before < 3; before++)
        {
            var text = Convert.ToBase64String([.. new byte[before], .. secret]);
            // The first and last characters also carry bits of the neighbours: only those of the secret alone are looked for.
            var own = text[((before * 8 + 5) / 6)..((before + secret.Length) * 8 / 6)];
            yield return ($"base64+{before}", Encoding.ASCII.GetBytes(own));
            yield return ($"base64url+{before}", Encoding.ASCII.GetBytes(own.Replace('+', '-').Replace('/', '_')));
        }
    }

    // Base64 is often broken into lines, as in PEM, and those lines into "\n" within JSON: a secret is looked for across them, too.
    private static byte[] Straight(byte[] bytes) =>
        bytes.AsSpan().IndexOf((byte)'\n') < 0 && bytes.AsSpan().IndexOf("\\n"u8) < 0
            ? []
            : Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(bytes).Replace("\\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal));

    private void Add(string secret, string of, byte[] bytes) => forms.AddRange(Forms(bytes).Select(form => (secret, $"{of} {form.Form}", form.Bytes)));
}
