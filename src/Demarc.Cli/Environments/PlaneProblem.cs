using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Demarc.Core.Environments;

namespace Demarc.Cli.Environments;

/// <summary>Turns what a plane answers when it does not do a thing (RFC 9457) into one paragraph and an exit code.</summary>
internal static partial class PlaneProblem
{
    public static CommandFailedException Unreachable(Uri address, string why) => new(
        ExitCodes.Unreachable,
        $"The plane at {address.ToString().TrimEnd('/')} cannot be reached: {why.TrimEnd('.')}.",
        "Check the address (--plane, $DEMARC_PLANE), or start the quickstart with 'demarc up'.");

    public static CommandFailedException Of(HttpStatusCode status, string body, HttpRequestMessage request)
    {
        var problem = Read(body);
        var what = problem?.Detail ?? problem?.Title ?? $"The plane answered {(int)status} to {request.Method} {request.RequestUri?.PathAndQuery}";
        if (problem?.Field is { Length: > 0 } field && !what.Contains(field, StringComparison.Ordinal)) what = $"{field}: {what}";
        return new CommandFailedException(Code(status, what), Sentence(what), problem?.Remedy is { Length: > 0 } remedy ? Sentence(remedy) : Remedy(status));
    }

    private static int Code(HttpStatusCode status, string what) => status switch
    {
        HttpStatusCode.NotFound => ExitCodes.NotFound,
        HttpStatusCode.Forbidden => ExitCodes.Refused,
        HttpStatusCode.Conflict when CharterRule().IsMatch(what) || what.Contains(" needs the permission '", StringComparison.Ordinal) => ExitCodes.Refused,
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => ExitCodes.Unreachable,
        _ => ExitCodes.Failed,
    };

    private static string? Remedy(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized => "Is your key a member's ('demarc env show'), and is this machine's clock right?",
        HttpStatusCode.Forbidden => "Act as the other party with --as, or ask somebody whose role allows it.",
        _ => null,
    };

    private static ProblemView? Read(string body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ViewJson.Default.ProblemView);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Sentence(string text)
    {
        text = Terminal.Terminal.Printable(text.Trim());
        if (FirstWord().IsMatch(text)) text = char.ToUpperInvariant(text[0]) + text[1..];
        return text.Length == 0 || text[^1] is '.' or '!' or '?' ? text : text + ".";
    }

    // The fold's words start with the path of the rule that speaks.
    [GeneratedRegex(@"(^|\s)(charter|emergency\.review|tasks\.[a-z-]+\.(owner|approval|standing|limits|override)[a-z.-]*): ")]
    private static partial Regex CharterRule();

    // A plain word, not the path of a rule or a field.
    [GeneratedRegex(@"^[a-z]+ ")]
    private static partial Regex FirstWord();
}
