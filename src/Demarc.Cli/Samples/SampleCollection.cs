using System.Security.Cryptography;
using System.Text;
using Demarc.Cli.Access;

namespace Demarc.Cli.Samples;

/// <summary>The sample as it will stand in Milvus: rows, vectors, and a description that tells whether it stands there already.</summary>
internal sealed class SampleCollection
{
    /// <summary>Its name in Milvus.</summary>
    public const string Name = "demarc_docs";

    private SampleCollection(List<Paragraph> rows, float[][] vectors, TextVectors method, string description)
    {
        Rows = rows;
        Vectors = vectors;
        Method = method;
        Description = description;
    }

    public List<Paragraph> Rows { get; }

    public float[][] Vectors { get; }

    public TextVectors Method { get; }

    /// <summary>Names the method and a hash over all rows: the same description, the same rows.</summary>
    public string Description { get; }

    public static SampleCollection Prepare(IReadOnlyList<string> named)
    {
        var rows = Paragraphs.Read(named);
        var method = TextVectors.Learn([.. rows.Select(Words)]);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows) hash.AppendData(Encoding.UTF8.GetBytes($"{row.Source}\0{row.Text}\0"));
        var vectors = rows.Select(row => method.Of(Words(row))).ToArray();
        return new SampleCollection(rows, vectors, method, $"sample of {rows.Count} paragraphs, {TextVectors.Method}, sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}");
    }

    // A paragraph often does not repeat what its heading has said.
    private static string Words(Paragraph row) => $"{row.Source}\n{row.Text}";

    /// <summary>Loads what is not there yet; false when the collection holds exactly these rows already.</summary>
    public async Task<bool> LoadAsync(MilvusConnection milvus, string weightsFile, CancellationToken stop)
    {
        KeyFile.WriteBytes(weightsFile, Method.Save());
        var present = await milvus.DescriptionAsync(Name, stop);
        if (present == Description && await milvus.CountAsync(Name, stop) == Rows.Count) return false;
        await milvus.ReplaceAsync(Name, Description, Rows, Vectors, present is not null, stop);
        return true;
    }
}
