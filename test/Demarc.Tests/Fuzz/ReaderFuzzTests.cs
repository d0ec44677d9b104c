using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Ledger;
using Demarc.Tests.Steps;

namespace Demarc.Tests.Fuzz;

/// <summary>
/// Whatever reads what others wrote: it says yes or says why not, and never throws, never takes memory out of proportion. Set DEMARC_FUZZ_ROUNDS for more than
/// the few thousand inputs each that an everyday run makes.
/// </summary>
public sealed class ReaderFuzzTests
{
    private static readonly int Rounds = int.TryParse(Environment.GetEnvironmentVariable("DEMARC_FUZZ_ROUNDS"), out var rounds) ? rounds : 5000;
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Charter()
    {
        var yaml = CharterYaml.Write(CharterDocument.Default);
        Fuzz([Encoding.UTF8.GetBytes(yaml)], bytes =>
        {
            var read = CharterYaml.Read(Text(bytes));
            if (read.Document is { } charter)
            {
                Assert.Empty(read.Faults);
                Assert.Equal(CharterYaml.Write(charter), CharterYaml.Write(CharterYaml.Read(CharterYaml.Write(charter)).Document!));
                return;
            }

            Assert.NotEmpty(read.Faults);
            Assert.All(read.Faults, fault => Assert.True(fault.Line >= 1 && fault.Column >= 1 && fault.Field.Length > 0 && fault.Message.Length > 0, fault.ToString()));
        });
    }

    [Fact]
    public void Envelope() => Fuzz(Entries(), bytes =>
    {
        var parsed = DsseEnvelope.Parse(bytes);
        Assert.True(parsed.Envelope is not null || parsed.Error is { Length: > 0 });
    });

    [Fact]
    public void Entry_and_fold() => Fuzz(Entries(), bytes =>
    {
        var read = Entry.Read(bytes);
        if (read.Entry is null) Assert.True(read.Fault is { Length: > 0 });
        else Fold(read.Entry);
    });

    [Fact]
    public void Body_that_is_signed_all_the_same()
    {
        var world = new PlaneWorld();
        var bodies = Entries().Select(bytes => DsseEnvelope.Parse(bytes).Envelope!.Payload.ToArray()).ToArray();
        Fuzz(bodies, body =>
        {
            var signer = body.Length % 3 == 0 ? world.Customer : body.Length % 3 == 1 ? world.Vendor : world.Agent;
            if (body.Length > 40_000) return;
            var read = Entry.Read(DsseEnvelope.Sign(Entry.PayloadType, body, signer).Bytes);
            if (read.Entry is null) Assert.True(read.Fault is { Length: > 0 });
            else Fold(read.Entry);
        });
    }

    [Fact]
    public void Plan_text()
    {
        var plan = Plan.Of([.. StepSamples.All(PlaneWorld.Sealing).Select(sample => sample.Step)]);
        Fuzz([Encoding.UTF8.GetBytes(plan.Text)], bytes =>
        {
            // A step that can be read can be shown: to a person who approves, and to the executor.
            if (Plan.Read(Text(bytes)) is { } read) Assert.All(read.Steps, step => Assert.True(step.Kind.Length > 0 && step.Expected >= TimeSpan.Zero && !step.Touches.IsDefault));
        });
    }

    [Fact]
    public void Note_checkpoint_and_key()
    {
        var signer = new PlaneWorld().Signer;
        var key = new NoteKey("plane.test", Sample.Key(5).Public);
        var note = SignedNote.Sign(new Checkpoint("demarc/acme", 7, new byte[32]).Body, new NoteSigner("plane.test", Sample.Key(5)), NoteSigner.Cosigner("agent.acme", Sample.Key(3), Now));
        Fuzz([Encoding.UTF8.GetBytes(note.ToString()!), Encoding.UTF8.GetBytes(signer.VerifierKey)], bytes =>
        {
            var parsed = SignedNote.Parse(bytes);
            if (parsed.Note is { } read)
            {
                _ = read.Verify(key);
                Assert.True(Checkpoint.TryParse(read.Text, out _, out var error) || error.Length > 0);
            }
            else
            {
                Assert.True(parsed.Error is { Length: > 0 });
            }

            _ = NoteKey.TryParse(Text(bytes), out _);
        });
    }

