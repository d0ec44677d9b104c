namespace Demarc.Engine;

/// <summary>How the process ends, for a supervisor to act on: only <see cref="Unexpected"/>, <see cref="AddressInUse"/> and <see cref="Disk"/> are worth a plain restart.</summary>
internal static class ExitCodes
{
    public const int Stopped = 0;
    public const int Unexpected = 1;
    public const int Usage = 2;

    /// <summary>The data folder is missing, empty or another instance's, or of a format this version does not read.</summary>
    public const int WrongData = 3;

    /// <summary>Another process holds the data folder.</summary>
    public const int Locked = 4;

    /// <summary>Stored data is damaged; it was left as it is.</summary>
    public const int Damaged = 5;

    public const int AddressInUse = 6;

    /// <summary>The credential file, the bucket's access file or the TLS files are missing, readable by others or malformed; or a login is needed and none is set.</summary>
    public const int Credentials = 7;

    /// <summary>The data folder, or the bucket where nothing begins without it, cannot be read or written.</summary>
    public const int Disk = 8;
}
