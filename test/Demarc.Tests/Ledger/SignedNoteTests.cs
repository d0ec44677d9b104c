using System.Text;
using CsCheck;
using Demarc.Core.Ledger;
using Xunit;

namespace Demarc.Tests.Ledger;

public class SignedNoteTests
{
    private const string NeumannKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    private const string NeumannText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    private const string NeumannNote = NeumannText + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    // A production checkpoint of a public log and its witness's cosignature.
    private const string WitnessKey = "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";
    private const string WitnessedNote =
        "coachandhorses2026h1.staging.certificate.transparency.goog\n185550722\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n\n" +
        "— coachandhorses2026h1.staging.certificate.transparency.goog MpXgsHy8ZwxXnO+WjtVrPxAzL49Rs1gWTkNVNeEa//5peAzaocRCB3qt3EaibjzY5GILLtGgBP7dBhgcSHy+JQh0OAc=\n" +
        "— witness.navigli.sunlight.geomys.org o+AP4gAAAABqb7DzNrGFRJnQ9vrJ8xpnwZytnr/ZYczDIsvwvouiSjwOjn7a72ccxBk+lKnZ7dKqkYKER1s/KxLTaVwQD7lJZTC/CQ==\n";

    [Fact]
    public void The_note_that_the_Go_package_documents_verifies_and_is_made_the_same()
    {
        Assert.True(NoteKey.TryParse(NeumannKey, out var key));
        Assert.Equal(NeumannKey, key.ToString());
        var note = Read(NeumannNote);
        Assert.Equal(NeumannText, note.Text);
        Assert.Equal(NeumannNote, note.ToString());
        Assert.Equal(0xc74f20a3, Assert.Single(note.Signatures).KeyHash);
        Assert.Equal(new NoteVerification(NoteVerdict.Valid, null), note.Verify(key));

        // The documented private key: a type byte, then the seed.
        using var secret = SigningKey.FromSeed(Convert.FromBase64String("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").AsSpan(1));
        Assert.Equal(NeumannNote, SignedNote.Sign(NeumannText, new NoteSigner("PeterNeumann", secret)).ToString());
    }

