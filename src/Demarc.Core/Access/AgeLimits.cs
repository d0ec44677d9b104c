namespace Demarc.Core.Access;

/// <summary>The bounds of sealed files. They carry credentials and keys, not data, so all are small.</summary>
public static class AgeLimits
{
    /// <summary>Plaintext in bytes: four chunks, far above any credential or certificate chain.</summary>
    public const int PlaintextBytes = 4 * 64 * 1024;

    /// <summary>Recipients of one file; each costs one key agreement to seal and at most one to open.</summary>
    public const int Recipients = 32;

    /// <summary>The header in bytes: the stanzas of all recipients, unknown kinds among them.</summary>
    public const int HeaderBytes = 16 * 1024;

    /// <summary>A whole file in bytes: header, nonce, chunks and their tags.</summary>
    public const int FileBytes = HeaderBytes + 16 + PlaintextBytes + ((PlaintextBytes / (64 * 1024)) + 1) * 16;

    /// <summary>A file in armor in characters: four for every three bytes, line ends, begin and end lines, and white space around them.</summary>
    public const int ArmoredChars = (FileBytes / 3 * 4) + (FileBytes / 48 * 2) + 4096;
}
