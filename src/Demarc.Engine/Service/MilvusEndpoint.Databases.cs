using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>Databases: names for sets of collections, with properties of their own.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateDatabase(CreateDatabaseRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            NameRules.CheckDatabase(request.DbName);
            var databases = State.Names.Databases;
            if (databases.ContainsKey(request.DbName))
            {
                throw Faults.DatabaseExists(request.DbName);
            }

            if (databases.Count >= Limits.Databases)
            {
                throw Faults.TooManyDatabases();
            }

            var made = new StoredDatabase { Name = request.DbName, Id = store.Clock.NextId(), CreatedTimestamp = store.Clock.Next() };
            made.Properties.Add(request.Properties);
            return new LogOp { PutDatabase = new PutDatabaseOp { Database = made } };
        });

    public override Task<Protocol.Status> DropDatabase(DropDatabaseRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            NameRules.CheckDatabase(request.DbName);
            if (request.DbName == Faults.DefaultDatabase)
            {
                throw Faults.Invalid("can not drop default database");
            }

            CheckDatabase(request.DbName);
            return State.In(request.DbName).Any()
                ? throw Faults.Invalid($"database:{request.DbName} not empty, must drop all collections before drop database")
                : new LogOp { DropDatabase = new DropDatabaseOp { Name = request.DbName } };
        });

    public override Task<Protocol.Status> AlterDatabase(AlterDatabaseRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            if (request.Properties.Count == 0 && request.DeleteKeys.Count == 0)
            {
                throw Faults.Invalid("alter database with empty properties and delete keys, expected to set either properties or delete keys");
            }

            if (request.Properties.Count > 0 && request.DeleteKeys.Count > 0)
            {
                throw Faults.Invalid("alter database cannot modify properties and delete keys at the same time");
            }


            var changed = CheckDatabase(call.Database).Clone();
            Merge(changed.Properties, request.Properties, request.DeleteKeys);
            return new LogOp { PutDatabase = new PutDatabaseOp { Database = changed } };
        });

    public override Task<ListDatabasesResponse> ListDatabases(ListDatabasesRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var databases = State.Names.Databases.Values;
            var answer = new ListDatabasesResponse { Status = Success() };
            answer.DbNames.Add(databases.Select(d => d.Name));
            answer.DbIds.Add(databases.Select(d => d.Id));
            answer.CreatedTimestamp.Add(databases.Select(d => d.CreatedTimestamp));
            return answer;
        });

    public override Task<DescribeDatabaseResponse> DescribeDatabase(DescribeDatabaseRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            var database = CheckDatabase(call.Database);
            var answer = new DescribeDatabaseResponse { Status = Success(), DbName = database.Name, DbID = database.Id, CreatedTimestamp = database.CreatedTimestamp };
            answer.Properties.Add(database.Properties);
            return answer;
        });

    /// <summary>Sets pairs by their key and takes others away; the order of what stays is kept.</summary>
    private static void Merge(RepeatedField<Pair> pairs, IEnumerable<Pair> set, IEnumerable<string> removed)
    {
        foreach (var pair in set)
        {
            var known = pairs.FirstOrDefault(p => p.Key == pair.Key);
            if (known is null)
            {
                pairs.Add(pair.Clone());
            }
            else
            {
                known.Value = pair.Value;
            }
        }

        foreach (var key in removed)
        {
            if (pairs.FirstOrDefault(p => p.Key == key) is { } known)
            {
                pairs.Remove(known);
            }
        }
    }
}