    [Fact]
    public void The_example_of_the_specification_verifies()
    {
        Assert.True(NoteKey.TryParse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", out var key));
        const string note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        Assert.True(Read(note).IsSignedBy(key));
    }

    [Fact]
    public void A_production_cosignature_verifies_and_states_its_time()
    {
        Assert.True(NoteKey.TryParse(WitnessKey, out var key));
        Assert.Equal(NoteKeyType.CosignatureV1, key.Type);
        Assert.Equal(WitnessKey, key.ToString());
        var note = Read(WitnessedNote);

        Assert.Equal(new NoteVerification(NoteVerdict.Valid, DateTimeOffset.FromUnixTimeSeconds(0x6a6fb0f3)), note.Verify(key));
        Assert.True(Checkpoint.TryParse(note.Text, out var checkpoint, out var error), error);
        Assert.Equal(185_550_722, checkpoint.Size);
        Assert.Equal(note.Text, checkpoint.Body);
        Assert.Equal(NoteVerdict.Forged, Read(WitnessedNote.Replace("185550722", "185550723", StringComparison.Ordinal)).Verify(key).Verdict);
        // Another time under the same signature.
        Assert.Equal(NoteVerdict.Forged, Read(WitnessedNote.Replace("AABqb7Dz", "AABqb7D0", StringComparison.Ordinal)).Verify(key).Verdict);
    }

    [Fact]
    public void A_cosigner_restates_its_time_and_other_signatures_stay()
    {
        using var log = Sample.Key(1);
        using var agent = Sample.Key(2);
        var (first, later) = (DateTimeOffset.FromUnixTimeSeconds(1_000), DateTimeOffset.FromUnixTimeSeconds(2_000));
        var head = new Checkpoint("demarc.test/acme", 7, MerkleHash.Leaf("x"u8));
        var logSigner = new NoteSigner("demarc.test/acme", log);
        var note = SignedNote.Sign(head.Body, logSigner)
            .AddSignature(NoteSigner.Cosigner("agent.acme", agent, first))
            .AddSignature(NoteSigner.Cosigner("agent.acme", agent, later));
        var read = Read(note.ToString());
        var agentKey = new NoteKey("agent.acme", agent.Public, NoteKeyType.CosignatureV1);

        Assert.Equal(2, read.Signatures.Count);
        Assert.True(read.IsSignedBy(logSigner.Key));
        Assert.Equal(new NoteVerification(NoteVerdict.Valid, later), read.Verify(agentKey));
        Assert.Equal(NoteVerdict.NotSigned, read.Verify(new NoteKey("agent.acme", agent.Public)).Verdict);
        Assert.Equal(NoteVerdict.NotSigned, read.Verify(agentKey with { Name = "agent.other" }).Verdict);
    }

    [Fact]
    public void One_forged_line_of_a_known_key_spoils_the_note()
    {
        using var key = Sample.Key(1);
        var signer = new NoteSigner("a", key);
        var good = SignedNote.Sign("text\n", signer).ToString();
        var other = SignedNote.Sign("other\n", signer).ToString();
        var both = good + other.Split("\n\n")[1];

        Assert.Equal(NoteVerdict.Valid, Read(good).Verify(signer.Key).Verdict);
        Assert.Equal(NoteVerdict.Forged, Read(both).Verify(signer.Key).Verdict);
    }

    [Theory]
    [InlineData("", "empty line")]
    [InlineData("text\n", "empty line")]
    [InlineData("text\n\n", "no signature line")]
    [InlineData("text\n\n— a AAAAAAAA", "no newline")]
    [InlineData("text\n\n- a AAAAAAAA\n", "signature line 1")]
    [InlineData("text\n\n— a AAAAAAAA\n— b\n", "signature line 2")]
    [InlineData("text\n\n— a AAAA\n", "signature line 1")]
    [InlineData("text\n\n— a+b AAAAAAAA\n", "signature line 1")]
    [InlineData("text\n\n—  AAAAAAAA\n", "signature line 1")]
    [InlineData("text\n\n— a\u00a0b AAAAAAAA\n", "signature line 1")]
    [InlineData("text\n\n— a AAAAAAA!\n", "signature line 1")]
    [InlineData("te\txt\n\n— a AAAAAAAA\n", "control character")]
    [InlineData("text\r\n\n— a AAAAAAAA\n", "control character")]
    public void What_is_wrong_is_said(string note, string expected)
    {
        var parse = SignedNote.Parse(note);
        Assert.False(parse.IsValid);
        Assert.Contains(expected, parse.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_empty_line_separates()
    {
        var note = Read("a\n\nb\n\n— a AAAAAAAA\n");
        Assert.Equal("a\n\nb\n", note.Text);
    }

    [Fact]
    public void Limits_hold()
    {
        string Note(int signatures) => "text\n\n" + string.Concat(Enumerable.Range(0, signatures).Select(i => $"— s{i} AAAAAAAA\n"));
        Assert.True(SignedNote.Parse(Note(16)).IsValid);
        Assert.Contains("more than 16", SignedNote.Parse(Note(17)).Error, StringComparison.Ordinal);
        Assert.Contains("over the limit", SignedNote.Parse(new string('a', LedgerLimits.NoteBytes + 1)).Error, StringComparison.Ordinal);
        Assert.False(SignedNote.Parse((string?)null).IsValid);
        Assert.Contains("Unicode", SignedNote.Parse("te\ud800xt\n\n— a AAAAAAAA\n").Error, StringComparison.Ordinal);
        Assert.Contains("UTF-8", SignedNote.Parse([0xff, (byte)'\n']).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3")]
    [InlineData("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("")]
    public void A_verifier_key_that_does_not_fit_itself_is_refused(string text) => Assert.False(NoteKey.TryParse(text, out _));

    [Theory]
    [InlineData("a\n1\n", "three lines")]
    [InlineData("a\n1\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=", "newline")]
    [InlineData("\n1\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n", "line 1")]
    [InlineData("a\n01\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n", "line 2")]
    [InlineData("a\n-1\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n", "line 2")]
    [InlineData("a\n9223372036854775807\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n", "line 2")]
    [InlineData("a\n99999999999999999999\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n", "line 2")]
    [InlineData("a\n1\nYXAM\n", "line 3")]
    [InlineData("a\n1\nYXAM0VmnrfvLaBCOOYSJhCaE5F10oGBOo+hkbDa1kng=\n\n", "line 4")]
    public void A_checkpoint_names_the_line_that_is_wrong(string text, string expected)
    {
        Assert.False(Checkpoint.TryParse(text, out _, out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_with_extension_lines_keeps_them()
    {
        const string text = "a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\none\ntwo\n";
        Assert.True(Checkpoint.TryParse(text, out var checkpoint, out _));
        Assert.Equal(text, checkpoint.Body);
        Assert.Equal(new Checkpoint("a", 0, MerkleHash.Empty) { Extensions = ["one", "two"] }, checkpoint);
        Assert.NotEqual(new Checkpoint("a", 0, MerkleHash.Empty), checkpoint);
    }

    [Fact]
    public void Random_bytes_never_throw() => Gen.Byte.Array[0, 300].Sample(bytes => Assert.False(SignedNote.Parse(bytes).IsValid), iter: 20_000);

    [Fact]
    public void A_damaged_note_is_refused_or_not_signed_or_says_the_same()
    {
        Assert.True(NoteKey.TryParse(WitnessKey, out var key));
        var good = Encoding.UTF8.GetBytes(WitnessedNote);
        var text = Read(WitnessedNote).Text;
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 3]).Sample((at, value, how) =>
        {
            var parse = SignedNote.Parse(DsseTests.Mutate(good, at, value, how));
            if (!parse.IsValid) return;
            Assert.Equal(parse.Note.ToString(), Read(parse.Note.ToString()).ToString());
            if (parse.Note.IsSignedBy(key)) Assert.Equal(text, parse.Note.Text);
            if (Checkpoint.TryParse(parse.Note.Text, out var head, out _)) Assert.Equal(parse.Note.Text, head.Body);
        }, iter: 20_000);
    }

    private static SignedNote Read(string note)
    {
        var parse = SignedNote.Parse(note);
        Assert.True(parse.IsValid, parse.Error);
        return parse.Note;
    }
}
