using System.Globalization;

namespace Demarc.Cli.Quickstart;

/// <summary>Progress as a person likes it: one line per act, with a tick and the time it took.</summary>
internal sealed class Acts(Invocation invocation)
{
    private readonly long since = invocation.Host.Time.GetTimestamp();

    /// <summary>Time since the command began.</summary>
    public TimeSpan Elapsed => invocation.Host.Time.GetElapsedTime(since);

    /// <summary>Does one act; <paramref name="done"/> says what came of it.</summary>
    public async Task<T> DoAsync<T>(string what, Func<Task<T>> act, Func<T, string> done)
    {
        var terminal = invocation.Terminal;
        var began = invocation.Host.Time.GetTimestamp();
        terminal.Overwrite($"  … {what}");
        try
        {
            var result = await act();
            terminal.Overwrite("");
            terminal.Say($"  ✓ {done(result),-72} {Ms(invocation.Host.Time.GetElapsedTime(began)),8}");
            return result;
        }
        catch
        {
            terminal.Overwrite("");
            terminal.Say($"  ✗ {what}");
            throw;
        }
    }

    public static string Ms(TimeSpan time) => time.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) + " ms";

    /// <summary>Asks again at short intervals until there is something; ends with exit code 7 when patience runs out.</summary>
    public async Task<T> UntilAsync<T>(string what, Func<Task<T?>> ask, Func<string> otherwise) where T : class
    {
        var began = invocation.Host.Time.GetTimestamp();
        while (true)
        {
            if (await ask() is { } there) return there;
            if (invocation.Host.Time.GetElapsedTime(began) > invocation.Patience)
                throw new CommandFailedException(ExitCodes.TimedOut, $"Waited {invocation.Patience.TotalSeconds:0} s for {what}.", otherwise());
            await Task.Delay(TimeSpan.FromMilliseconds(20), invocation.Host.Time, invocation.Stop);
        }
    }
}
