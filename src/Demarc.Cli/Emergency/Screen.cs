using Demarc.Core.Emergency;

namespace Demarc.Cli.Emergency;

/// <summary>
/// Shows the lines of a recording as they come: output on standard output, marks on standard error, for a program the lines themselves. What
/// comes from elsewhere can neither move the cursor nor colour anything.
/// </summary>
internal sealed class Screen(Invocation invocation, bool showsTyped)
{
    /// <summary>The mark after each command.</summary>
    public const string Ready = "ready";

    /// <summary>Shows one line; gives the event when it is one.</summary>
    public (TimeSpan At, char Code, string Text)? Show(string line)
    {
        var what = RecordingChain.Event(System.Text.Encoding.UTF8.GetBytes(line));
        if (invocation.Terminal.Json)
        {
            invocation.Terminal.Line(line);
            return what;
        }

        switch (what)
        {
            case (_, 'o', var text):
                invocation.Host.Out.Write(Plain(text));
                invocation.Host.Out.Flush();
                break;
            case (_, 'i', var typed) when showsTyped:
                invocation.Host.Out.WriteLine($"$ {Plain(typed).TrimEnd()}");
                break;
            case (_, 'm', var mark) when mark != Ready:
                invocation.Terminal.Say($"-- {Plain(mark)}");
                break;
            default:
                break;
        }

        return what;
    }

    private static string Plain(string text) => Terminal.Terminal.Printable(text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\t", "    ", StringComparison.Ordinal));
}
