using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Aliases: further names of a collection, wherever a name is taken.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateAlias(CreateAliasRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            CheckAlias(call, request.Alias, request.CollectionName);
            var target = Target(call, request.CollectionName) ?? throw Faults.CollectionNotFound(request.CollectionName, call.Database);
            if (!State.Names.Aliases.TryGetValue((call.Database, request.Alias), out var known))
            {
                return PutAlias(call, request.Alias, target);
            }

            return known == target.Id ? null : throw Faults.AliasExists(call.Database, request.Alias, State.Find(known)!.Definition.Name);
        });

    public override Task<Protocol.Status> AlterAlias(AlterAliasRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            CheckAlias(call, request.Alias, request.CollectionName);
            var target = Target(call, request.CollectionName) ?? throw Faults.NameNotFound(request.CollectionName);
            return State.Names.Aliases.ContainsKey((call.Database, request.Alias))
                ? PutAlias(call, request.Alias, target)
                : throw Faults.AliasNotFound(call.Database, request.Alias);
        });

    public override Task<Protocol.Status> DropAlias(DropAliasRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            CheckDatabase(call.Database);

            // As in Milvus, dropping what is not there succeeds.
            return State.Names.Aliases.ContainsKey((call.Database, request.Alias))
                ? new LogOp { DropAlias = new DropAliasOp { Database = call.Database, Name = request.Alias } }
                : null;
        });

    public override Task<DescribeAliasResponse> DescribeAlias(DescribeAliasRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            _ = NameRules.Alias(request.Alias);
            CheckDatabase(call.Database);
            return State.Names.Aliases.TryGetValue((call.Database, request.Alias), out var id) && State.Find(id) is { } collection
                ? new DescribeAliasResponse { Status = Success(), DbName = call.Database, Alias = request.Alias, Collection = collection.Definition.Name }
                : throw Faults.AliasNotFound(call.Database, request.Alias);
        });

    public override Task<ListAliasesResponse> ListAliases(ListAliasesRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            CheckDatabase(call.Database);
            var answer = new ListAliasesResponse { Status = Success(), DbName = call.Database, CollectionName = request.CollectionName };
            answer.Aliases.Add(request.CollectionName.Length > 0
                ? State.Names.AliasesOf((Target(call, NameRules.Collection(request.CollectionName)) ?? throw Faults.NameNotFound(request.CollectionName)).Id)
                : State.Names.Aliases.Keys.Where(a => a.Database == call.Database).Select(a => a.Name).Order(StringComparer.Ordinal));
            return answer;
        });

    private void CheckAlias(Call call, string alias, string collection)
    {
        _ = (NameRules.Alias(alias), NameRules.Collection(collection));
        CheckDatabase(call.Database);
        if (State.Names.Collections.ContainsKey((call.Database, alias)))
        {
            throw Faults.AliasTaken(call.Database, alias);
        }
    }

    /// <summary>The collection of that very name: an alias of an alias is not to be had.</summary>
    private CollectionDefinition? Target(Call call, string name) =>
        State.Names.Collections.TryGetValue((call.Database, name), out var id) ? State.Find(id)!.Definition : null;

    private static LogOp PutAlias(Call call, string alias, CollectionDefinition target) =>
        new() { PutAlias = new PutAliasOp { Alias = new StoredAlias { Database = call.Database, Name = alias, CollectionId = target.Id } } };
}
