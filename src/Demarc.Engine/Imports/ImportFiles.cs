using System.Runtime.InteropServices;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rest;

namespace Demarc.Engine.Imports;

/// <summary>The rows of a file, some of them: columns as a client would send them.</summary>
internal readonly record struct ImportBatch(int Rows, IReadOnlyList<FieldData> Columns);

/// <summary>Files to import: JSON as an array of rows, or an object that has one under <c>rows</c>; or Parquet.</summary>
internal static class ImportFiles
{
    /// <summary>Rows that are turned into columns at a time, and bytes of their text: columns take a few times as much, and have to fit a change.</summary>
    private const int BatchRows = 10_000;
    private const long BatchText = 16L * 1024 * 1024;

    /// <summary>The file that a request names, below the folder that the operator has set free.</summary>
    public static string Locate(string? folder, string file)
    {
        if (folder is null)
        {
            throw Faults.NotServed("importing files; the engine is started without --import-dir and");
        }

        if (file.Contains('\0', StringComparison.Ordinal))
        {
            throw Unfit("the name of a file has a character of no file");
        }

        var root = Path.GetFullPath(folder);
        var path = Path.GetFullPath(Path.Combine(root, file.TrimStart('/')));
        if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(path))
        {
            throw Unfit($"the file does not exist: {file}");
        }

        return Path.GetExtension(path).ToLowerInvariant() is ".json" or ".parquet" ? path
            : throw Unfit($"unexpected file type, files={file}, it should be .json or .parquet");
    }

    /// <summary>Reads a file whole; a fault names what is wrong with it.</summary>
    public static IEnumerable<ImportBatch> Read(CollectionDefinition definition, string path)
    {
        var length = new FileInfo(path).Length;
        if (length > Limits.ImportFileBytes)
        {
            throw Unfit($"file {Path.GetFileName(path)} has {length} bytes, more than {Limits.ImportFileBytes}; split it");
        }

        var schema = definition.PublicSchema();
        return Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) ? ReadJson(schema, path) : ParquetRows.Read(schema, path, BatchRows);
    }

    public static Fault Unfit(string why) => new(2100, $"{why}: import failed");

    private static IEnumerable<ImportBatch> ReadJson(CollectionSchema schema, string path)
    {
        JsonDocument document;
        try
        {
            using var file = File.OpenRead(path);
            document = JsonDocument.Parse(file, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
        }
        catch (JsonException e)
        {
            throw Unfit($"{Path.GetFileName(path)} is not valid JSON: {e.Message}");
        }

        using (document)
        {
            var rows = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("rows", out var given) ? given : document.RootElement;
            if (rows.ValueKind != JsonValueKind.Array)
            {
                throw Unfit($"invalid JSON format, {Path.GetFileName(path)} should be an array of rows, or an object with one named rows");
            }

            var batch = new List<JsonElement>();
            var text = 0L;
            foreach (var row in rows.EnumerateArray())
            {
                batch.Add(row);
                text += JsonMarshal.GetRawUtf8Value(row).Length;
                if (batch.Count == BatchRows || text >= BatchText)
                {
                    yield return new ImportBatch(batch.Count, RowsFromJson.Columns(schema, batch, metaKey: true));
                    batch.Clear();
                    text = 0;
                }
            }

            if (batch.Count > 0)
            {
                yield return new ImportBatch(batch.Count, RowsFromJson.Columns(schema, batch, metaKey: true));
            }
        }
    }
}
