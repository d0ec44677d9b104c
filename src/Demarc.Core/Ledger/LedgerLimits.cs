namespace Demarc.Core.Ledger;

/// <summary>Every bound of the ledger's formats, with its reason. Bytes unless the name says otherwise.</summary>
public static class LedgerLimits
{
    /// <summary>One envelope. A tlog-tiles bundle prefixes an entry with 16 bits of length, so nothing longer could be exported.</summary>
    public const int EnvelopeBytes = 65_535;

    /// <summary>One payload, chosen so that its base64 form, the longest type and all signatures still fit <see cref="EnvelopeBytes"/>.</summary>
    public const int PayloadBytes = 44 * 1024;

    /// <summary>The payload type of an envelope in UTF-8; a media type is far shorter.</summary>
    public const int PayloadTypeBytes = 128;

    /// <summary>Signatures of one envelope; both parties with several approvers stay well below.</summary>
    public const int EnvelopeSignatures = 16;

    /// <summary>The key id of one signature in UTF-8; our own forms have 51 and 97.</summary>
    public const int KeyIdBytes = 128;

    /// <summary>One raw signature; Ed25519 has 64, a passkey's assertion some 250, and more where a browser adds to its client data.</summary>
    public const int SignatureBytes = 1024;

    /// <summary>Fields of one JSON object of an envelope, unknown ones included; each is remembered to refuse a second of its name.</summary>
    public const int EnvelopeFields = 16;

    /// <summary>Depth of nesting inside an envelope; unknown fields are skipped, not followed for ever.</summary>
    public const int EnvelopeDepth = 8;

    /// <summary>One signed note; a checkpoint with all its signatures has less than 4 KiB.</summary>
    public const int NoteBytes = 64 * 1024;

    /// <summary>Signatures of one note; the format's own floor is 16.</summary>
    public const int NoteSignatures = 16;

    /// <summary>The name of a note key in UTF-8; ours are shorter than a DNS name.</summary>
    public const int NoteNameBytes = 255;

    /// <summary>Lines of a checkpoint beyond its three own ones.</summary>
    public const int CheckpointExtensions = 16;

    /// <summary>Entries of one ledger; sizes up to here keep every shift and every sum inside 63 bits.</summary>
    public const long TreeSize = 1L << 62;
}
