using System.Globalization;

namespace Demarc.Engine.Hosting;

/// <summary>One line per event, to a file or standard error: time, level, text. Small, because it is all this process needs.</summary>
internal sealed class LineLog(TextWriter target, TimeProvider time) : ILoggerProvider
{
    private readonly Lock gate = new();

    public static LineLog Open(string? path, TimeProvider time)
    {
        if (path is null)
        {
            return new LineLog(Console.Error, time);
        }

        var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        return new LineLog(new StreamWriter(stream) { AutoFlush = true }, time);
    }

    public ILogger CreateLogger(string categoryName) => new Lines(this, categoryName.StartsWith("Demarc", StringComparison.Ordinal));

    public void Dispose() => target.Dispose();

    private void Write(LogLevel level, string text, Exception? cause)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {Name(level)} {text}");
        lock (gate)
        {
            target.WriteLine(line);
            if (cause is not null)
            {
                target.WriteLine(cause);
            }
        }
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Critical or LogLevel.Error => "ERROR",
        LogLevel.Warning => "WARN",
        _ => "INFO",
    };

    private sealed class Lines(LineLog owner, bool own) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        /// <summary>The framework's own chatter is let through only when something is wrong.</summary>
        public bool IsEnabled(LogLevel logLevel) => logLevel >= (own ? LogLevel.Information : LogLevel.Warning);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                owner.Write(logLevel, formatter(state, exception), exception);
            }
        }
    }
}
