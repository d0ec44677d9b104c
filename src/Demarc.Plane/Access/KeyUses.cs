using System.Collections.Concurrent;
using System.Globalization;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Access;

/// <summary>
/// The day on which each key was last let in. An access review needs it to find what nobody uses: whoever only looks signs nothing into the ledger. It is no
/// part of the ledger, because nobody has signed it; and no finer than a day, because when somebody looks is their own business. It is kept in a file of one
/// line for a key's first use of a day, written anew when the plane starts. A line that is lost costs a day.
/// </summary>
public sealed class KeyUses
{
    /// <summary>Keys of all environments together; uses of further ones are not remembered until old ones are forgotten.</summary>
    public const int Most = 100_000;

    /// <summary>A key that was not used for longer is remembered as never used.</summary>
    private const int Days = 400;

    private readonly ConcurrentDictionary<(string Environment, string Key), DateOnly> days = new();
    private readonly Lock gate = new();
    private readonly string file;
    private readonly TimeProvider clock;

    private KeyUses(string file, TimeProvider clock) => (this.file, this.clock) = (file, clock);

    /// <summary>Reads what is remembered; lines that cannot be read are forgotten.</summary>
    public static KeyUses Open(string file, TimeProvider clock)
    {
        var uses = new KeyUses(file, clock);
        var oldest = uses.Today.AddDays(-Days);
        if (File.Exists(file))
        {
            foreach (var line in File.ReadLines(file))
            {
                if (line.Split(' ') is not [var environment, var key, var text] || !DateOnly.TryParseExact(text, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) || day < oldest || uses.days.Count >= Most) continue;
                uses.days.AddOrUpdate((environment, key), day, (_, known) => known > day ? known : day);
            }
        }

        Hosting.PrivateFile.Write(file, string.Concat(uses.days.Select(use => Line(use.Key.Environment, use.Key.Key, use.Value))));
        return uses;
    }

    /// <summary>The key of a member was let in now.</summary>
    public void Note(EnvironmentId environment, PublicKey key)
    {
        var (name, today) = ((environment.Value, key.KeyId), Today);
        if (days.TryGetValue(name, out var known) ? known >= today : days.Count >= Most) return;
        lock (gate)
        {
            if (days.TryGetValue(name, out known) && known >= today) return;
            days[name] = today;
            File.AppendAllText(file, Line(environment.Value, key.KeyId, today));
        }
    }

    /// <summary>The day of a key's last use; null when none is known.</summary>
    public DateOnly? Of(EnvironmentId environment, string key) => days.TryGetValue((environment.Value, key), out var day) ? day : null;

    private DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    private static string Line(string environment, string key, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{environment} {key} {day:O}\n");
}
