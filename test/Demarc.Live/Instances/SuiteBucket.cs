using System.Net;
using System.Net.Sockets;

namespace Demarc.Live.Instances;

/// <summary>
/// The bucket that the suite of the official SDK uploads its import files to, as far as that suite needs one: objects are put,
/// read and removed. They become files of a folder, which is where the engine imports from.
/// </summary>
public sealed class SuiteBucket : IAsyncDisposable
{
    private const string Location = """<?xml version="1.0" encoding="UTF-8"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>""";
    private readonly HttpListener listener = new();
    private readonly string folder;
    private readonly Task serving;

    public SuiteBucket(string folder)
    {
        this.folder = folder;
        Directory.CreateDirectory(folder);
        Port = FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        listener.Start();
        serving = ServeAsync();
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        listener.Close();
        await serving;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext call;
            try
            {
                call = await listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            await AnswerAsync(call);
            call.Response.Close();
        }
    }

    private async Task AnswerAsync(HttpListenerContext call)
    {
        // The path is /bucket/key…; the bucket's name does not matter, there is one.
        var key = Uri.UnescapeDataString(call.Request.Url!.AbsolutePath).TrimStart('/').Split('/', 2) is [_, { Length: > 0 } rest] ? rest : null;
        if (key is null)
        {
            await call.Response.OutputStream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(Location));
            return;
        }

        var file = Path.GetFullPath(Path.Combine(folder, key));
        if (!file.StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            call.Response.StatusCode = 400;
            return;
        }

        switch (call.Request.HttpMethod)
        {
            case "PUT":
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await using (var to = File.Create(file)) await call.Request.InputStream.CopyToAsync(to);
                call.Response.Headers["ETag"] = "\"0\"";
                break;
            case "DELETE":
                File.Delete(file);
                call.Response.StatusCode = 204;
                break;
            case "GET" when File.Exists(file):
                await using (var from = File.OpenRead(file)) await from.CopyToAsync(call.Response.OutputStream);
                break;
            default:
                call.Response.StatusCode = File.Exists(file) ? 200 : 404;
                break;
        }
    }
}
