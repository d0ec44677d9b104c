using Demarc.Engine.Protocol;
using Demarc.Engine.Service;

namespace Demarc.Engine.Imports;

/// <summary>One import: which files go where, and how far it has come. Changed by the one thread that runs it, read by any.</summary>
internal sealed class ImportJob(long id, long collection, string collectionName, string database, string partition, IReadOnlyList<string> files, long created) : IJob
{
    private readonly Lock gate = new();
    private ImportState state = ImportState.ImportPending;
    private long rows;
    private string reason = "";

    public long Id => id;

    public long Collection => collection;

    public string Partition => partition;

    public IReadOnlyList<string> Files => files;

    public bool Ended
    {
        get
        {
            lock (gate)
            {
                return state is ImportState.ImportCompleted or ImportState.ImportFailed;
            }
        }
    }

    public bool Is(string inDatabase, string name) => database == inDatabase && (name.Length == 0 || collectionName == name);

    public void Begin()
    {
        lock (gate)
        {
            state = ImportState.ImportStarted;
        }
    }

    public void Complete(long imported)
    {
        lock (gate)
        {
            (state, rows) = (ImportState.ImportCompleted, imported);
        }
    }

    public void Fail(string why)
    {
        lock (gate)
        {
            (state, reason) = (ImportState.ImportFailed, why);
        }
    }

    public GetImportStateResponse Told()
    {
        lock (gate)
        {
            var answer = new GetImportStateResponse { Status = new Protocol.Status(), State = state, RowCount = rows, Id = id, CollectionId = collection, CreateTs = created };
            Add(answer, "collection", collectionName);
            Add(answer, "partition", partition);
            Add(answer, "files", string.Join(',', files));
            Add(answer, "failed_reason", reason);
            Add(answer, "progress_percent", state switch { ImportState.ImportCompleted => "100", ImportState.ImportStarted => "50", _ => "0" });
            return answer;
        }
    }

    private static void Add(GetImportStateResponse answer, string key, string value)
    {
        if (value.Length > 0)
        {
            answer.Infos.Add(new Protocol.KeyValuePair { Key = key, Value = value });
        }
    }
}