    [Fact]
    public void Request_token()
    {
        var token = RequestToken.Write(Sample.Key(1), "plane.test", "GET", "/v1/environments", Now, span => span.Fill(3));
        Fuzz([Encoding.UTF8.GetBytes(token), Base64Text.Decode(token.Split(' ')[1].AsSpan(), Base64Form.Either)!], bytes =>
        {
            foreach (var header in new[] { Text(bytes), "Demarc " + Base64Text.EncodeUrl(bytes) })
            {
                var read = RequestToken.Read(header, "plane.test", "GET", "/v1/environments", Now);
                Assert.True(read.Key is null ? read.Fault is { Length: > 0 } : header == token || read.Key == Sample.Key(1).Public);
            }
        });
    }

    [Fact]
    public void Join_token()
    {
        var seed = Base64Text.EncodeUrl(Sample.Key(4).ExportSeed());
        var token = new JoinToken("http://127.0.0.1:7100", "acme", seed, new string('a', 64)).Encode();
        const string prefix = "demarc-join:v1:";
        Fuzz([Encoding.UTF8.GetBytes(token), Base64Text.Decode(token.AsSpan(prefix.Length), Base64Form.Either)!], bytes =>
        {
            foreach (var text in new[] { Text(bytes), prefix + Base64Text.EncodeUrl(bytes) })
                Assert.True(JoinToken.Read(text, out var fault) is not null || fault is { Length: > 0 });
        });
    }

    [Fact]
    public void Sealed_file()
    {
        var identity = AgeIdentity.Generate(span => span.Fill(7));
        var plain = Encoding.UTF8.GetBytes(new string('x', 100));
        Fuzz([AgeFile.Encrypt(plain, [identity.Recipient], span => span.Fill(9)), Encoding.UTF8.GetBytes(AgeFile.EncryptArmored(plain, [identity.Recipient], span => span.Fill(9)))], bytes =>
        {
            var opened = AgeFile.TryDecrypt(bytes, identity);
            if (opened.Plaintext is { } said) Assert.Equal(Text(plain), said.Reveal());
        });
    }

    [Fact]
    public void Keys_and_names() => Fuzz([Encoding.UTF8.GetBytes(Sample.Key(1).Public.KeyId), Encoding.UTF8.GetBytes(PlaneWorld.Sealing), "acme"u8.ToArray()], bytes =>
    {
        var text = Text(bytes);
        if (PublicKey.TryParse(text, out var key)) Assert.Equal(text, key.KeyId);
        if (AgeRecipient.TryParse(text, out var recipient)) Assert.Equal(text, recipient.ToString());
        if (EnvironmentId.TryParse(text, out var id)) Assert.Equal(text, id.Value);
    });

    private static byte[][] Entries()
    {
        using var lab = AgentReplicaPropertyTests.Grown();
        return [.. lab.Entries.Concat(new PlaneWorld().UpToAgent()).Select(entry => entry.Bytes.ToArray())];
    }

    /// <summary>Into every state on the way: an entry has its place or is refused with a reason, whatever it says.</summary>
    private static void Fold(Entry entry)
    {
        var state = EnvironmentState.Empty;
        foreach (var before in new PlaneWorld().UpToAgent())
        {
            var folded = EnvironmentFold.Apply(state, entry);
            Assert.True(folded.State is not null || folded.Refusal is { Length: > 0 });
            state = EnvironmentFold.Apply(state, before).State!;
        }

        _ = Redaction.Of(entry, Core.Sensitivity.Public);
        _ = ViewOf.Responsibilities(state);
    }

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static void Fuzz(byte[][] samples, Action<byte[]> read)
    {
        Assert.NotEmpty(samples);
        foreach (var sample in samples) read(sample);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var mutator = new Mutator(seed);
            var input = mutator.Next(20) == 0 ? mutator.Noise() : mutator.Of(samples[mutator.Next(samples.Length)]);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(input);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed}, {input.Length} bytes: {Text(input[..Math.Min(400, input.Length)])}", failure);
            }

            var taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken < (16L << 20) + (400L * input.Length), $"seed {seed}: {taken} bytes of memory for an input of {input.Length}");
        }
    }
}
