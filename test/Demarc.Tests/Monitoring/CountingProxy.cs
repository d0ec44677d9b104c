using System.Net;
using System.Net.Sockets;

namespace Demarc.Tests.Monitoring;

/// <summary>A wire that counts: every byte of each direction, and every connection.</summary>
internal sealed class CountingProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> wires = [];
    private readonly int target;
    private readonly Task accepting;
    private long outward;
    private long inward;
    private int connections;

    public CountingProxy(int target)
    {
        this.target = target;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public long Outward => Interlocked.Read(ref outward);

    public long Inward => Interlocked.Read(ref inward);

    public int Connections => Volatile.Read(ref connections);

    /// <summary>The first bytes of every connection and all that followed outward, for a search.</summary>
    public MemoryStream Said { get; } = new();

    public async ValueTask DisposeAsync()
    {
        stop.Cancel();
        listener.Stop();
        await Task.WhenAll([accepting, .. wires]).ContinueWith(_ => { }, TaskScheduler.Default);
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            var client = await listener.AcceptTcpClientAsync(stop.Token);
            Interlocked.Increment(ref connections);
            wires.Add(CarryAsync(client));
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            await server.ConnectAsync(IPAddress.Loopback, target, stop.Token);
            await Task.WhenAny(PumpAsync(client, server, outwards: true), PumpAsync(server, client, outwards: false));
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool outwards)
    {
        var buffer = new byte[16 * 1024];
        while (await from.GetStream().ReadAsync(buffer, stop.Token) is > 0 and var got)
        {
            if (outwards)
            {
                Interlocked.Add(ref outward, got);
                lock (Said) Said.Write(buffer, 0, got);
            }
            else
            {
                Interlocked.Add(ref inward, got);
            }

            await to.GetStream().WriteAsync(buffer.AsMemory(0, got), stop.Token);
        }
    }
}
