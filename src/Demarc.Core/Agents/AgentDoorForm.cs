using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Serialization;
using Demarc.Core.Audit;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Agents;

/// <summary>
/// The form of the agent's local door, which its own machine alone can reach: one line of JSON asks (<c>{"ask":"status"}</c>), lines of JSON answer,
/// and a last line <c>{"done":true}</c> says that the answer is whole. A line with <c>error</c>, and perhaps <c>remedy</c>, says what is wrong and is the
/// last one as well. Whoever asked leaves by closing, and what was going on for them ends.
/// </summary>
public static class AgentDoorForm
{
    /// <summary>Name of the socket in the agent's data folder.</summary>
    public const string SocketName = "agent.sock";

    /// <summary>Name of the file in the agent's data folder that holds a severance for an agent that does not run: base64 of the envelope.</summary>
    public const string SeveranceName = "severance.entry";

    /// <summary>Name of the member that says what is asked.</summary>
    public const string Ask = "ask";

    /// <summary>Name of the member of the last line of a whole answer.</summary>
    public const string Done = "done";

    /// <summary>Name of the member that says what is wrong.</summary>
    public const string Error = "error";

    /// <summary>Name of the member that says what to do about it.</summary>
    public const string Remedy = "remedy";

    /// <summary>The system's own limit (<c>sun_path</c> holds 108 bytes, the last of which is zero).</summary>
    public const int MaxPathBytes = 107;

    /// <summary>The longest question.</summary>
    public const int MaxAskBytes = 64 * 1024;

    /// <summary>The longest line of an answer: one frame at its largest, in clear.</summary>
    public const int MaxAnswerBytes = 16 * 1024 * 1024;

    /// <summary>What is wrong with the path of a door, or null.</summary>
    public static string? PathFault(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var length = Encoding.UTF8.GetByteCount(path);
        return length <= MaxPathBytes ? null : $"{path} has {length} bytes, and the system takes {MaxPathBytes} at most as the path of a socket: give the agent a data folder with a shorter path";
    }
}

/// <summary>The answer to <c>status</c>.</summary>
/// <param name="Version">The agent's version.</param>
/// <param name="Name">What the machine is called in the ledger.</param>
/// <param name="Environment">Where it belongs.</param>
/// <param name="Plane">Address of the plane it dials.</param>
/// <param name="Connected">Whether the plane listens now.</param>
/// <param name="InForce">Whether this agent is the one that the ledger lets act.</param>
/// <param name="Size">Entries verified.</param>
/// <param name="Root">Hex root hash over them.</param>
/// <param name="Waiting">Entries that the plane has yet to take.</param>
/// <param name="Refusal">Why the plane is not followed; null while it is.</param>
public sealed record AgentStatusView(string Version, string Name, string Environment, string Plane, bool Connected, bool InForce, long Size, string Root, int Waiting, string? Refusal)
{
    /// <summary>The verifier key of the plane in force.</summary>
    public string PlaneKey { get; init; } = "";

    /// <summary>Whether the customer has severed the vendor.</summary>
    public bool Severed { get; init; }

    /// <summary>Whether no plane has given that its place yet.</summary>
    public bool AwaitsPlane { get; init; }

    /// <summary>The copy of the ledger in the customer's bucket; null where none is kept.</summary>
    public CopyView? Copy { get; init; }

    /// <summary>Why changes are held at the agent itself; null when they are not.</summary>
    public string? Held { get; init; }
}

/// <summary>What the agent answers when changes are held at it, or let go.</summary>
/// <param name="Held">Whether they are held now.</param>
/// <param name="Running">Changes that run at this moment: the step under way is finished first, or gone on with.</param>
public sealed record AgentHoldView(bool Held, ImmutableArray<string> Running);

/// <summary>JSON of what the door answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(AgentStatusView))]
[JsonSerializable(typeof(AgentHoldView))]
[JsonSerializable(typeof(SeveranceState))]
[JsonSerializable(typeof(RehearsedSeverance))]
[JsonSerializable(typeof(EgressRecord))]
[JsonSerializable(typeof(EgressDayTotals))]
[JsonSerializable(typeof(ImmutableArray<EgressDayTotals>))]
public sealed partial class AgentDoorJson : JsonSerializerContext;
