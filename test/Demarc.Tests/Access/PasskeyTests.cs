using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Changes;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Access;

/// <summary>A passkey signs entries like any other key, and nothing else that it can be brought to say counts as its signature.</summary>
public sealed class PasskeyTests : IDisposable
{
    private static readonly byte[] Message = "what is signed"u8.ToArray();

    private readonly TestAuthenticator authenticator = new();

    public void Dispose() => authenticator.Dispose();

    [Fact]
    public void An_assertion_over_the_message_is_a_signature_and_its_key_has_one_text()
    {
        var assertion = authenticator.Sign(Message);
        Assert.Null(authenticator.Passkey.Refusal(Message, assertion));
        Assert.True(PublicKey.TryParse(authenticator.Passkey.KeyId, out var read));
        Assert.Equal(authenticator.Passkey, read);
        Assert.True(read == authenticator.Passkey && read.GetHashCode() == authenticator.Passkey.GetHashCode());
        Assert.True(read.Verify(Message, assertion));
        Assert.Equal(97, read.KeyId.Length);
        using var other = new TestAuthenticator();
        Assert.NotEqual<PublicKey>(read, other.Passkey);
        Assert.False(other.Passkey.Verify(Message, assertion));
    }

    /// <summary>The vectors of Web Authentication Level 3, section 16, that are of ES256. Those that nobody was verified for are refused here as they should be.</summary>
    [Theory]
    [MemberData(nameof(Published))]
    public void Published_assertions_are_read_as_published(string name, string x, string y, string challenge, string authenticatorData, string clientData, string signature, string? refusal)
    {
        var key = Passkey.FromPoint(Convert.FromHexString(x), Convert.FromHexString(y), "example.org")!;
        var bytes = PasskeyAssertion.Write(Convert.FromHexString(authenticatorData), Encoding.UTF8.GetBytes(clientData), Convert.FromHexString(signature));
        Assert.True(PasskeyAssertion.TryRead(bytes, out var assertion), name);
        Assert.Equal(refusal, assertion.Refusal(key, Convert.FromHexString(challenge)));
        if (refusal is null) Assert.Equal("the challenge is of other bytes", assertion.Refusal(key, new byte[32]));
        if (refusal is not null) return;
        for (var at = 0; at < bytes!.Length; at++)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[at] ^= 0x10;
            Assert.False(PasskeyAssertion.TryRead(flipped, out var changed) && changed.Refusal(key, Convert.FromHexString(challenge)) is null, $"{name}: byte {at}");
        }
    }

    [Fact]
    public void An_assertion_for_other_bytes_is_refused() =>
        Assert.Equal("the challenge is of other bytes", authenticator.Passkey.Refusal("something else"u8, authenticator.Sign(Message)));

    [Fact]
    public void An_assertion_for_another_relying_party_is_refused()
    {
        authenticator.AnswersAs = "evil.example";
        Refused("authenticatorData is of another relying party");
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("https://plane.example.evil.example")]
    [InlineData("https://evilplane.example")]
    [InlineData("http://plane.example")]
    [InlineData("android:apk-key-hash:AAAA")]
    [InlineData("null")]
    public void An_assertion_made_on_another_site_is_refused(string origin)
    {
        authenticator.Origin = origin;
        Refused("its origin does not belong to the relying party");
    }

    [Theory]
    [InlineData("https://plane.example:8443")]
    [InlineData("https://console.plane.example")]
    public void The_relying_party_is_the_host_or_a_domain_above_it(string origin)
    {
        authenticator.Origin = origin;
        Assert.Null(authenticator.Passkey.Refusal(Message, authenticator.Sign(Message)));
    }

    [Fact]
    public void A_plane_on_this_machine_needs_no_certificate()
    {
        using var local = new TestAuthenticator("localhost") { Origin = "http://localhost:7100" };
        Assert.Null(local.Passkey.Refusal(Message, local.Sign(Message)));
    }

    [Theory]
    [InlineData(0x01, "who was present was not verified (PIN, finger, face)")]
    [InlineData(0x04, "nobody was present")]
    [InlineData(0x00, "nobody was present")]
    public void An_assertion_without_its_user_is_refused(byte flags, string why)
    {
        authenticator.Flags = flags;
        Refused(why);
    }

    [Fact]
    public void A_registration_is_no_assertion()
    {
        authenticator.Type = "webauthn.create";
        Refused("clientDataJSON is not of an assertion (type 'webauthn.get')");
    }

    [Theory]
    [InlineData(",\"crossOrigin\":true")]
    [InlineData(",\"crossOrigin\":\"no\"")]
    [InlineData(",\"crossOrigin\":false,\"topOrigin\":\"https://evil.example\"")]
    public void An_assertion_from_inside_a_page_of_another_origin_is_refused(string more)
    {
        authenticator.More = more;
        Refused("it was made inside a page of another origin");
    }

    [Theory]
    [InlineData(",\"type\":\"webauthn.get\"")]
    [InlineData(",\"challenge\":\"AA\"")]
    [InlineData(",\"x\":{\"y\":{\"z\":{\"deep\":{}}}}")]
    [InlineData("}")]
    public void Client_data_that_two_readers_could_read_in_two_ways_is_refused(string more)
    {
        authenticator.More = more;
        Refused("clientDataJSON cannot be read");
    }

    [Fact]
    public void Trailing_junk_is_refused_wherever_it_stands()
    {
        byte[] junk = [.. authenticator.Sign(Message), 0];
        Assert.StartsWith("it is not an assertion", authenticator.Passkey.Refusal(Message, junk), StringComparison.Ordinal);
        authenticator.BehindSignature = [0];
        Refused("the signature does not hold");
        authenticator.BehindSignature = [];
        authenticator.BehindClientData = " x"u8.ToArray();
        Refused("clientDataJSON cannot be read");
        authenticator.BehindClientData = [];
        authenticator.BehindAuthenticatorData = [0xa0];
        Refused("authenticatorData has 38 bytes instead of 37");
        authenticator.Flags |= 0x80;
        Refused("authenticatorData has 38 bytes instead of 37");
    }

    [Fact]
    public void Bytes_that_are_no_assertion_are_refused_and_never_an_exception()
    {
        var good = authenticator.Sign(Message);
        for (var length = 0; length < good.Length; length++) Assert.NotNull(authenticator.Passkey.Refusal(Message, good.AsSpan(0, length)));
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var bent = (byte[])good.Clone();
            for (var n = 0; n < 1 + (i % 4); n++) bent[random.Next(bent.Length)] = (byte)random.Next(256);
            if (!bent.AsSpan().SequenceEqual(good)) Assert.False(authenticator.Passkey.Verify(Message, bent));
        }

        Assert.Null(PasskeyAssertion.Write(new byte[37], new byte[LedgerLimits.SignatureBytes], new byte[72]));
    }

    [Fact]
    public void A_text_that_is_not_exactly_a_passkey_is_refused()
    {
        var good = authenticator.Passkey.KeyId;
        string?[] bad = [null, "", "webauthn:", good + "=", good[..^1], good + "A", good.Replace("webauthn", "ed25519", StringComparison.Ordinal), " " + good];
        foreach (var text in bad) Assert.False(PublicKey.TryParse(text, out _), text);
        var raw = Base64Text.Decode(good.AsSpan(9), Base64Form.UrlUnpadded)!;
        foreach (var (at, value) in ((int, byte)[])[(0, 0xf8), (0, 0), (1, 4), (1, 0)])
        {
            var other = (byte[])raw.Clone();
            other[at] = value;
            Assert.False(PublicKey.TryParse("webauthn:" + Base64Text.EncodeUrl(other), out _));
        }

        // Half of all x have no point, and one over the prime would be a second name of a smaller one.
        raw.AsSpan(2, 32).Fill(0xff);
        Assert.False(PublicKey.TryParse("webauthn:" + Base64Text.EncodeUrl(raw), out _));
        var points = 0;
        for (byte i = 0; i < 64; i++)
        {
            raw.AsSpan(2, 32).Clear();
            raw[33] = i;
            points += PublicKey.TryParse("webauthn:" + Base64Text.EncodeUrl(raw), out _) ? 1 : 0;
        }

        Assert.InRange(points, 16, 48);
        Assert.Null(Passkey.FromPoint(new byte[32], new byte[32], "plane.example"));
        Assert.Null(Passkey.FromPoint(new byte[31], new byte[32], "plane.example"));
    }

    [Fact]
    public void A_member_with_a_passkey_approves_and_the_agent_side_agrees()
    {
        var world = new World().Joined();
        world.Do(new MemberAdded(authenticator.Passkey.KeyId, Role.Approver, "Ann"), world.Customer);
        world.Carry(ChangeAction.Create);
        var change = world.Request(ChangeAction.Delete, world.Vendor);
        var plan = world.Planned(change);
        var approval = Entry.Write(World.Id, Entry.NewId(world.Fill), world.Now, new ChangeApproved(change, plan.Hash), authenticator);
        world.Do(approval);
        Assert.Equal(ChangeStatus.Approved, world.State.Changes[change].Status);

        // The plane puts the assertion under another approval: every byte of it is genuine, and it is for other bytes.
        var forged = DsseEnvelope.Of(Entry.PayloadType, Other(approval), DsseEnvelope.Parse(approval.Bytes).Envelope!.Signatures[0]);
        Assert.Contains("does not fit the payload: the challenge is of other bytes", Entry.Read(forged.Bytes).Fault, StringComparison.Ordinal);
        foreach (var threads in (int[])[1, 2])
        {
            var all = Entry.ReadAll([.. world.Entries.Select(e => e.Bytes), forged.Bytes], threads);
            Assert.All(all[..^1], read => Assert.Null(read.Fault));
            Assert.Contains("the challenge is of other bytes", all[^1].Fault, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Many_entries_are_read_together_with_passkeys_between_them()
    {
        using var key = SigningKey.FromSeed(new byte[32]);
        ISigner[] signers = [key, key, key, authenticator];
        var entries = Enumerable.Range(0, 200).Select(i => Entry.Write(World.Id, $"e{i:d20}", DateTimeOffset.UnixEpoch.AddSeconds(i), new FindingCleared($"finding-{i}"), signers[i % 4]).Bytes).ToList();
        Assert.All(Entry.ReadAll(entries, 2), read => Assert.Null(read.Fault));
        var envelopes = entries.Select(bytes => (Envelope: DsseEnvelope.Parse(bytes).Envelope!, Key: Entry.Read(bytes).Entry!.Author)).ToList();
        Assert.Null(DsseBatch.FirstUnsigned(envelopes, 2));
        envelopes[103] = (envelopes[103].Envelope, envelopes[102].Key);
        envelopes[150] = (envelopes[150].Envelope, authenticator.Passkey);
        Assert.Equal(103, DsseBatch.FirstUnsigned(envelopes, 2));
        envelopes[103] = (envelopes[102].Envelope, envelopes[102].Key);
        Assert.Equal(150, DsseBatch.FirstUnsigned(envelopes, 2));
    }

    [Fact]
    public void An_agent_and_an_invitation_have_no_passkey()
    {
        var world = new World().Chartered();
        Assert.Contains("invitation is not an 'ed25519:' key", world.Refusal(new AgentInvited(authenticator.Passkey.KeyId, world.Now.AddDays(1)), world.Customer), StringComparison.Ordinal);
        Assert.False(NoteKey.TryParse($"plane.test+00000000+{Convert.ToBase64String(new byte[67])}", out _));
    }

    [Fact]
    public void A_person_moves_from_a_file_to_a_passkey()
    {
        var world = new World().Joined();
        var entry = Entry.Write(World.Id, Entry.NewId(world.Fill), world.Now, new MemberRekeyed(authenticator.Passkey.KeyId), world.Customer);
        Assert.Contains("the new key has not signed", world.Refusal(entry), StringComparison.Ordinal);
        world.Do(entry.Cosign(authenticator));
        Assert.True(world.State.MemberOf(authenticator.Passkey) is { IsRoot: true, Party: Party.Customer });
    }

    private static byte[] Other(Entry approval) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(DsseEnvelope.Parse(approval.Bytes).Envelope!.Payload.Span).Replace(approval.Id, "e" + new string('0', 32), StringComparison.Ordinal));

    private void Refused(string why) => Assert.Equal(why, authenticator.Passkey.Refusal(Message, authenticator.Sign(Message)));

    public static TheoryData<string, string, string, string, string, string, string, string?> Published => new()
    {
        {
            "none-es256", "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61", "930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
            "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
            """{"type":"webauthn.get","challenge":"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag","origin":"https://example.org","crossOrigin":false}""",
            "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87", "who was present was not verified (PIN, finger, face)"
        },
        {
            "packed-self-es256", "eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5", "927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
            "4478a10b1352348dd160c1353b0d469b5db19eb91c27f7dfa6fed39fe26af20b", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
            """{"type":"webauthn.get","challenge":"RHihCxNSNI3RYME1Ow1Gm12xnrkcJ_ffpv7Tn-Jq8gs","origin":"https://example.org","crossOrigin":false,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: gTb53rz6EhSWomXGzimC1Q"}""",
            "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66", "who was present was not verified (PIN, finger, face)"
        },
        {
            "none-es256-crossOrigin", "22200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d", "cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
            "876aa517ba83fdee65fcffdbca4c84eeae5d54f8041a1fc85c991e5bbb273137", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
            """{"type":"webauthn.get","challenge":"h2qlF7qD_e5l_P_bykyE7q5dVPgEGh_IXJkeW7snMTc","origin":"https://example.org","crossOrigin":true,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: 92pcTVD0Aby-q4dtmj6efg"}""",
            "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf", "it was made inside a page of another origin"
        },
        {
            "none-es256-topOrigin", "a1c47c1d82da4ebe82cd72207102b380670701993bc35398ae2e5726427fe01d", "86c1080d82987028c7f54ecb1b01185de243b359294a0ed210cd47480f0adc88",
            "d54a5c8ca4b62a8e3bb321e3b2bc73856f85a10150db2939ac195739eb1ea066", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
            """{"type":"webauthn.get","challenge":"1UpcjKS2Ko47syHjsrxzhW-FoQFQ2yk5rBlXOeseoGY","origin":"https://example.org","crossOrigin":true,"topOrigin":"https://example.com","extraData":"clientDataJSON may be extended with additional fields in the future, such as this: UiFoJMVRQHDAFWFi4vxUpQ"}""",
            "3045022100b5a70c81780d5fcc9a4f2ae9caae99058f8accaf58b91fb59329646c28ac6ffc022012e101c165db3c8e9957f0c54dd6ca9b56bc3bd2f280bd2faa6c1d02c6e5c171", "it was made inside a page of another origin"
        },
        {
            "none-es256-long-credential-id", "3b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e90cb1", "1436d5edc9a75f23999eef9d5950a5c2455514ee1014084720f841a06b828a11",
            "ef1deba56dce48f674a447ccf63b9599258ce87648e5c396f2ef0ca1da460e3b", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
            """{"type":"webauthn.get","challenge":"7x3rpW3OSPZ0pEfM9juVmSWM6HZI5cOW8u8ModpGDjs","origin":"https://example.org","crossOrigin":false}""",
            "304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd022100d2ace346db262b1374a6b70faa51f518a42ddca13a4125ce6f5052a75bac9fb6", null
        },
        {
            "packed-es256", "1cf27f25da591208a4239c2e324f104f585525479a29edeedd830f48e77aeae5", "59e4b7da6c0106e206ce390c93ab98a15a5ec3887e57f0cc2bece803b920c423",
            "b1106fa46a57bef1781511c0557dc898a03413d5f0f17d244630c194c7e1adb5", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
            """{"type":"webauthn.get","challenge":"sRBvpGpXvvF4FRHAVX3ImKA0E9Xw8X0kRjDBlMfhrbU","origin":"https://example.org","crossOrigin":false,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: AZMwyMxIbD8-uguFNp6r8Q"}""",
            "30450220694969d3ee928de6f02ef23a9c644d7d779916451734a94b432542f498a1ebe90221008b0819c824218a97152cd099c55bfb1477b29d900a49a64018314f9bfccda163", null
        },
        {
            "tpm-es256", "41202698c9d9753fb4bb3f27cd09fe6b8afdb76438ee2ae54d7c9dade10d864b", "d8735115cdb330a63ea1d6e43d5000f4bd56f99bce83ee1d73301fc270116d07",
            "00093b66c21d5b5e89f7a07082118907ea3e502d343b314b8c5a54d62db202fb", "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
            """{"type":"webauthn.get","challenge":"AAk7ZsIdW16J96BwghGJB-o-UC00OzFLjFpU1i2yAvs","origin":"https://example.org","crossOrigin":false}""",
            "3045022060dc76b1607ec716c6e5eba8d056695ed6bc47b2e3d7a729c34e759e3ab66aa0022100d010a9e8fddcb64c439dfdca628ddb33cf245d567d157d9f66f942601bed9b38", null
        },
    };
}
