using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Demarc.Core.Agents;

namespace Demarc.Agent.Local;

/// <summary>This machine, as the kernel tells it.</summary>
public sealed class LinuxMachine(ImmutableArray<string> versions) : IMachine
{
    private long lastBusy;
    private long lastAll;

    public ImmutableArray<string> Versions => versions;

    public MachineFacts Machine()
    {
        long total = 0;
        long available = 0;
        foreach (var line in File.ReadLines("/proc/meminfo"))
        {
            if (line.StartsWith("MemTotal:", StringComparison.Ordinal)) total = Kib(line) / 1024;
            if (!line.StartsWith("MemAvailable:", StringComparison.Ordinal)) continue;
            available = Kib(line) / 1024;
            break;
        }

        return new MachineFacts(Environment.MachineName, RuntimeInformation.OSDescription, RuntimeInformation.OSArchitecture.ToString(), Environment.ProcessorCount, total, available, Load());
    }

    public ImmutableArray<string> Addresses() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .Where(card => card.OperationalStatus == OperationalStatus.Up || card.NetworkInterfaceType == NetworkInterfaceType.Loopback)
            .SelectMany(card => card.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address.ToString())
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];

    public ImmutableArray<int> FreePorts(IReadOnlySet<int> promised)
    {
        var free = ImmutableArray.CreateBuilder<int>(Observation.MaxFreePorts);
        for (var port = LocalLimits.FirstPort; port < LocalLimits.FirstPort + LocalLimits.PortsTried && free.Count < Observation.MaxFreePorts; port++)
        {
            if (!promised.Contains(port) && IsFree(port)) free.Add(port);
        }

        return free.ToImmutable();
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // The first line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks of all processors together.
    private double Load()
    {
        var words = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8)
            .Select(word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        var all = words.Sum();
        var busy = all - words[3] - words[4];
        var percent = all > lastAll && lastAll > 0 ? 100.0 * (busy - lastBusy) / (all - lastAll) : 0;
        lastAll = all;
        lastBusy = busy;
        return Math.Clamp(Math.Round(percent, 1), 0, 100);
    }

    private static long Kib(string line) =>
        long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
