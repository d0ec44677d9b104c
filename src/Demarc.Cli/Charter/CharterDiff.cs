using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Charter;

namespace Demarc.Cli.Charter;

/// <summary>One difference between two charters.</summary>
/// <param name="Field">Path of the field, as in <c>tasks.provision.owner</c>.</param>
/// <param name="Before">What it was; null for nothing.</param>
/// <param name="After">What it becomes; null for nothing.</param>
internal sealed record CharterDifference(string Field, string? Before, string? After);

/// <summary>What changes between two charters in meaning, not in letters.</summary>
internal static class CharterDiff
{
    public static ImmutableArray<CharterDifference> Between(CharterDocument before, CharterDocument after)
    {
        var found = ImmutableArray.CreateBuilder<CharterDifference>();
        Compare(found, "name", before.Name, after.Name);
        foreach (var row in Responsibilities.All)
        {
            var (old, now) = (before[row.Id], after[row.Id]);
            var path = $"tasks.{row.Slug}";
            Compare(found, $"{path}.owner", old.Owner.Word(), now.Owner.Word());
            foreach (var action in old.Approval.Keys.Union(now.Approval.Keys).Order(StringComparer.Ordinal))
                Compare(found, $"{path}.approval.{action}", Word(old.Approval, action), Word(now.Approval, action));
            foreach (var action in old.Standing.Union(now.Standing))
                Compare(found, $"{path}.standing", old.Standing.Contains(action) ? action : null, now.Standing.Contains(action) ? action : null);
            foreach (var limit in old.Limits.Keys.Union(now.Limits.Keys).Order(StringComparer.Ordinal))
                Compare(found, $"{path}.limits.{limit}", Number(old.Limits, limit), Number(now.Limits, limit));
        }

        return found.ToImmutable();
    }

    private static void Compare(ImmutableArray<CharterDifference>.Builder found, string field, string? before, string? after)
    {
        if (before != after) found.Add(new CharterDifference(field, before, after));
    }

    private static string? Word(ImmutableSortedDictionary<string, Owner> approval, string action) => approval.TryGetValue(action, out var who) ? who.Word() : null;

    private static string? Number(ImmutableSortedDictionary<string, long> limits, string name) => limits.TryGetValue(name, out var value) ? value.ToString(CultureInfo.InvariantCulture) : null;
}
