using Demarc.Cli.Audit;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>Makes a founding entry with both roots and hands it to a plane; what was founded is pinned in the profile.</summary>
internal static class Founding
{
    public static async Task<Entry> FoundAsync(Invocation invocation, PlaneClient client, EnvironmentId id, string name, ISigner customer, ISigner vendor, AgeRecipient sealing)
    {
        var plane = await client.PlaneAsync(invocation.Stop);
        if (!NoteKey.TryParse(plane.PlaneKey, out _))
            throw new CommandFailedException(ExitCodes.Failed, $"The plane at {client.Address} gives '{Terminal.Terminal.Printable(plane.PlaneKey)}' as its key, which is not a verifier key.");
        var founding = Entry.Write(
            id, Entry.NewId(invocation.Host.Random), invocation.Host.Now,
            new EnvironmentFounded(name, customer.Public.KeyId, vendor.Public.KeyId, plane.PlaneKey, sealing.ToString()), customer, vendor);
        await client.FoundAsync(founding, invocation.Stop);
        Pin(invocation, client.Address, id, founding);
        new HeadMemory(invocation.Profile, invocation.Host.Time).Forget(id);
        return founding;
    }

    /// <summary>Remembers which founding entry this environment's name stands for: nothing else passes for it later.</summary>
    public static void Pin(Invocation invocation, Uri plane, EnvironmentId id, Entry founding)
    {
        var config = invocation.Config;
        invocation.Config = config with
        {
            Plane = plane.ToString().TrimEnd('/'),
            Environment = id.Value,
            Founded = new Dictionary<string, string>(config.Founded) { [id.Value] = Convert.ToHexStringLower(founding.LeafHash) },
        };
    }

    /// <summary>The founding entry as the plane shows it, checked against the pin when there is one.</summary>
    public static async Task<Entry> ReadAsync(Invocation invocation, PlaneClient client, EnvironmentId id)
    {
        var page = await client.GetAsync($"/v1/environments/{id}/entries?from=0&limit=1", ViewJson.Default.EntriesView, invocation.Stop);
        if (page.Entries.Length == 0 || Base64Text.Decode(page.Entries[0].AsSpan(), Base64Form.Standard) is not { } bytes || Entry.Read(bytes).Entry is not { Data: EnvironmentFounded } founding)
            throw new CommandFailedException(ExitCodes.NotVerified, $"The first entry that the plane shows of {id} is not a founding entry.", "Run 'demarc audit verify'.");
        var hash = Convert.ToHexStringLower(founding.LeafHash);
        return !invocation.Config.Founded.TryGetValue(id.Value, out var pinned) || pinned == hash
            ? founding
            : throw new CommandFailedException(ExitCodes.NotVerified, $"The plane shows another founding entry of {id} ({hash}) than the one this profile has pinned ({pinned}).", "This is not the environment you founded: sign nothing here.");
    }
}
