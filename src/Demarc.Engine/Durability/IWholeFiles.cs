namespace Demarc.Engine.Durability;

/// <summary>Where files are whole that the folder has parts of, or nothing.</summary>
internal interface IWholeFiles
{
    /// <summary>Whether a file is known to be there.</summary>
    bool Has(string path);

    /// <summary>Makes sure that a file or its part is in the folder, if it is there.</summary>
    void Provide(string path);

    /// <summary>Puts the whole file under its name, every byte of it checked. Fails with an <see cref="IOException"/> when it cannot be had now, and with a <see cref="DamagedDataException"/> when it is not sound there either.</summary>
    void Fetch(string path);

    /// <summary>Moves a damaged file aside, which is about to be fetched.</summary>
    void Replace(DamagedDataException damage);
}
