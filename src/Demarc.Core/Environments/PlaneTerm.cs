using Demarc.Core.Ledger;

namespace Demarc.Core.Environments;

/// <summary>A plane's time as the one that gives entries their order.</summary>
/// <param name="Key">Its verifier key (C2SP vkey).</param>
/// <param name="From">The entry that put it in force: it may sign every head from that entry on, until the next plane's.</param>
public sealed record PlaneTerm(string Key, long From);

/// <summary>
/// Whose word counts for the head of a ledger: that of the plane in force after its last entry. A head whose very last entry moves the ledger may also bear the
/// signature of the plane that hands over, whose last act it is; a severed plane gets no last act.
/// </summary>
public static class HeadSigners
{
    /// <summary>Whether a plane may sign the head at this state.</summary>
    public static bool MaySign(this EnvironmentState state, string verifierKey)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.PlaneKey == verifierKey || state.HandedOverFrom == verifierKey;
    }

    /// <summary>The key among those that may sign the head by which the note is signed; null when it is signed by none.</summary>
    public static NoteKey? SignerOf(EnvironmentState state, SignedNote note)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(note);
        foreach (var text in new[] { state.PlaneKey, state.HandedOverFrom })
        {
            if (text is not null && NoteKey.TryParse(text, out var key) && note.IsSignedBy(key)) return key;
        }

        return null;
    }

    /// <summary>The plane whose time was over, or had not begun, by which the note is signed; null when it is by none that was ever in force.</summary>
    public static PlaneTerm? OtherSignerOf(EnvironmentState state, SignedNote note)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(note);
        return state.Planes.LastOrDefault(term => NoteKey.TryParse(term.Key, out var key) && note.IsSignedBy(key));
    }
}
