using System.Collections.Concurrent;
using Demarc.Engine.Errors;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Who calls, in which database, and how they call it off.</summary>
/// <param name="Database">Named in the request, otherwise in the header of the connection, otherwise the default one.</param>
/// <param name="User">Empty when logins are off.</param>
/// <param name="Temporary">Whether they are here for a while only; the gate has let through only what reads.</param>
/// <param name="Cancel">Ends when the client no longer waits.</param>
internal readonly record struct Call(string Database, string User, bool Temporary, CancellationToken Cancel)
{
    private static readonly ConcurrentDictionary<MessageDescriptor, FieldDescriptor?> DatabaseFields = new();

    /// <summary>The collection that a request names, for the log; a dash where it names none.</summary>
    public static string CollectionOf(IMessage request) =>
        request.Descriptor.FindFieldByName("collection_name") is { FieldType: FieldType.String } field && (string)field.Accessor.GetValue(request) is { Length: > 0 } name ? name : "-";

    public static Call Of(IMessage request, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var field = DatabaseFields.GetOrAdd(request.Descriptor, static d => d.FindFieldByName("db_name") ?? d.FindFieldByName("dbName"));
        var named = field?.FieldType == FieldType.String ? (string)field.Accessor.GetValue(request) : "";
        if (named.Length == 0)
        {
            named = http.Request.Headers[MilvusEndpoint.DatabaseHeader].ToString();
        }

        return new Call(named.Length == 0 ? Faults.DefaultDatabase : named, http.Items[MilvusEndpoint.UserItem] as string ?? "", http.Items.ContainsKey(MilvusEndpoint.TemporaryItem), context.CancellationToken);
    }
}
