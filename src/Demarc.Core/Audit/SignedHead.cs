using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Ledger;

namespace Demarc.Core.Audit;

/// <summary>The head of a ledger as somebody showed it: a checkpoint in a signed note.</summary>
/// <param name="Text">The exact note.</param>
/// <param name="Note">The same, read.</param>
/// <param name="Checkpoint">What it says.</param>
public sealed record SignedHead(string Text, SignedNote Note, Checkpoint Checkpoint)
{
    /// <summary>Reads a note without believing it yet; the fault says what is wrong with it.</summary>
    public static (SignedHead? Head, string? Fault) Read(string text)
    {
        var parsed = SignedNote.Parse(text);
        if (!parsed.IsValid) return (null, parsed.Error);
        return Checkpoint.TryParse(parsed.Note.Text, out var checkpoint, out var error) ? (new SignedHead(text, parsed.Note, checkpoint), null) : (null, error);
    }

    /// <summary>
    /// Splits a file of notes, one behind the other with an empty line between them: what several witnesses have seen. A note ends with its last signature line.
    /// </summary>
    public static ImmutableArray<string> Split(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var notes = ImmutableArray.CreateBuilder<string>();
        var note = new List<string>();
        var signed = false;
        foreach (var line in file.ReplaceLineEndings("\n").Split('\n'))
        {
            var signature = line.StartsWith("— ", StringComparison.Ordinal);
            if (signed && !signature) Close();
            if (note.Count == 0 && line.Length == 0) continue;
            note.Add(line);
            signed = signature;
        }

        Close();
        return notes.ToImmutable();

        void Close()
        {
            // What is left of a file without a last signature is handed out too: whoever reads it says what is wrong.
            while (note.Count > 0 && note[^1].Length == 0) note.RemoveAt(note.Count - 1);
            if (note.Count > 0) notes.Add(string.Join('\n', note) + "\n");
            note.Clear();
            signed = false;
        }
    }

    /// <summary>
    /// A root for people to read to each other: 128 of its 256 bits as eight groups of hex. Two histories that share them would take 2^64 tries to make.
    /// </summary>
    public static string Spoken(ReadOnlySpan<byte> root)
    {
        Must.Hold(root.Length == MerkleHash.Size);
        var hex = Convert.ToHexStringLower(root[..16]);
        return string.Join(' ', Enumerable.Range(0, 8).Select(i => hex.Substring(i * 4, 4)));
    }

    /// <summary>As people read it to each other: how many entries, and the beginning of the root over them.</summary>
    public string Words => string.Create(CultureInfo.InvariantCulture, $"{Checkpoint.Size} entries, {Spoken(Checkpoint.Root)}");
}
