using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Net.Client;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Bench.Engine;

/// <summary>The engine as an operator starts it, on a prepared folder, with a client.</summary>
internal sealed class EngineUnderTest : IAsyncDisposable
{
    private readonly Process process;
    private readonly GrpcChannel channel;

    private EngineUnderTest(Process process, string address)
    {
        this.process = process;
        channel = GrpcChannel.ForAddress("http://" + address);
        Client = new MilvusService.MilvusServiceClient(channel);
    }

    public MilvusService.MilvusServiceClient Client { get; }

    /// <summary>Starts it; comes back when it says that it serves.</summary>
    public static async Task<EngineUnderTest> StartAsync(string folder, params string[] options)
    {
        var programs = Environment.GetEnvironmentVariable("DEMARC_BIN");
        var own = programs is null ? null : Path.Combine(programs, "demarc-engine");
        var start = own is not null && File.Exists(own) ? new ProcessStartInfo(own) : new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "demarc-engine.dll")]);
        start.RedirectStandardError = true;
        foreach (var argument in (string[])["--data", folder, "--port", "0", "--metrics-port", "0", .. options])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        var said = "";
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.Contains(" serves ", StringComparison.Ordinal))
            {
                _ = process.StandardError.ReadToEndAsync();
                var words = line.Split(' ');
                return new EngineUnderTest(process, words[Array.IndexOf(words, "on") + 1].TrimEnd(','));
            }

            said += line + "\n";
        }

        throw new InvalidOperationException("The engine ended before it served: " + said);
    }

    public static SearchRequest Search(ReadOnlySpan<float> vector, int limit, int ef)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(MemoryMarshal.AsBytes(vector)) } } } };
        return new SearchRequest
        {
            CollectionName = StoredCollection.Name,
            DslType = DslType.BoolExprV1,
            PlaceholderGroup = group.ToByteString(),
            Nq = 1,
            SearchParams = { new Pair { Key = "topk", Value = $"{limit}" }, new Pair { Key = "anns_field", Value = "vec" }, new Pair { Key = "ef", Value = $"{ef}" } },
        };
    }

    public async Task<IReadOnlyList<long>> FoundAsync(SearchRequest request)
    {
        var answer = await Client.SearchAsync(request);
        return answer.Status.Code == 0 ? answer.Results.Ids.IntId.Data : throw new InvalidOperationException(answer.Status.Reason);
    }

    /// <summary>A figure of /proc/PID/status in bytes.</summary>
    public long Memory(string name)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    public async ValueTask DisposeAsync()
    {
        channel.Dispose();
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
