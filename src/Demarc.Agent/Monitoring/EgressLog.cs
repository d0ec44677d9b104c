using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Monitoring;

/// <summary>What the gate logs; never what stood in a frame.</summary>
internal static partial class EgressLog
{
    [LoggerMessage(60, LogLevel.Warning, "The day's budget for {Class} is spent ({Spent} of {Cap} bytes): what goes beyond does not leave")]
    public static partial void Full(ILogger log, string @class, long spent, long cap);

    [LoggerMessage(61, LogLevel.Error, "WITHHELD ({Class}): {Why}")]
    public static partial void Withheld(ILogger log, string @class, string why);
}
