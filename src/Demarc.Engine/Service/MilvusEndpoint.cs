using System.Runtime.CompilerServices;
using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Measures;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// The Milvus service, one file per group of calls. Each call runs in <see cref="Run{T}(IMessage, ServerCallContext, Func{Call, Task{T}}, string)"/>:
/// who calls must have the privilege, a fault becomes the status that clients know, anything else is logged as a defect and
/// answered without details.
/// </summary>
internal sealed partial class MilvusEndpoint(Store store, EngineMetrics metrics, Admission admission, EngineOptions options, ILogger<MilvusEndpoint> log) : MilvusService.MilvusServiceBase
{
    /// <summary>Where the middleware leaves who is calling; empty when logins are off.</summary>
    public const string UserItem = "demarc.user";

    /// <summary>Set when they are here for a while only.</summary>
    public const string TemporaryItem = "demarc.temporary";

    /// <summary>The header in which clients name the database they work in.</summary>
    public const string DatabaseHeader = "dbname";

    private EngineState State => store.State;

    private async Task<T> Run<T>(IMessage request, ServerCallContext context, Func<Call, Task<T>> act, [CallerMemberName] string method = "")
        where T : IMessage<T>, new()
    {
        var begun = metrics.Begin();
        var succeeded = false;
        try
        {
            var call = Call.Of(request, context);
            if (call.Temporary && !TemporaryLogins.MayCall(method))
            {
                throw Faults.NotPermitted($"permission deny to {call.User}: it may only read");
            }

            AccessCheck.Require(State, call, request);
            using var ticket = await admission.Enter(request, call.Cancel);
            var answer = await act(call);
            succeeded = true;
            return answer;
        }
        catch (Fault fault)
        {
            return Refused<T>(fault);
        }
        catch (Filters.FilterException e)
        {
            return Refused<T>(Faults.Invalid(e.Message));
        }
        catch (OperationCanceledException)
        {
            return Refused<T>(new Fault(10000, "the call was canceled"));
        }
        catch (Exception e)
        {
            log.Defect(e, method);
            return Refused<T>(Faults.Unexpected($"{method} failed by a defect of the engine; its log has the details"));
        }
        finally
        {
            var elapsed = metrics.End(method, begun, succeeded);
            if (options.Slow > TimeSpan.Zero && elapsed >= options.Slow)
            {
                metrics.Slow(method);
                log.Slow(method, Call.CollectionOf(request), (long)elapsed.TotalMilliseconds);
            }
        }
    }

    private Task<T> Run<T>(IMessage request, ServerCallContext context, Func<Call, T> act, [CallerMemberName] string method = "")
        where T : IMessage<T>, new() => Run(request, context, call => Task.FromResult(act(call)), method);

    /// <summary>A call that changes the catalogue: decided in the writer's turn, answered with a bare status.</summary>
    private Task<Protocol.Status> Change(IMessage request, ServerCallContext context, Func<Call, LogOp?> decide, [CallerMemberName] string method = "") =>
        Run(
            request,
            context,
            async call =>
            {
                await store.Decide(() => decide(call));
                return Success();
            },
            method);

    private static T Refused<T>(Fault fault)
        where T : IMessage<T>, new()
    {
        var status = fault.ToStatus();
        if (status is T bare)
        {
            return bare;
        }

        var answer = new T();
        (answer.Descriptor.FindFieldByName("status") ?? answer.Descriptor.FindFieldByName("alter_status")).Accessor.SetValue(answer, status);
        return answer;
    }

    private static Protocol.Status Success() => new();

    private static LogOp Batch(IEnumerable<LogOp> ops)
    {
        var batch = new BatchOp();
        batch.Ops.Add(ops);
        return new LogOp { Batch = batch };
    }

    private StoredDatabase CheckDatabase(string name) =>
        State.Names.Databases.TryGetValue(name, out var found) ? found : throw Faults.DatabaseNotFound(name);

    private CollectionRows Collection(Call call, string name)
    {
        CheckDatabase(call.Database);
        return name.Length == 0 ? throw Faults.Invalid("collection name should not be empty") : State.Find(call.Database, name);
    }

    private CollectionDefinition Definition(Call call, string name) => Collection(call, name).View.Definition;

    private static StoredPartition Partition(CollectionDefinition definition, string name) =>
        definition.Partition(name) ?? throw Faults.PartitionNotFound(name);

    /// <summary>The partitions a read is about; null for all. With a partition key, clients may not name any.</summary>
    private static HashSet<long>? PartitionIds(CollectionDefinition definition, RepeatedField<string> names, Func<string, Fault>? refusal = null)
    {
        if (names.Count == 0)
        {
            return null;
        }

        return definition.PartitionKeyIndex >= 0
            ? throw (refusal ?? Faults.Unexpected)("not support manually specifying the partition names if partition key mode is used")
            : [.. names.Select(name => (definition.Partition(name) ?? throw Faults.Invalid($"partition name {name} not found")).Id)];
    }

    private static void Refuse(bool present, string what)
    {
        if (present)
        {
            throw Faults.NotServed(what);
        }
    }
}
