using System.CommandLine;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Instances;

/// <summary>
/// <c>demarc instances credentials NAME</c>: opens the first user's password with the customer's sealing key, on this machine. Plane and
/// vendor hold only the sealed text.
/// </summary>
internal static class InstancesCredentialsCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The instance." };
        return new Verb("credentials", "Open the first credential of an instance (customer only).", invocation => RunAsync(invocation, invocation.Get(name)!), [name]);
    }

    /// <summary>Fetches the sealed credential and opens it.</summary>
    public static async Task<OpenedCredential> OpenAsync(Invocation invocation, string name)
    {
        if (invocation.AsGiven == Party.Vendor)
        {
            throw new CommandFailedException(
                ExitCodes.Refused,
                $"The credential of {name} is sealed to the customer's key: neither the vendor nor the plane can open it.",
                "Ask the customer, or act as the customer on the machine that holds the sealing key.");
        }

        var view = await invocation.Client(Party.Customer).GetAsync($"{invocation.Path}/instances/{InstanceNames.Parsed(name)}/credential", ViewJson.Default.CredentialView, invocation.Stop);
        using var identity = invocation.Profile.Sealing();
        var opened = AgeFile.TryDecrypt(view.Sealed, identity);
        return opened.IsOpen
            ? new OpenedCredential(view.Instance, view.Uri, view.User, opened.Plaintext.Reveal(), view.Sealed)
            : throw new CommandFailedException(
                opened.Failure == AgeFailure.NoMatch ? ExitCodes.Failed : ExitCodes.NotVerified,
                $"The credential of {view.Instance} does not open with {invocation.Profile.SealingKeyPath}: {opened.Error}.",
                "It opens only with the sealing key that the environment was founded with ('demarc env show').");
    }

    private static async Task<int> RunAsync(Invocation invocation, string name)
    {
        var credential = await OpenAsync(invocation, name);
        invocation.Terminal.Result(credential, terminal => terminal.Facts(
            ("uri", credential.Uri), ("user", credential.User), ("password", credential.Password), ("token", $"{credential.User}:{credential.Password}")));
        return ExitCodes.Ok;
    }
}

/// <summary>A credential in clear, for the customer's eyes.</summary>
/// <param name="Instance">Of which instance.</param>
/// <param name="Uri">Where it is good.</param>
/// <param name="User">The Milvus user.</param>
/// <param name="Password">In clear.</param>
/// <param name="Sealed">As the plane holds it: an armored age file.</param>
internal sealed record OpenedCredential(string Instance, string Uri, string User, string Password, string Sealed);
