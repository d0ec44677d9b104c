using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Threading.Channels;
using Demarc.Cli.Environments;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary>
/// Watches one change. The truth is what the plane answers for it; its stream of events only says when to ask again and how far a step
/// is. Without the stream the answer is asked for at short intervals, so that a proxy that swallows streams costs nothing but requests.
/// </summary>
internal sealed class ChangeFollower(Invocation invocation, PlaneClient client)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AskAgainWhenToldOtherwise = TimeSpan.FromMilliseconds(500);

    private readonly Channel<bool> news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile bool streaming;
    private volatile StepNews? latest;

    /// <summary>How far a step is, as the agent tells while it works.</summary>
    internal sealed record StepNews(string Change, int Step, double Fraction, string Message);

    /// <summary>Asks until <paramref name="enough"/> says so, and shows each answer; ends with exit code 7 when patience runs out.</summary>
    public async Task<ChangeView> UntilAsync(string change, Func<ChangeView, bool> enough, Action<ChangeView, StepNews?>? show = null)
    {
        var path = $"{invocation.Path}/changes/{change}";
        var time = invocation.Host.Time;
        var since = time.GetTimestamp();
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(invocation.Stop);
        var listener = ListenAsync(listening.Token);
        try
        {
            while (true)
            {
                var view = await client.GetAsync(path, ViewJson.Default.ChangeView, invocation.Stop);
                show?.Invoke(view, latest?.Change == change ? latest : null);
                if (enough(view)) return view;
                if (time.GetElapsedTime(since) > invocation.Patience)
                    throw new CommandFailedException(ExitCodes.TimedOut, $"Change {change} is {view.Status} after {invocation.Patience.TotalSeconds:0} s of waiting.", $"It goes on without us: 'demarc changes follow {change}'.");
                await NewsAsync(time);
            }
        }
        finally
        {
            await listening.CancelAsync();
            await listener;
        }
    }

    private async Task NewsAsync(TimeProvider time)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(invocation.Stop);
        var told = news.Reader.WaitToReadAsync(enough.Token).AsTask();
        await Task.WhenAny(told, Task.Delay(streaming ? AskAgainWhenToldOtherwise : AskAgain, time, enough.Token));
        await enough.CancelAsync();
        invocation.Stop.ThrowIfCancellationRequested();
        news.Reader.TryRead(out _);
    }

    private async Task ListenAsync(CancellationToken stop)
    {
        try
        {
            await using var stream = await client.EventsAsync($"{invocation.Path}/events", stop);
            streaming = true;
            await foreach (var item in SseParser.Create(stream).EnumerateAsync(stop))
            {
                if (Progress(item.Data) is { } progress) latest = progress;
                news.Writer.TryWrite(true);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or HttpRequestException or CommandFailedException)
        {
            // The stream only makes us quicker; asking goes on without it.
        }
        finally
        {
            streaming = false;
        }
    }

    private static StepNews? Progress(string data)
    {
        if (data.Length == 0 || data[0] != '{') return null;
        try
        {
            using var json = JsonDocument.Parse(data, new JsonDocumentOptions { MaxDepth = 4 });
            var root = json.RootElement;
            return root.TryGetProperty("change", out var change) && root.TryGetProperty("fraction", out var fraction) && root.TryGetProperty("step", out var step)
                ? new StepNews(change.GetString() ?? "", step.GetInt32(), fraction.GetDouble(), root.TryGetProperty("message", out var message) ? message.GetString() ?? "" : "")
                : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
