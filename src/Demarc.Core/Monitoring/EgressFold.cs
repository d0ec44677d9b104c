using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Core.Monitoring;

/// <summary>The customer, and nobody else, lets more leave than the charter allows, for one class on one day.</summary>
internal static class EgressFold
{
    public static Folded Consent(EnvironmentState state, Entry entry, EgressConsented data, Member member)
    {
        if (CharterFold.Replayed(state, entry) is { } replayed) return replayed;
        if (member.Party != Party.Customer) return Folded.Refuse($"what leaves the customer's account is the customer's to allow; {member.Key.KeyId} is of the {member.Party.Word()}");
        if (data.Bytes is < 1 or > EgressLimits.MaxConsent) return Folded.Refuse($"bytes is {data.Bytes}: 1 to {EgressLimits.MaxConsent} can be allowed at once; more is a matter for the charter (tasks.monitoring.egress)");
        if (data.Reason.Length is 0 or > 500) return Folded.Refuse("reason must have 1 to 500 characters");
        var said = DateOnly.FromDateTime(entry.At.UtcDateTime);
        if (data.Day < said.AddDays(-1) || data.Day > said.AddDays(EgressLimits.ConsentAhead))
            return Folded.Refuse($"day is {data.Day:yyyy-MM-dd}: more can be allowed for a day from the one before to {EgressLimits.ConsentAhead} days after the consent is written ({said:yyyy-MM-dd})");
        // Yesterday's consents are worth nothing any more, and no clock is asked for which those are: the entry says when it was written.
        var kept = state.EgressConsents.RemoveRange(state.EgressConsents.Keys.Where(key => key.Day < said.AddDays(-1)));
        if (kept.Count >= EgressLimits.MaxConsents) return Folded.Refuse($"{kept.Count} consents are in force already");
        var key = new EgressConsentKey(data.Day, data.Class);
        var sum = kept.GetValueOrDefault(key) + data.Bytes;
        return Folded.To(state with { EgressConsents = kept.SetItem(key, sum), AuthorityIds = state.AuthorityIds.Add(entry.Id) });
    }
}
