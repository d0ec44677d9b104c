using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>One readable line per event: time, level, message.</summary>
internal sealed class LineLogger(TextWriter to, LogLevel least, TimeProvider time) : ILogger
{
    private readonly Lock gate = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var text = formatter(state, exception).ReplaceLineEndings(" ");
        var line = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {Word(logLevel)} {text}");
        lock (gate)
        {
            to.WriteLine(line);
            to.Flush();
        }
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        LogLevel.Error => "error",
        LogLevel.Critical => "CRIT ",
        LogLevel.None => "none ",
    };
}
