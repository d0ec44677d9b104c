using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Agent.Ledger;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;

namespace Demarc.Agent.Monitoring;

/// <summary>
/// Counts what leaves, per class and day, on the agent's own disk. Bytes are set aside durably before they are spent, so that neither a crash nor a
/// restart makes a day's budget larger: what was set aside and not used is lost for that day.
/// </summary>
public sealed class EgressBook
{
    private const string CountedDay = "egress.day";
    private readonly IAgentStore store;
    private readonly TimeProvider time;
    private readonly Func<EnvironmentState> state;
    private readonly long began;
    private readonly SortedDictionary<EgressClass, Counts> today = [];
    private EgressCalendar calendar;

    /// <summary>Goes on where the disk says it stood.</summary>
    /// <param name="store">The agent's disk.</param>
    /// <param name="time">Both clocks.</param>
    /// <param name="state">What both sides hold: the charter in force and the consents.</param>
    public EgressBook(IAgentStore store, TimeProvider time, Func<EnvironmentState> state)
    {
        this.store = store;
        this.time = time;
        this.state = state;
        began = time.GetTimestamp();
        var counted = DateOnly.TryParseExact(store.ReadNote(CountedDay), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : (DateOnly?)null;
        calendar = EgressCalendar.Start(counted, time.GetUtcNow(), TimeSpan.Zero);
        Load(calendar.Day);
    }

    /// <summary>The day whose budget is spent now.</summary>
    public DateOnly Day
    {
        get
        {
            calendar = calendar.Tell(time.GetUtcNow(), time.GetElapsedTime(began));
            if (calendar.Day != loaded) Turn(calendar.Day);
            return calendar.Day;
        }
    }

    private DateOnly loaded;

    /// <summary>What a class may spend on the day that counts.</summary>
    public long Cap(EgressClass which) => EgressBudget.Of(state(), which, Day);

    /// <summary>What it has spent.</summary>
    public long Spent(EgressClass which)
    {
        _ = Day;
        return Of(which).Bytes;
    }

    /// <summary>Whether there is room for so many bytes.</summary>
    public bool HasRoom(EgressClass which, long bytes) => Spent(which) + bytes <= Cap(which);

    /// <summary>Spends, durably, if there is room; false changes nothing.</summary>
    public bool Spend(EgressClass which, long bytes)
    {
        if (!HasRoom(which, bytes)) return false;
        Charge(which, bytes);
        return true;
    }

    /// <summary>Counts what has left already, room or not.</summary>
    public void Charge(EgressClass which, long bytes)
    {
        _ = Day;
        var counts = Of(which);
        counts.Bytes += bytes;
        counts.Frames++;
        if (counts.Bytes <= counts.SetAside) return;
        counts.SetAside = counts.Bytes + EgressLimits.Reserve;
        Save();
    }

    /// <summary>Counts a frame that was dropped for want of room.</summary>
    public void Dropped(EgressClass which)
    {
        _ = Day;
        Of(which).Dropped++;
    }

    /// <summary>Counts a frame that did not leave as it was, whatever room there was.</summary>
    public void Withheld(EgressClass which)
    {
        _ = Day;
        Of(which).Withheld++;
        // It raises a finding, which a restart must not forget.
        Save();
    }

    /// <summary>Writes what was really spent, when the agent stops in good order.</summary>
    public void Settle()
    {
        foreach (var counts in today.Values) counts.SetAside = counts.Bytes;
        Save();
    }

    /// <summary>The last days, newest first; <paramref name="waiting"/> says what waits now.</summary>
    public ImmutableArray<EgressDayTotals> Days(int number, Func<EgressClass, long> waiting)
    {
        var day = Day;
        var days = ImmutableArray.CreateBuilder<EgressDayTotals>();
        days.Add(new EgressDayTotals(day, [.. EgressClasses.All.Select(which => Total(which, day, Of(which).Note(which), waiting(which)))]));
        for (var back = 1; back < Math.Min(number, EgressLimits.Days); back++)
        {
            if (Read(day.AddDays(-back)) is not { } note) continue;
            days.Add(new EgressDayTotals(note.Day, [.. EgressClasses.All.Select(which => Total(which, note.Day, note.Classes.FirstOrDefault(c => c.Class == which) ?? new EgressClassNote(which, 0, 0, 0, 0), 0))]));
        }

        return days.ToImmutable();
    }

    private EgressTotal Total(EgressClass which, DateOnly day, EgressClassNote note, long waiting)
    {
        var now = state();
        return new EgressTotal(which, note.Frames, note.Bytes, EgressBudget.Of(now, which, day), EgressBudget.Consented(now, which, day), note.Dropped, waiting, note.Withheld);
    }

    private Counts Of(EgressClass which) => today.TryGetValue(which, out var counts) ? counts : today[which] = new Counts();

    private void Turn(DateOnly day)
    {
        foreach (var counts in today.Values) counts.SetAside = counts.Bytes;
        Save();
        Load(day);
        Save();
    }

    // A day that was counted before goes on where it stood: no label has a second budget.
    private void Load(DateOnly day)
    {
        today.Clear();
        loaded = day;
        foreach (var note in Read(day)?.Classes ?? []) today[note.Class] = new Counts { Frames = note.Frames, Bytes = note.Bytes, SetAside = note.Bytes, Dropped = note.Dropped, Withheld = note.Withheld };
    }

    private void Save()
    {
        var note = new EgressDayNote(loaded, [.. today.Select(pair => pair.Value.Note(pair.Key) with { Bytes = Math.Max(pair.Value.SetAside, pair.Value.Bytes) })]);
        store.WriteNote(Name(loaded), JsonSerializer.Serialize(note, EgressJson.Default.EgressDayNote));
        var day = loaded.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        if (store.ReadNote(CountedDay) != day) store.WriteNote(CountedDay, day);
    }

    private EgressDayNote? Read(DateOnly day) =>
        store.ReadNote(Name(day)) is { } text && JsonSerializer.Deserialize(text, EgressJson.Default.EgressDayNote) is { } note && note.Day == day ? note : null;

    // A ring: the same row is written again when its day is long past.
    private static string Name(DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"egress.{day.DayNumber % EgressLimits.Days}");

    private sealed class Counts
    {
        public long Frames { get; set; }

        public long Bytes { get; set; }

        public long SetAside { get; set; }

        public long Dropped { get; set; }

        public long Withheld { get; set; }

        public EgressClassNote Note(EgressClass which) => new(which, Frames, Bytes, Dropped, Withheld);
    }
}

/// <summary>A day as it is kept.</summary>
internal sealed record EgressDayNote(DateOnly Day, ImmutableArray<EgressClassNote> Classes);

/// <summary>One class of it.</summary>
internal sealed record EgressClassNote(EgressClass Class, long Frames, long Bytes, long Dropped, long Withheld);

/// <summary>How days are kept, and frames in the mirror.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(EgressDayNote))]
internal sealed partial class EgressJson : JsonSerializerContext;
