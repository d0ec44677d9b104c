using System.Runtime.CompilerServices;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Measures;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// The Milvus service, one file per group of calls. Each call runs in <see cref="Run"/>: a fault becomes the status that
/// clients know, anything else is logged as a defect and answered without details.
/// </summary>
internal sealed partial class MilvusEndpoint(Store store, EngineMetrics metrics, EngineOptions options, ILogger<MilvusEndpoint> log) : MilvusService.MilvusServiceBase
{
    /// <summary>Where the middleware leaves who is calling; empty when logins are off.</summary>
    public const string UserItem = "demarc.user";

    private EngineState State => store.State;

    private async Task<T> Run<T>(Func<Task<T>> act, Func<Protocol.Status, T> refused, [CallerMemberName] string call = "")
    {
        var begun = metrics.Begin();
        var succeeded = false;
        try
        {
            var answer = await act();
            succeeded = true;
            return answer;
        }
        catch (Fault fault)
        {
            return refused(fault.ToStatus());
        }
        catch (Filters.FilterException e)
        {
            return refused(Faults.Invalid(e.Message).ToStatus());
        }
        catch (OperationCanceledException)
        {
            return refused(new Fault(10000, "the call was canceled").ToStatus());
        }
        catch (Exception e)
        {
            log.Defect(e, call);
            return refused(Faults.Unexpected($"{call} failed by a defect of the engine; its log has the details").ToStatus());
        }
        finally
        {
            metrics.End(call, begun, succeeded);
        }
    }

    private Task<T> Run<T>(Func<T> act, Func<Protocol.Status, T> refused, [CallerMemberName] string call = "") =>
        Run(() => Task.FromResult(act()), refused, call);

    private static Protocol.Status Success() => new();

    private CollectionRows Collection(string database, string name)
    {
        CheckDatabase(database);
        return name.Length == 0 ? throw Faults.Invalid("collection name should not be empty") : State.Find(name);
    }

    private static void CheckDatabase(string name)
    {
        if (name.Length > 0 && name != Faults.DefaultDatabase)
        {
            throw Faults.DatabaseNotFound(name);
        }
    }

    private static void CheckPartition(string name)
    {
        if (name.Length > 0 && name != Catalog.CollectionDefinition.DefaultPartition)
        {
            throw Faults.PartitionNotFound(name);
        }
    }

    private static void CheckPartitions(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            CheckPartition(name);
        }
    }

    private static string CallerName(ServerCallContext context) =>
        context.GetHttpContext().Items[UserItem] as string ?? "";
}
