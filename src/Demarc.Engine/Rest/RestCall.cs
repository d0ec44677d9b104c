using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Service;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Rest;

/// <summary>One request of the RESTful interface: its JSON body, read by name, and the service core that answers it.</summary>
internal sealed class RestCall(JsonElement body, MilvusEndpoint core, ServerCallContext context)
{
    public MilvusEndpoint Core => core;

    public ServerCallContext Context => context;

    public JsonElement Body => body;

    /// <summary>Empty for the default one.</summary>
    public string Database => Text("dbName");

    public string Collection => Needed("collectionName");

    public string Text(string name) => body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>Milvus's answer to a body that leaves out what is needed.</summary>
    public string Needed(string name) => Text(name) is { Length: > 0 } text ? text : throw new Fault(1802, $"missing required parameters, error: '{name}' is required");

    public JsonElement? Part(string name) => body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public JsonElement NeededPart(string name) => Part(name) ?? throw new Fault(1802, $"missing required parameters, error: '{name}' is required");

    public int Whole(string name, int absent)
    {
        if (Part(name) is not { } value)
        {
            return absent;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var whole) ? whole
            : value.ValueKind == JsonValueKind.String && int.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole) ? whole
            : throw new Fault(1801, $"can only accept json format request, error: {name} should be a whole number");
    }

    /// <summary>A number that has to be there; also as a text, because JavaScript's numbers are too short for an id.</summary>
    public long Long(string name)
    {
        var value = NeededPart(name);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole) ? whole
            : value.ValueKind == JsonValueKind.String && long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole) ? whole
            : throw new Fault(1801, $"can only accept json format request, error: {name} should be a whole number");
    }

    public bool Flag(string name) => Part(name) is { ValueKind: JsonValueKind.True };

    /// <summary>A list of texts; one text stands for a list of it.</summary>
    public IEnumerable<string> Texts(string name) => Part(name) switch
    {
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(Written),
        { ValueKind: JsonValueKind.String } one => one.GetString() is { Length: > 0 } text ? [text] : [],
        _ => [],
    };

    /// <summary>Whether the caller reads 64 bits from a number, as most do; who says that it cannot gets them as text.</summary>
    public bool WideNumbers => !context.GetHttpContext().Request.Headers.TryGetValue("Accept-Type-Allow-Int64", out var given) || given.ToString() is not ("0" or "f" or "F" or "false" or "False" or "FALSE");

    /// <summary>Refuses a name of no consistency level; every read is strong here, whatever was asked.</summary>
    public void CheckLevel()
    {
        if (Text("consistencyLevel") is { Length: > 0 } named && Level(named) is null)
        {
            throw Faults.Invalid($"consistencyLevel can only be [Strong, Session, Bounded, Eventually, Customized], default: Bounded, err:parameter:'{named}' is incorrect, please check it");
        }
    }

    public static ConsistencyLevel? Level(string named) => Enum.IsDefined(typeof(ConsistencyLevel), named) ? Enum.Parse<ConsistencyLevel>(named) : null;

    /// <summary>A value as a pair of texts has it.</summary>
    public static string Written(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    /// <summary>An object's members as pairs of texts, as the wire has them.</summary>
    public static IEnumerable<Pair> Pairs(JsonElement? of) => of is { ValueKind: JsonValueKind.Object } members
        ? members.EnumerateObject().Select(p => new Pair { Key = p.Name, Value = Written(p.Value) })
        : [];

    /// <summary>Raises what the core refused, so that every answer has one form.</summary>
    public static void Check(Protocol.Status status)
    {
        if (status.Code != 0)
        {
            throw new Fault(status.Code, status.Reason, status.ErrorCode);
        }
    }

    public static async Task<object> Done(Task<Protocol.Status> change)
    {
        Check(await change);
        return new Dictionary<string, object?>();
    }

    /// <summary>The collection as it stands, or the refusal that says why not.</summary>
    public async Task<DescribeCollectionResponse> Described()
    {
        var described = await core.DescribeCollection(new DescribeCollectionRequest { DbName = Database, CollectionName = Collection }, context);
        Check(described.Status);
        return described;
    }
}
