using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary><c>demarc audit verify</c>: the whole ledger, from the plane or from an export with no server at all.</summary>
internal static class AuditVerifyCommand
{
    public static Command Create()
    {
        var offline = new Option<string?>("--offline") { Description = "Verify an export in this folder; needs no plane.", HelpName = "DIR" };
        var from = new Option<string?>("--from") { Description = "Verify the copy that the agent keeps, in this folder or bucket; needs no plane.", HelpName = "DIR|s3://BUCKET/PREFIX" };
        var access = new Option<string?>("--bucket-access") { Description = "With --from s3://…: a file with endpoint, region, access-key and secret-key, a line each, that only you can read.", HelpName = "FILE" };
        var customer = new Option<string?>("--customer-root") { Description = "The customer's root key, 'ed25519:…'. Default: this profile's.", HelpName = "KEY" };
        var vendor = new Option<string?>("--vendor-root") { Description = "The vendor's root key, 'ed25519:…'. Default: this profile's.", HelpName = "KEY" };
        var uncountersigned = new Option<bool>("--uncountersigned") { Description = "With --offline or --from: accept a head that the agent which acts at it has not countersigned." };
        return new Verb("verify", "Verify every signature, the root and the checkpoint of the ledger.", async invocation =>
        {
            var (export, copy) = (invocation.Get(offline), invocation.Get(from));
            if (export is not null && copy is not null) throw CommandFailedException.Usage("--offline and --from name two places.", "Verify one after the other.");
            var roots = new Trust(Checked(invocation.Get(customer)), Checked(invocation.Get(vendor)), MustBeCountersigned: (export ?? copy) is not null && !invocation.Get(uncountersigned));
            using var source = export is not null ? new FolderSource(export) : copy is not null ? CopySource.Open(copy, invocation.Get(access)) : null;
            var report = source is null ? await OnlineAsync(invocation, roots) : copy is null ? ExportFolder.Verify(source, WithRoots(invocation, roots)) : new CopyCheck(invocation).Verify(source, WithRoots(invocation, roots));
            invocation.Terminal.Result(report, terminal =>
            {
                terminal.Line($"VERIFIED. Environment {report.Environment}, {report.Size} entries.");
                foreach (var check in report.Checks) terminal.Line($"  ✓ {check}");
            });
            return ExitCodes.Ok;
        }, [offline, from, access, customer, vendor, uncountersigned]);
    }

    private static async Task<AuditReport> OnlineAsync(Invocation invocation, Trust roots)
    {
        var id = invocation.Environment;
        var note = await AuditLedger.HeadAsync(invocation);
        var before = invocation.Watch.Before.GetValueOrDefault(id.Value) is { } seen ? seen.Read(id.Value).Checkpoint : null;
        var check = new LedgerCheck(roots with { Environment = id.Value, FoundingHash = invocation.Config.Founded.GetValueOrDefault(id.Value), SeenSize = before?.Size, SeenRoot = before is null ? null : Base64Text.Encode(before.Root) });
        await AuditLedger.ReadAsync(invocation, 0, LedgerCheck.ReadNote(note).Checkpoint.Size, (_, bytes) => check.Add(bytes));
        return check.Finish(note);
    }

    private static Trust WithRoots(Invocation invocation, Trust roots)
    {
        var trust = roots with { CustomerRoot = roots.CustomerRoot ?? Own(invocation, Party.Customer), VendorRoot = roots.VendorRoot ?? Own(invocation, Party.Vendor) };
        if (trust.CustomerRoot is null || trust.VendorRoot is null)
            throw CommandFailedException.Usage("An export proves nothing without the two root keys.", "Name them with --customer-root and --vendor-root; each party tells its own.");
        return trust;
    }

    private static string? Own(Invocation invocation, Party party) => invocation.Profile.Holds(party) ? invocation.Key(party).Public.KeyId : null;

    private static string? Checked(string? key) => key is null || PublicKey.TryParse(key, out _) ? key : throw CommandFailedException.Usage($"'{key}' is not a public key: 'ed25519:' and 43 characters, or a passkey's 'webauthn:' and 88.");
}
