using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Ledger;
using Demarc.Plane.Console;

namespace Demarc.Tests.Console;

/// <summary>What the console's script signs is what Core reads. The live tests make such entries in a real browser; this is one of them, kept.</summary>
public sealed class BrowserEntryTests
{
    private const string FromChromium =
        """
        {"payload":"eyJkZW1hcmMiOjEsImlkIjoiZWUzZjU2MGI4MjFjNmFlZDMwODVlYjQzODdmOWY3Y2VhIiwiZW52aXJvbm1lbnQiOiJsb2NhbCIsImtpbmQiOiJjaGFuZ2UucmVqZWN0ZWQiLCJhdCI6IjIwMjYtMTEtMjVUMjA6MDY6NTYuMTQ3WiIsImF1dGhvciI6ImVkMjU1MTk6ZGt4NTl0LVNIWl9HUTFNSVBnOHpDeExGdnljQ3FwbEduSTVYejBySTV6YyIsImRhdGEiOnsiY2hhbmdlIjoiYy1nZjh3eHBtdW5yIiwicmVhc29uIjoiTm90IGJlZm9yZSB0aGUgXCJzYWxlXCIgPGVuZHM+IOKAkyDlo7Ljgorlh7rjgZfkuK0ifX0=","payloadType":"application/vnd.demarc.entry+json","signatures":[{"keyid":"ed25519:dkx59t-SHZ_GQ1MIPg8zCxLFvycCqplGnI5Xz0rI5zc","sig":"neR/eCSPVVnkIVe86wSQ37s/w8nNzer7Lqs2pRz3o98SR/fVqEVBjgzbTYXyxeJHWNM3eKr8pVjqBnBUlH+dCQ=="}]}
        """;

    [Fact]
    public void An_entry_that_a_browser_signed_is_read_as_any_other()
    {
        var read = Entry.Read(Encoding.UTF8.GetBytes(FromChromium));
        Assert.Null(read.Fault);
        Assert.Equal("local", read.Entry!.Environment.Value);
        Assert.Equal("ed25519:dkx59t-SHZ_GQ1MIPg8zCxLFvycCqplGnI5Xz0rI5zc", read.Entry.Author.KeyId);
        Assert.Equal("Not before the \"sale\" <ends> – 売り出し中", Assert.IsType<ChangeRejected>(read.Entry.Data).Reason);
    }

    [Theory]
    [InlineData("eyJkZW1h", "eyJkZW1i")]
    [InlineData("ed25519:dkx", "ed25519:ekx")]
    [InlineData("neR/", "oeR/")]
    public void One_that_was_altered_is_not(string from, string to) => Assert.NotNull(Entry.Read(Encoding.UTF8.GetBytes(FromChromium.Replace(from, to, StringComparison.Ordinal))).Fault);

    [Fact]
    public void The_script_writes_the_types_that_Core_reads_and_every_word_that_it_needs_is_on_the_page()
    {
        var (keys, signing) = (Script("keys.js"), Script("signing.js"));
        Assert.Contains($"'{Entry.PayloadType}'", keys, StringComparison.Ordinal);
        Assert.Contains("'application/vnd.demarc.request+json'", keys, StringComparison.Ordinal);
        Assert.Contains($"`{RequestToken.Scheme} ${{", keys, StringComparison.Ordinal);
        foreach (var kind in EntryKind.All.Where(kind => signing.Contains($"'{kind.Name}'", StringComparison.Ordinal))) Assert.Equal(EntryAuthor.Person, kind.Author);
        foreach (System.Text.RegularExpressions.Match kind in System.Text.RegularExpressions.Regex.Matches(signing, "'((?:change|charter|egress|agent)\\.[a-z]+)'")) Assert.NotNull(EntryKind.ByName(kind.Groups[1].Value));
        var dialog = House.Sources.Text("src/Demarc.Plane/Console/Pages/SigningDialog.razor");
        foreach (System.Text.RegularExpressions.Match word in System.Text.RegularExpressions.Regex.Matches(signing, @"words\.([a-z]+)")) Assert.Contains($"data-{word.Groups[1].Value}=", dialog, StringComparison.Ordinal);
        foreach (System.Text.RegularExpressions.Match part in System.Text.RegularExpressions.Regex.Matches(signing, @"part\('([a-z-]+)'\)")) Assert.Contains($"id=\"signing-{part.Groups[1].Value}\"", dialog, StringComparison.Ordinal);
    }

    private static string Script(string name)
    {
        using var stream = typeof(ConsoleHosting).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
