using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>
/// Signs the heads of all ledgers of this plane under its name. Nothing else is signed with this key: an agent that pins it knows that two
/// different notes of one size are proof against the plane.
/// </summary>
public sealed class CheckpointSigner
{
    private readonly NoteSigner signer;

    /// <summary>With the plane's name and its key.</summary>
    public CheckpointSigner(string name, SigningKey key)
    {
        signer = new NoteSigner(name, key);
        VerifierKey = signer.Key.ToString();
    }

    /// <summary>The plane's name, as it stands in signature lines and request tokens.</summary>
    public string Name => signer.Key.Name;

    /// <summary>What founding entries pin.</summary>
    public string VerifierKey { get; }

    /// <summary>The key that verifies these notes.</summary>
    public NoteKey Key => signer.Key;

    /// <summary>The first line of an environment's checkpoints.</summary>
    public static string Origin(EnvironmentId environment) => $"demarc/{environment.Value}";

    /// <summary>The signed note over the first entries of a ledger.</summary>
    public string Sign(EnvironmentId environment, long size, byte[] root) =>
        SignedNote.Sign(new Checkpoint(Origin(environment), size, root).Body, signer).ToString();

    /// <summary>The checkpoint in a note that this plane signed for the environment; null and the reason otherwise.</summary>
    public Checkpoint? Open(EnvironmentId environment, string note, out SignedNote? parsed, out string? fault) => Open(environment, note, [], out parsed, out fault);

    /// <summary>The same, where the notes of other planes that gave this ledger its order count as well.</summary>
    public Checkpoint? Open(EnvironmentId environment, string note, IEnumerable<PlaneTerm> planes, out SignedNote? parsed, out string? fault)
    {
        parsed = null;
        var read = SignedNote.Parse(note);
        if (!read.IsValid)
        {
            fault = read.Error;
            return null;
        }

        parsed = read.Note;
        if (!read.Note.IsSignedBy(signer.Key) && !planes.Any(term => NoteKey.TryParse(term.Key, out var key) && read.Note.IsSignedBy(key)))
        {
            fault = $"the note does not carry the signature of {Name}";
            return null;
        }

        if (!Checkpoint.TryParse(read.Note.Text, out var checkpoint, out fault)) return null;
        if (checkpoint.Origin == Origin(environment)) return checkpoint;
        fault = $"the checkpoint is of '{checkpoint.Origin}', not of '{Origin(environment)}'";
        return null;
    }
}
