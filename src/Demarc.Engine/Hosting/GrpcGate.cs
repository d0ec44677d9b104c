using Demarc.Engine.Credentials;
using Demarc.Engine.Measures;
using Demarc.Engine.Rest;
using Demarc.Engine.Service;

namespace Demarc.Engine.Hosting;

/// <summary>
/// Stands before every gRPC call: no call passes without a login once there is one, methods that do not exist included.
/// A refusal is a trailers-only answer, as Milvus gives it.
/// </summary>
internal static class GrpcGate
{
    private const int Unauthenticated = 16;
    private const int PermissionDenied = 7;
    private const int Unimplemented = 12;
    private const int ResourceExhausted = 8;

    public static void UseLogin(this WebApplication app, LoginCheck check, EngineMetrics metrics, ILogger log) =>
        app.Use(async (context, next) =>
        {
            if (!context.Request.Path.StartsWithSegments("/healthz", StringComparison.Ordinal) && !context.Request.Path.StartsWithSegments("/metrics", StringComparison.Ordinal))
            {
                var rest = context.Request.Path.StartsWithSegments("/v2", StringComparison.Ordinal);
                var header = rest ? FromBearer(context.Request.Headers.Authorization) : context.Request.Headers.Authorization.ToString() is { Length: > 0 } sent ? sent : null;
                var login = await check.Check(header);
                if (login.User is null)
                {
                    metrics.LoginRefused();
                    log.LoginRefused(NameIn(header), context.Connection.RemoteIpAddress?.ToString() ?? "unknown");
                    if (rest)
                    {
                        await RestRoutes.Refuse(context, login.Busy ? StatusCodes.Status429TooManyRequests : StatusCodes.Status401Unauthorized, 1800, $"user hasn't authenticated: {login.Refusal}");
                        return;
                    }

                    Refuse(context, login.Busy ? ResourceExhausted : Unauthenticated, login.Refusal!);
                    return;
                }

                if (login.ReadOnly && !rest && !TemporaryLogins.MayCall(context.Request.Path.Value?.Split('/').LastOrDefault() ?? ""))
                {
                    Refuse(context, PermissionDenied, $"permission deny to {login.User}: it may only read");
                    return;
                }

                context.Items[MilvusEndpoint.UserItem] = login.User;
                if (login.ReadOnly)
                {
                    context.Items[MilvusEndpoint.TemporaryItem] = true;
                }
            }

            await next(context);
        });

    /// <summary>Answers calls of methods that are not served, with the method's name.</summary>
    public static void MapUnserved(this WebApplication app) =>
        app.MapFallback(context =>
        {
            if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
            {
                var method = context.Request.Path.Value?.Split('/').LastOrDefault() ?? "";
                Refuse(context, Unimplemented, $"method {method} is not served by demarc-engine");
            }
            else if (context.Request.Path.StartsWithSegments("/v2", StringComparison.Ordinal))
            {
                return RestRoutes.Refuse(context, StatusCodes.Status404NotFound, 3000, $"{context.Request.Path} is not served by demarc-engine: unsupported operation");
            }
            else
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
            }

            return Task.CompletedTask;
        });

    /// <summary>The RESTful interface's `Bearer user:password` in the form that the gRPC one has; Basic stands for itself.</summary>
    private static string? FromBearer(string? header)
    {
        const string bearer = "Bearer ", basic = "Basic ";
        return header is null ? null
            : header.StartsWith(bearer, StringComparison.OrdinalIgnoreCase) ? Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(header[bearer.Length..].Trim()))
            : header.StartsWith(basic, StringComparison.OrdinalIgnoreCase) ? header[basic.Length..].Trim()
            : header;
    }

    private static void Refuse(HttpContext context, int code, string message)
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = code.ToString(System.Globalization.CultureInfo.InvariantCulture);
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(message).Replace("%20", " ", StringComparison.Ordinal).Replace("%2C", ",", StringComparison.Ordinal);
    }

    /// <summary>The user name of a refused login, for the log; never the password, and only what a name may hold.</summary>
    private static string NameIn(string? header)
    {
        var bytes = new byte[(((header?.Length ?? 0) / 4) + 1) * 3];
        if (header is null || !Convert.TryFromBase64String(header, bytes, out var length))
        {
            return "unknown";
        }

        var colon = bytes.AsSpan(0, length).IndexOf((byte)':');
        var name = colon is > 0 and <= Limits.UserNameLength ? System.Text.Encoding.UTF8.GetString(bytes, 0, colon) : "";
        return name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') ? name : "unknown";
    }
}
