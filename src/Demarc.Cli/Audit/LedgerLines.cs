using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Core;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>
/// A verified ledger as lines for other people's programs: JSON Lines of our own fields, or OCSF events (Open Cybersecurity Schema Framework 1.3.0, the required attributes
/// of each class and what we know of the recommended ones). What members may not see stays out of both.
/// </summary>
internal static class LedgerLines
{
    public const string OcsfVersion = "1.3.0";
    private const int Iam = 3;
    private const int Findings = 2;

    /// <summary>Writes one line for each entry, in order.</summary>
    public static void Write(string path, bool ocsf, EnvironmentState state, IEnumerable<ReadOnlyMemory<byte>> entries)
    {
        using var file = new StreamWriter(path, append: false, new UTF8Encoding(false));
        var index = 0L;
        foreach (var bytes in entries)
        {
            var entry = Entry.ReadTrusted(bytes) ?? throw LedgerCheck.Fail($"Entry {index} cannot be read.");
            file.Write((ocsf ? Ocsf(index, entry, state) : Plain(index, entry, state)).ToJsonString());
            file.Write('\n');
            index++;
        }
    }

    internal static JsonObject Plain(long index, Entry entry, EnvironmentState state)
    {
        var subject = EntrySubject.Of(state, entry);
        return new JsonObject
        {
            ["index"] = index,
            ["at"] = entry.At,
            ["environment"] = entry.Environment.Value,
            ["kind"] = entry.Body.Kind,
            ["author"] = entry.Author.KeyId,
            ["by"] = By(state, entry),
            ["task"] = subject.Task.Slug(),
            ["change"] = subject.Change?.Value,
            ["instance"] = subject.Instance?.Value,
            ["id"] = entry.Id,
            ["leafHash"] = Convert.ToHexStringLower(entry.LeafHash),
            ["data"] = Data(entry),
        };
    }

    internal static JsonObject Ocsf(long index, Entry entry, EnvironmentState state)
    {
        var subject = EntrySubject.Of(state, entry);
        var (category, type, activity, target) = Class(entry, subject);
        var classUid = (category * 1000) + type;
        var found = new JsonObject
        {
            ["category_uid"] = category,
            ["class_uid"] = classUid,
            ["activity_id"] = activity,
            ["type_uid"] = (classUid * 100) + activity,
            ["severity_id"] = entry.Data is FindingRaised or StepFailed or ChangeFailed or ChangeRolledBack ? 3 : 1,
            ["time"] = entry.At.ToUnixTimeMilliseconds(),
            ["message"] = entry.Body.Kind,
            ["actor"] = new JsonObject { ["user"] = new JsonObject { ["uid"] = entry.Author.KeyId, ["type_id"] = By(state, entry) == "agent" ? 3 : 1, ["org"] = new JsonObject { ["name"] = By(state, entry) ?? "unknown" } } },
            ["metadata"] = new JsonObject
            {
                ["version"] = OcsfVersion,
                ["uid"] = entry.Id,
                ["sequence"] = index,
                ["log_name"] = $"demarc/{entry.Environment}",
                ["event_code"] = entry.Body.Kind,
                ["correlation_uid"] = subject.Change?.Value,
                ["product"] = new JsonObject { ["name"] = "Demarc", ["vendor_name"] = "Demarc" },
            },
            ["unmapped"] = new JsonObject { ["task"] = subject.Task.Slug(), ["leaf_hash"] = Convert.ToHexStringLower(entry.LeafHash), ["data"] = Data(entry) },
        };
        found[target.Name] = target.Value;
        return found;
    }

    // Account Change (3001) for keys and who may do what, Detection Finding (2004) for findings, Entity Management (3004) for all else.
    private static (int Category, int Type, int Activity, (string Name, JsonNode Value) Target) Class(Entry entry, EntrySubject subject) => entry.Data switch
    {
        MemberAdded d => Account(1, d.Key),
        TokenIssued d => Account(1, d.Key),
        AgentJoined d => Account(1, d.Agent),
        AgentInvited d => Account(1, d.Invitation),
        MemberRemoved d => Account(6, d.Key),
        AgentRevoked d => Account(5, d.Agent),
        MemberRekeyed d => Account(3, d.NewKey),
        MemberLinked d => Account(3, d.Key),
        MemberReplaced d => Account(3, d.NewKey),
        MemberExpirySet d => Account(3, d.Key),
        RootReplaced d => Account(3, d.NewRoot),
        FindingRaised d => Finding(1, d.Finding),
        FindingCleared d => Finding(3, d.Finding),
        EnvironmentFounded => Entity(1, "environment", entry.Environment.Value),
        CharterProposed d => Entity(1, "charter", $"{entry.Environment} version {d.Version}"),
        CharterSigned d => Entity(3, "charter", $"{entry.Environment} version {d.Version}"),
        ChangeRequested d => Entity(1, "change", d.Change.Value),
        CredentialIssued d => Entity(1, "credential", $"{d.Instance}/{d.User}"),
        _ when subject.Change is { } change => Entity(3, "change", change.Value),
        _ => Entity(3, "environment", entry.Environment.Value),
    };

    private static (int, int, int, (string, JsonNode)) Account(int activity, string key) => (Iam, 1, activity, ("user", new JsonObject { ["uid"] = key }));

    private static (int, int, int, (string, JsonNode)) Entity(int activity, string type, string uid) => (Iam, 4, activity, ("entity", new JsonObject { ["type"] = type, ["uid"] = uid, ["name"] = uid }));

    private static (int, int, int, (string, JsonNode)) Finding(int activity, string name) => (Findings, 4, activity, ("finding_info", new JsonObject { ["uid"] = name, ["title"] = name }));

    private static string? By(EnvironmentState state, Entry entry) =>
        state.WriterOf(entry.Author) is { } member ? member.Party.Word() : entry.Kind?.Author == EntryAuthor.Agent || state.Agent?.Key == entry.Author ? "agent" : null;

    private static JsonNode? Data(Entry entry) => JsonNode.Parse(Redaction.Of(entry, Sensitivity.Sensitive).GetRawText());
}
