using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Demarc.Core.Monitoring;

/// <summary>What leaves the customer's account towards the vendor, by what it is for. Each class has a budget of its own per day.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EgressClass>))]
public enum EgressClass
{
    /// <summary>Entries that the agent wrote.</summary>
    [JsonStringEnumMemberName("ledger")] Ledger,

    /// <summary>Checkpoints that it has verified and signed.</summary>
    [JsonStringEnumMemberName("countersignature")] Countersignature,

    /// <summary>What it sees of machine, bucket and instances.</summary>
    [JsonStringEnumMemberName("observation")] Observation,

    /// <summary>How far a running change is.</summary>
    [JsonStringEnumMemberName("progress")] Progress,

    /// <summary>What keeps the conversation going: joining, certificates, hello, ping, and the word that refuses a plane.</summary>
    [JsonStringEnumMemberName("control")] Control,

    /// <summary>What an emergency session shows.</summary>
    [JsonStringEnumMemberName("session")] Session,

    /// <summary>A diagnostic bundle.</summary>
    [JsonStringEnumMemberName("bundle")] Bundle,
}

/// <summary>The words for classes that charters, commands and reports use.</summary>
public static class EgressClasses
{
    /// <summary>All of them, in the order of every table.</summary>
    public static ImmutableArray<EgressClass> All { get; } = [.. Enum.GetValues<EgressClass>()];

    /// <summary>The words, in the same order.</summary>
    public static ImmutableArray<string> Words { get; } = [.. All.Select(Word)];

    /// <summary>The word.</summary>
    public static string Word(this EgressClass which) => which switch
    {
        EgressClass.Ledger => "ledger",
        EgressClass.Countersignature => "countersignature",
        EgressClass.Observation => "observation",
        EgressClass.Progress => "progress",
        EgressClass.Control => "control",
        EgressClass.Session => "session",
        EgressClass.Bundle => "bundle",
    };

    /// <summary>Whether what finds no room today waits for it. What does not wait is dropped: only the newest of it is of any worth.</summary>
    public static bool Waits(this EgressClass which) => which switch
    {
        EgressClass.Ledger or EgressClass.Countersignature or EgressClass.Control => true,
        EgressClass.Observation or EgressClass.Progress or EgressClass.Session or EgressClass.Bundle => false,
    };

    /// <summary>The class of a word, or null.</summary>
    public static EgressClass? ByWord(string? word)
    {
        foreach (var which in All)
        {
            if (which.Word() == word) return which;
        }

        return null;
    }
}

/// <summary>Bounds of what leaves.</summary>
public static class EgressLimits
{
    private const long Mib = 1024 * 1024;

    /// <summary>
    /// Added to every frame's own bytes before they count: more than gRPC (5), HTTP/2 (9) and TLS 1.3 (22) put around one frame, so that many small
    /// frames cost what they cost on the wire.
    /// </summary>
    public const int FrameOverhead = 64;

    /// <summary>Bytes that are set aside on disk ahead of being spent: a crash loses the rest of them and never counts too little.</summary>
    public const long Reserve = 16 * 1024;

    /// <summary>From here on the customer is told: the finding itself still finds room.</summary>
    public const int WarnPercent = 80;

    /// <summary>Days that are kept for reports.</summary>
    public const int Days = 400;

    /// <summary>The most that one consent can add: more is a matter for the charter.</summary>
    public const long MaxConsent = 1024 * Mib;

    /// <summary>How many days ahead a consent can be for.</summary>
    public const int ConsentAhead = 7;

    /// <summary>Consents that are kept at once; those of past days make room.</summary>
    public const int MaxConsents = 200;

    /// <summary>How far the wall clock may move away from the one that never jumps before it is not believed.</summary>
    public static TimeSpan Doubt { get; } = TimeSpan.FromHours(1);

    /// <summary>Bytes per UTC day of a class that the charter does not name.</summary>
    public static long Default(EgressClass which) => which switch
    {
        // An agent that heals an instance every minute writes 20 MiB of entries.
        EgressClass.Ledger => 64 * Mib,
        // One per batch; each has about 1 KiB.
        EgressClass.Countersignature => 16 * Mib,
        // One each 10 seconds, of 1 to 3 KiB.
        EgressClass.Observation => 32 * Mib,
        EgressClass.Progress => 8 * Mib,
        // A ping each 10 seconds makes 1 MiB.
        EgressClass.Control => 8 * Mib,
        // A person's terminal for a working day.
        EgressClass.Session => 64 * Mib,
        EgressClass.Bundle => 16 * Mib,
    };
}
