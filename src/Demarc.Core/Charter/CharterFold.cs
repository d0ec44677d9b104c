using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Charter;

/// <summary>Charters are proposed by one owner and in force once an owner of each party has signed the same text.</summary>
internal static class CharterFold
{
    public static Folded Propose(EnvironmentState state, Entry entry, CharterProposed data, Member member)
    {
        if (Replayed(state, entry) is { } replayed) return replayed;
        var next = (state.Charter?.Version ?? 0) + 1;
        if (data.Version != next) return Folded.Refuse($"the next charter is version {next}, not {data.Version}");
        var read = CharterYaml.Read(data.Yaml);
        if (read.Document is not { } document) return Folded.Refuse($"the charter is not valid: {read.Faults[0]}");
        if (document.Version != data.Version) return Folded.Refuse($"the text says version {document.Version}, the entry {data.Version}");
        return Folded.To(state with { Proposal = new CharterProposal(document, data.Yaml, Hash(data.Yaml), Act(state, entry, member), []), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }

    public static Folded Sign(EnvironmentState state, Entry entry, CharterSigned data, Member member)
    {
        if (Replayed(state, entry) is { } replayed) return replayed;
        if (state.Proposal is not { } proposal || proposal.Document.Version != data.Version) return Folded.Refuse($"no charter version {data.Version} is proposed");
        if (proposal.Sha256 != data.Sha256) return Folded.Refuse($"the signature names the text {data.Sha256}, the proposed one is {proposal.Sha256}");
        if (proposal.Signed.Contains(member.Party)) return Folded.Refuse($"the {member.Party.Word()} has signed charter version {data.Version} already");
        var signed = proposal with { Signatures = proposal.Signatures.Add(Act(state, entry, member)) };
        var ids = state.AuthorityIds.Add(entry.Id);
        return Folded.To(signed.Signatures.Length == 2
            ? state with { Charters = state.Charters.Add(new CharterTerm(signed.Document, signed.Sha256, signed.Proposed, signed.Signatures)), Charter = signed.Document, CharterYaml = signed.Yaml, Proposal = null, Severed = null, AuthorityIds = ids, PreapprovedUses = StillCounted(state, signed.Document) }
            : state with { Proposal = signed, AuthorityIds = ids });
    }

    // What stands in the new charter unchanged goes on being used up; what was written anew was signed anew, and starts at nothing.
    private static ImmutableSortedDictionary<string, int> StillCounted(EnvironmentState state, CharterDocument next) =>
        state.PreapprovedUses.RemoveRange(state.PreapprovedUses.Keys.Where(name =>
            state.Charter?.Preapproved.FirstOrDefault(act => act.Name == name) is not { } act || !next.Preapproved.Contains(act)));

    public static CharterAct Act(EnvironmentState state, Entry entry, Member member) => new(member.Party, entry.Author.KeyId, entry.At, state.Size);

    public static string Hash(string yaml) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml)));

    internal static Folded? Replayed(EnvironmentState state, Entry entry) =>
        state.AuthorityIds.Contains(entry.Id) ? Folded.Refuse($"entry {entry.Id} stands in the ledger already: a replay") : null;
}

/// <summary>The hash that charter signatures name.</summary>
public static class CharterText
{
    /// <summary>Hex SHA-256 of the exact text.</summary>
    public static string Hash(string yaml) => CharterFold.Hash(yaml);
}
