namespace Demarc.Plane.Ledger;

/// <summary>Bounds of the plane's ledgers, each with its reason.</summary>
public static class PlaneLedgerLimits
{
    /// <summary>Entries that wait to be sequenced, of all environments; at some 2 KiB each the queue stays below 10 MiB. Beyond it submitters wait.</summary>
    public const int Queue = 4096;

    /// <summary>Entries of one group commit: enough that the flush costs each next to nothing, few enough that nobody waits long.</summary>
    public const int BatchEntries = 1024;

    /// <summary>Bytes of one group commit: a batch of the greatest entries must not make a transaction of 64 MiB.</summary>
    public const int BatchBytes = 8 * 1024 * 1024;

    /// <summary>Entries read from the store at once, so that a slow reader holds no transaction open.</summary>
    public const int ReadPage = 256;

    /// <summary>Entries of one answer to a reader; it asks again for more.</summary>
    public const int ReadAnswer = 1000;

    /// <summary>Entries of one page of a search.</summary>
    public const int SearchAnswer = 500;

    /// <summary>Entries that one search for a text reads before it answers with where to go on: a tenth of a second or so.</summary>
    public const int TextScan = 5_000;

    /// <summary>Neighbouring entries that a search reads in one go.</summary>
    public const int SearchRun = 64;

    /// <summary>The longest text to look for.</summary>
    public const int TextCharacters = 200;

    /// <summary>Notices kept per environment: the newest are what somebody acts upon.</summary>
    public const int Notices = 100;

    /// <summary>Characters of one notice.</summary>
    public const int NoticeCharacters = 1000;

    /// <summary>Environments of one embedded store; its row numbers keep 23 bits for them, a fleet this large uses a server.</summary>
    public const int Environments = 100_000;
}
