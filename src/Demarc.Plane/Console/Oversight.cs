using System.Collections.Immutable;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Console;

/// <summary>What somebody who has to vouch for the vendor's reach is told first.</summary>
/// <param name="Days">Over how many days the past is told.</param>
/// <param name="Since">From when on.</param>
/// <param name="Powers">What the vendor may ask for.</param>
/// <param name="Changes">What it has asked for since then, newest first.</param>
/// <param name="Kinds">What its people have signed since then, by kind.</param>
/// <param name="Open">How many of its changes have not ended.</param>
public sealed record Oversight(int Days, DateTimeOffset Since, ImmutableArray<Power> Powers, ImmutableArray<Change> Changes, IReadOnlyList<(string Kind, int Count)> Kinds, int Open)
{
    /// <summary>A month, as far as reviews go.</summary>
    public const int MonthDays = 30;

    /// <summary>How many entries its people have signed since then.</summary>
    public int Signed => Kinds.Sum(kind => kind.Count);

    /// <summary>The day from which on the past is told, as in an address.</summary>
    public string SinceDay => Since.UtcDateTime.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>As of now, from the start of the day thirty days ago: links into the ledger name days.</summary>
    public static Oversight Of(LedgerView view, DateTimeOffset now)
    {
        var since = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddDays(-MonthDays);
        var theirs = view.State.Changes.Values.Where(change => change.RequestedFor == Party.Vendor).ToList();
        var filter = LedgerFilter.Everything with { Since = since, Authors = SearchRoutes.AuthorsOf(view, Party.Vendor.Word()) };
        return new Oversight(
            MonthDays, since, PartyPowers.Of(view.State, Party.Vendor), [.. theirs.Where(change => change.RequestedAt >= since).OrderByDescending(change => change.RequestedAt).ThenBy(change => change.Id.Value, StringComparer.Ordinal)],
            view.Facets.CountByKind(filter, view.Size), theirs.Count(change => !change.IsEnded));
    }
}
