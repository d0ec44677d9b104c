using Demarc.Cli.Access;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;

namespace Demarc.Cli.Emergency;

/// <summary>The key to which the temporary credential of a session is sealed: one of who asks, made when it is first needed.</summary>
internal static class RequesterSealing
{
    private const string VendorSealing = "vendor-sealing";

    public static AgeIdentity OpenOrNew(Invocation invocation, Party party)
    {
        if (party == Party.Customer) return invocation.Profile.SealingOrNew();
        var path = invocation.Profile.PathOf(VendorSealing);
        if (File.Exists(path)) return KeyFile.ReadSealing(path);
        invocation.Profile.MakeFolder();
        return KeyFile.CreateSealing(path, invocation.Host.Random);
    }

    /// <summary>The temporary credential in clear.</summary>
    public static OpenedSessionCredential Open(Invocation invocation, Party party, SessionView view)
    {
        if (view.CredentialSealed is null) throw new CommandFailedException(ExitCodes.NotFound, $"Session {view.Id} has no credential: {(view.Kind == "milvus" ? $"it is {view.Status}" : $"it is a {view.Kind}")}.", view.Kind == "milvus" ? $"It is made when the session is opened: demarc emergency open {view.Id}" : null);
        if (view.EndedAt is not null) throw new CommandFailedException(ExitCodes.Failed, $"Session {view.Id} is {view.Status}, and its user {view.CredentialUser} is gone with it.", "Ask for another with 'demarc emergency request milvus'.");
        var path = party == Party.Customer ? invocation.Profile.SealingKeyPath : invocation.Profile.PathOf(VendorSealing);
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.Failed, $"This profile has no sealing key of the {party.Word()} ({path}), and the credential is sealed to who asked for the session.", "Open it where it was asked for.");
        using var identity = KeyFile.ReadSealing(path);
        var opened = AgeFile.TryDecrypt(view.CredentialSealed, identity);
        return opened.IsOpen
            ? new OpenedSessionCredential(view.Id, $"http://127.0.0.1:{view.Port}", view.CredentialUser!, opened.Plaintext.Reveal(), view.ExpiresAt)
            : throw new CommandFailedException(opened.Failure == AgeFailure.NoMatch ? ExitCodes.Refused : ExitCodes.NotVerified, $"The credential of session {view.Id} does not open with {path}: {opened.Error}.", "It is sealed to who asked for the session.");
    }
}

/// <summary>A temporary credential in clear, for who asked for it.</summary>
/// <param name="Session">Of which session; it is good for nothing once that is over.</param>
/// <param name="Uri">Where it is good, on the customer's side.</param>
/// <param name="User">The Milvus user, who may only read.</param>
/// <param name="Password">In clear.</param>
/// <param name="Until">Until when at the latest.</param>
internal sealed record OpenedSessionCredential(string Session, string Uri, string User, string Password, DateTimeOffset? Until);
