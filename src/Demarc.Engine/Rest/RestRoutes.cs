using System.Text.Json;
using Demarc.Engine.Errors;
using Demarc.Engine.Service;

namespace Demarc.Engine.Rest;

/// <summary>
/// Milvus's RESTful interface, version 2, on the port of the gRPC one. Each route turns its JSON into the message that a
/// gRPC client would have sent and gives it to the same core, so privileges, checks and words are the same.
/// </summary>
internal static class RestRoutes
{
    public const string Prefix = "/v2/vectordb/";

    private static readonly Dictionary<string, Func<RestCall, Task<object>>> Routes = All();

    /// <summary>Every path that is served, for the documents and their test.</summary>
    public static IEnumerable<string> Paths => Routes.Keys.Order(StringComparer.Ordinal);

    public static void MapRest(this WebApplication app)
    {
        foreach (var (path, handler) in Routes)
        {
            app.MapPost(Prefix + path, context => Serve(context, handler));
        }
    }

    /// <summary>Writes a refusal in the form that clients of this interface read.</summary>
    public static Task Refuse(HttpContext context, int http, int code, string message)
    {
        context.Response.StatusCode = http;
        return Write(context, writer =>
        {
            writer.WriteNumber("code", code);
            writer.WriteString("message", message);
        });
    }

    private static Dictionary<string, Func<RestCall, Task<object>>> All()
    {
        var routes = new Dictionary<string, Func<RestCall, Task<object>>>(StringComparer.Ordinal);
        RestCollections.Add(routes.Add);
        RestEntities.Add(routes.Add);
        RestCatalog.Add(routes.Add);
        RestSnapshots.Add(routes.Add);
        RestAccess.Add(routes.Add);
        RestAnalyzer.Add(routes.Add);
        return routes;
    }

    private static async Task Serve(HttpContext context, Func<RestCall, Task<object>> handler)
    {
        object answer;
        try
        {
            using var body = await Body(context);
            if (body.RootElement.TryGetProperty("dbName", out _) is false && context.Request.Headers.TryGetValue("DB-Name", out var named))
            {
                context.Request.Headers[MilvusEndpoint.DatabaseHeader] = named;
            }

            answer = await handler(new RestCall(body.RootElement, context.RequestServices.GetRequiredService<MilvusEndpoint>(), new RestCallContext(context)));
        }
        catch (Fault fault)
        {
            await Refuse(context, StatusCodes.Status200OK, fault.Code, fault.Message);
            return;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException)
        {
            // JSON that parses and has a value of another kind than its name promises.
            await Refuse(context, StatusCodes.Status200OK, 1801, $"can only accept json format request, error: {e.Message}");
            return;
        }

        var (rows, described) = (answer as RestRows, answer as RestDescribed);
        await Write(context, writer =>
        {
            writer.WriteNumber("code", 0);
            if (rows is not null)
            {
                writer.WriteNumber("cost", 0);
            }

            writer.WritePropertyName("data");
            RestJson.Write(writer, rows?.Data ?? described?.Data ?? answer);
            if (described is not null)
            {
                writer.WriteString("description", described.Description);
            }

            if (rows?.Found is { } found)
            {
                writer.WritePropertyName("topks");
                RestJson.Write(writer, found);
            }
        });
    }

    private static async Task<JsonDocument> Body(HttpContext context)
    {
        if (context.Request.ContentLength > Limits.RequestBytes)
        {
            throw Faults.TooLarge($"the request has more than {Limits.RequestBytes >> 20} MiB; send it in parts");
        }

        using var buffer = new MemoryStream();
        var part = new byte[64 * 1024];
        for (int read; (read = await context.Request.Body.ReadAsync(part, context.RequestAborted)) > 0;)
        {
            if (buffer.Length + read > Limits.RequestBytes)
            {
                throw Faults.TooLarge($"the request has more than {Limits.RequestBytes >> 20} MiB; send it in parts");
            }

            buffer.Write(part, 0, read);
        }

        try
        {
            if (buffer.Length == 0)
            {
                throw new Fault(1801, "can only accept json format request, the request body should be nil, however {} is valid");
            }

            // Milvus reads null as a body without members.
            var parsed = JsonDocument.Parse(buffer.ToArray(), new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            return parsed.RootElement.ValueKind == JsonValueKind.Null ? JsonDocument.Parse("{}"u8.ToArray())
                : parsed.RootElement.ValueKind == JsonValueKind.Object ? parsed : throw new Fault(1801, "can only accept json format request, error: the body should be an object");
        }
        catch (JsonException e)
        {
            throw new Fault(1801, $"can only accept json format request, error: not JSON at byte {e.BytePositionInLine} of line {e.LineNumber}");
        }
    }

    private static async Task Write(HttpContext context, Action<Utf8JsonWriter> members)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, RestJson.Options))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.Body.WriteAsync(buffer.WrittenMemory);
    }
}
