using System.Collections.Immutable;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Audit;

/// <summary>Evidence of two histories convinces a stranger who has the plane's key, and evidence that somebody made up convinces nobody.</summary>
public sealed class TwoHistoriesTests
{
    private const string Origin = "demarc/acme";
    private static readonly NoteSigner Plane = new("plane.test", Sample.Key(5));

    [Theory]
    [InlineData(6, 6)]
    [InlineData(6, 9)]
    [InlineData(4, 9)]
    [InlineData(8, 200)]
    [InlineData(199, 200)]
    public void A_head_that_does_not_continue_another_is_proven(int small, int large)
    {
        var (ours, theirs) = (Tree("ours", small), Tree("theirs", large));
        var verdict = Evidence(Note(ours, small), Note(theirs, large), Hashes(small, large, theirs)).Judge(Plane.Key);
        Assert.True(verdict.Proven, string.Join(';', verdict.Says));

        // Whichever way round.
        Assert.True(Evidence(Note(theirs, large), Note(ours, small), Hashes(small, large, theirs)).Judge(Plane.Key).Proven);
    }

    [Theory]
    [InlineData(6, 6)]
    [InlineData(4, 9)]
    [InlineData(199, 200)]
    public void One_history_is_never_proven_to_be_two(int small, int large)
    {
        var tree = Tree("ours", large);
        Refuted(Evidence(Note(tree, small), Note(tree, large), Hashes(small, large, tree)), small == large ? "over the same entries" : "continues the one over");
    }

    [Fact]
    public void Made_up_evidence_against_an_honest_plane_convinces_nobody()
    {
        var (tree, other) = (Tree("ours", 9), Tree("theirs", 9));
        Refuted(Evidence(Note(tree, 4), Note(tree, 9), Hashes(4, 9, other)), "do not lead to the root");
        Refuted(Evidence(Note(tree, 4), Note(tree, 9), []), "do not lead to the root");
        Refuted(Evidence(Note(tree, 4), Note(tree, 9), ["", "x"]), "do not lead to the root");
        Refuted(Evidence(Note(tree, 4), Note(tree, 9), [.. Enumerable.Repeat(Convert.ToBase64String(new byte[32]), 1000)]), "do not lead to the root");
        Refuted(Evidence(Note(tree, 9), Note(other, 9, new NoteSigner("plane.test", Sample.Key(6))), []), "is not signed by");
        Refuted(Evidence(Note(tree, 9), Note(other, 9, origin: "demarc/other"), []), "are of two ledgers");
        Refuted(Evidence(Note(tree, 9), "nonsense", []), "cannot be read");
        Refuted(Evidence(Note(tree, 0), Note(other, 9), []), "over no entry at all");
        Refuted(Evidence(Note(tree, 9), Note(other, 9), []) with { Demarc = 2 }, "version 2");
        Refuted(Evidence(null!, Note(other, 9), []), "cannot be read");
        Refuted(Evidence(Note(tree, 9), Note(other, 9), []) with { First = null! }, "lacks a head");
        Refuted(Evidence(Note(tree, 9), Note(other, 9), default), "lacks a head");
    }

    [Fact]
    public void Evidence_of_another_plane_s_key_is_none_against_this_one()
    {
        var thief = new NoteSigner("plane.test", Sample.Key(6));
        var evidence = Evidence(Note(Tree("ours", 9), 9, thief), Note(Tree("theirs", 9), 9, thief), []) with { PlaneKey = thief.Key.ToString() };
        Refuted(evidence, "is not signed by");
        Assert.True(evidence.Judge(thief.Key).Proven);
    }

    [Fact]
    public void Entries_that_are_shown_beside_the_heads_have_to_stand_in_them()
    {
        var (ours, theirs) = (Tree("ours", 9), Tree("theirs", 9));
        EntryShown Shown(string who, MerkleNodes tree, int at) => new(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{who} {at}")), [.. MerkleTree.InclusionProof(at, 9, tree.Read).Select(Convert.ToBase64String)]);
        var bare = Evidence(Note(ours, 9), Note(theirs, 9), []);
        Assert.Contains(bare.With(new DifferingEntries(3, Shown("ours", ours, 3), Shown("theirs", theirs, 3))), says => says.Contains("entry 3 is the first that differs", StringComparison.Ordinal));
        Assert.Contains(bare.With(new DifferingEntries(3, Shown("ours", ours, 3), Shown("theirs", theirs, 4))), says => says.Contains("the second does not stand in the second head", StringComparison.Ordinal));
        Assert.Contains(bare.With(new DifferingEntries(3, Shown("other", ours, 3), Shown("theirs", theirs, 3))), says => says.Contains("the first does not stand in the first head", StringComparison.Ordinal));
        Assert.Contains(bare.With(new DifferingEntries(3, null!, Shown("theirs", theirs, 3))), says => says.Contains("one of them is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void A_witness_file_is_split_into_the_notes_that_went_in()
    {
        var tree = Tree("ours", 9);
        string[] notes = [Note(tree, 3), Note(tree, 5), SignedNote.Parse(Note(tree, 9)).Note!.AddSignature(NoteSigner.Cosigner("agent.acme", Sample.Key(3), DateTimeOffset.UnixEpoch)).ToString()];
        Assert.Equal(notes, SignedHead.Split(string.Join("\n", notes)));
        Assert.Equal(notes, SignedHead.Split(string.Join("\r\n\r\n", notes).Replace("\n", "\r\n", StringComparison.Ordinal).Replace("\r\r", "\r", StringComparison.Ordinal)));
        Assert.Equal(notes, SignedHead.Split("\n\n" + string.Concat(notes) + "\n\n"));
        Assert.Empty(SignedHead.Split(" ".Trim()));
        Assert.Null(SignedHead.Read(Assert.Single(SignedHead.Split("hello"))).Head);
    }

    internal static MerkleNodes Tree(string who, int size)
    {
        var nodes = new MerkleNodes();
        for (var i = 0; i < size; i++) nodes.AppendLeafHash(MerkleHash.Leaf(System.Text.Encoding.UTF8.GetBytes($"{who} {i}")));
        return nodes;
    }

    private static void Refuted(TwoHistories evidence, string words)
    {
        var verdict = evidence.Judge(Plane.Key);
        Assert.False(verdict.Proven);
        Assert.Contains(words, Assert.Single(verdict.Says), StringComparison.Ordinal);
    }

    private static string Note(MerkleNodes tree, int size, NoteSigner? signer = null, string origin = Origin) => SignedNote.Sign(new Checkpoint(origin, size, tree.Root(size)).Body, signer ?? Plane).ToString();

    private static ImmutableArray<string> Hashes(int small, int large, MerkleNodes tree) => small == large ? [] : [.. MerklePrefix.Hashes(small, large, tree.Read).Select(Convert.ToBase64String)];

    private static TwoHistories Evidence(string first, string second, ImmutableArray<string> hashes) => new(1, Plane.Key.ToString(), DateTimeOffset.UnixEpoch, new HeadShown("one", first), new HeadShown("other", second), hashes);
}

file static class Judging
{
    public static ImmutableArray<string> With(this TwoHistories evidence, DifferingEntries differ)
    {
        var verdict = (evidence with { Differ = differ }).Judge(new NoteKey("plane.test", Sample.Key(5).Public));
        Assert.True(verdict.Proven);
        return verdict.Says;
    }
}
