using System.Collections.Immutable;

namespace Demarc.Core.Monitoring;

/// <summary>What has left, and what has not, of one class on one day.</summary>
/// <param name="Class">Which class.</param>
/// <param name="Frames">Frames that left.</param>
/// <param name="Bytes">Bytes that left, with <see cref="EgressLimits.FrameOverhead"/> for each frame. Never too few: after a crash they include what had been set aside.</param>
/// <param name="Cap">What may leave on that day.</param>
/// <param name="Consented">How much of that the customer has allowed beyond the charter.</param>
/// <param name="Dropped">Frames that found no room and were dropped, because a newer one is worth more.</param>
/// <param name="Waiting">Frames that wait for room now.</param>
/// <param name="Withheld">Frames that did not fit their schema, or parts of frames that were taken out, whatever room there was.</param>
public sealed record EgressTotal(
    [property: Public] EgressClass Class,
    [property: Public] long Frames,
    [property: Public] long Bytes,
    [property: Public] long Cap,
    [property: Public] long Consented,
    [property: Public] long Dropped,
    [property: Public] long Waiting,
    [property: Public] long Withheld);

/// <summary>All classes on one day.</summary>
/// <param name="Day">The UTC day.</param>
/// <param name="Classes">One line for each class.</param>
public sealed record EgressDayTotals([property: Public] DateOnly Day, [property: Public] ImmutableArray<EgressTotal> Classes);

/// <summary>A frame as the agent's gate saw it: what an inspector prints, and what the mirror keeps.</summary>
/// <param name="Seq">Counted from the agent's start.</param>
/// <param name="At">When.</param>
/// <param name="Class">Its class.</param>
/// <param name="Frame">What kind of frame it is.</param>
/// <param name="Bytes">What it counts for.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Why">Why it did not leave, or what was taken out of it; null when it left as it was.</param>
/// <param name="Spent">What its class has spent on this day, this frame included.</param>
/// <param name="Cap">What its class may spend on this day.</param>
public sealed record EgressRecord(long Seq, DateTimeOffset At, EgressClass Class, string Frame, long Bytes, EgressVerdict Verdict, string? Why, long Spent, long Cap);

/// <summary>What became of a frame.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<EgressVerdict>))]
public enum EgressVerdict
{
    /// <summary>It was handed to the transport.</summary>
    [System.Text.Json.Serialization.JsonStringEnumMemberName("sent")] Sent,

    /// <summary>It waits: the day's budget of its class is spent.</summary>
    [System.Text.Json.Serialization.JsonStringEnumMemberName("held")] Held,

    /// <summary>It was dropped: the day's budget of its class is spent, and a newer one will be worth more.</summary>
    [System.Text.Json.Serialization.JsonStringEnumMemberName("dropped")] Dropped,

    /// <summary>It never leaves: it does not fit its schema.</summary>
    [System.Text.Json.Serialization.JsonStringEnumMemberName("withheld")] Withheld,
}
