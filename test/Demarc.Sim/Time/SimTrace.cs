using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Demarc.Sim;

/// <summary>Everything that happened, as one number that two equal runs share, and the last lines in words.</summary>
internal sealed class SimTrace(Action<string>? print)
{
    private const int Kept = 50;

    private readonly Queue<string> last = new();
    private ulong hash = 14695981039346656037;

    public ulong Hash => hash;

    public IEnumerable<string> Last => last;

    public void Pick(int at, int of) => Mix((uint)at * 65537u + (uint)of);

    public void Line(TimeSpan at, string who, string what)
    {
        Mix((ulong)at.Ticks);
        foreach (var c in what) Mix(c);
        var line = string.Create(CultureInfo.InvariantCulture, $"{at.TotalSeconds,10:0.000} {who,-8} {what}");
        if (last.Count == Kept) last.Dequeue();
        last.Enqueue(line);
        print?.Invoke(line);
    }

    private void Mix(ulong value) => hash = (hash ^ value) * 1099511628211;
}

/// <summary>What production code logs goes into the trace: two runs that log differently are different runs.</summary>
internal sealed class SimLog(SimLoop loop, SimProcess process) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (process.IsAlive) loop.Trace.Line(loop.Now, process.Name, formatter(state, exception));
    }
}
