using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Imports;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Import of files from a folder that the operator has set free: read and checked as a whole, then written as one change where it fits.</summary>
internal sealed partial class MilvusEndpoint
{
    private readonly JobQueue<ImportJob> imports = new(Limits.Imports);

    public override Task<ImportResponse> Import(ImportRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            Refuse(request.ClusteringInfo.Length > 0, "clustering_info of an import");
            if (request.Options.FirstOrDefault(o => o.Key is not ("timeout" or "bucket")) is { } option)
            {
                throw Faults.NotServed($"option {option.Key} of an import");
            }

            if (request.Files.Count is 0 or > Limits.ImportFiles)
            {
                throw ImportFiles.Unfit($"The max number of import files should not exceed {Limits.ImportFiles}, and there should be one, but got {request.Files.Count}");
            }

            var definition = Definition(call, request.CollectionName);
            if (request.PartitionName.Length > 0)
            {
                _ = definition.PartitionKeyIndex >= 0 ? throw ImportFiles.Unfit("not allow to set partition name for collection with partition key") : Partition(definition, request.PartitionName);
            }

            var files = request.Files.Select(f => ImportFiles.Locate(options.ImportDir, f)).ToList();
            var job = new ImportJob(store.Clock.NextId(), definition.Id, definition.Name, call.Database, request.PartitionName, files, (long)store.Clock.Next());
            imports.Start(job, RunImport);
            return new ImportResponse { Status = Success(), Tasks = { job.Id } };
        });

    public override Task<GetImportStateResponse> GetImportState(GetImportStateRequest request, ServerCallContext context) =>
        Run(request, context, _ => (imports.Find(request.Task)
            ?? throw new Fault(2100, $"cannot find import job with id {request.Task}; jobs are known until the engine stops: import failed")).Told());

    public override Task<ListImportTasksResponse> ListImportTasks(ListImportTasksRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            CheckDatabase(call.Database);
            if (request.CollectionName.Length > 0)
            {
                _ = Definition(call, request.CollectionName);
            }

            var answer = new ListImportTasksResponse { Status = Success() };
            var jobs = imports.All.Where(j => j.Is(call.Database, request.CollectionName)).Select(j => j.Told());
            answer.Tasks.Add(request.Limit > 0 ? jobs.TakeLast((int)Math.Min(request.Limit, Limits.Imports)) : jobs);
            return answer;
        });

    private async Task RunImport(ImportJob job)
    {
        job.Begin();
        try
        {
            var rows = await WriteImport(job);
            State.Find(job.Collection)?.AskForIndex();
            State.Touch();
            job.Complete(rows);
        }
        catch (Fault fault)
        {
            job.Fail(fault.Message);
        }
        catch (Exception e)
        {
            log.Defect(e, nameof(Import));
            job.Fail("the import failed by a defect of the engine; its log has the details");
        }
    }

    /// <summary>Everything is read and checked before anything is written.</summary>
    private async Task<long> WriteImport(ImportJob job)
    {
        var definition = State.Find(job.Collection)?.View.Definition ?? throw Faults.CollectionNotFound(job.Collection.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var changes = new List<PutRowsOp>();
        foreach (var file in job.Files)
        {
            foreach (var (count, columns) in ImportFiles.Read(definition, file))
            {
                var read = RowReader.Read(definition, columns, count, definition.AutoId ? n => NewKeys(definition, n) : null);
                changes.Add(PutRows(definition, job.Partition, read, count));
            }
        }

        var rows = 0L;
        foreach (var together in Together(changes))
        {
            await store.Decide(() => State.Find(job.Collection)?.View.Definition is not { } now ? throw Faults.CollectionNotFound(definition.Name, definition.Database)
                : now.UpdatedTimestamp == definition.UpdatedTimestamp && together.TrueForAll(op => op.PartitionIds.All(id => now.Partitions.Any(p => p.Id == id)))
                    ? Batch(together.Select(op => new LogOp { PutRows = op }))
                    : throw ImportFiles.Unfit($"the collection was changed while {rows} rows of the files were imported"));
            rows += together.Sum(op => (long)op.RowCount);
        }

        metrics.Inserted(rows);
        return rows;
    }

    /// <summary>As few changes as there may be; one is whole or absent after a crash.</summary>
    private static IEnumerable<List<PutRowsOp>> Together(List<PutRowsOp> changes)
    {
        var together = new List<PutRowsOp>();
        var bytes = 0L;
        foreach (var op in changes)
        {
            var size = op.CalculateSize();
            if (size > Limits.RequestBytes)
            {
                throw ImportFiles.Unfit($"{op.RowCount} rows together take {size} bytes, more than a change may; write them in smaller row groups");
            }

            if (together.Count > 0 && bytes + size > Limits.RequestBytes)
            {
                yield return together;
                together = [];
                bytes = 0;
            }

            together.Add(op);
            bytes += size;
        }

        if (together.Count > 0)
        {
            yield return together;
        }
    }
}
