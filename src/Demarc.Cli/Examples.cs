using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Demarc.Cli;

/// <summary>One line to copy for every command; the help ends with it. A test parses each of them, and finds commands that have none.</summary>
internal static class Examples
{
    private static readonly Dictionary<string, string[]> Lines = new(StringComparer.Ordinal)
    {
        ["up"] = ["demarc up", "demarc up --text ~/notes"],
        ["down"] = ["demarc down", "demarc down --purge --yes"],
        ["status"] = ["demarc status", "demarc status --output json"],
        ["env found"] = ["demarc env found production --title \"Production, Frankfurt\" --plane https://plane.example"],
        ["env list"] = ["demarc env list"],
        ["env show"] = ["demarc env show --environment production"],
        ["env invite"] = ["demarc env invite --to agent.join"],
        ["env revoke-agent"] = ["demarc env revoke-agent production --reason \"its machine was stolen\""],
        ["agent status"] = ["demarc agent status", "demarc agent status --agent-data /var/lib/demarc-agent"],
        ["agent hold"] = ["demarc agent hold --reason \"the storage is being moved\""],
        ["agent release"] = ["demarc agent release"],
        ["sever"] = ["demarc sever --rehearse", "demarc sever --reason \"the contract has ended\""],
        ["rejoin"] = ["demarc rejoin", "demarc rejoin --charter charter.yaml --to https://plane.vendor.example"],
        ["keys create"] = ["demarc keys create customer"],
        ["keys list"] = ["demarc keys list"],
        ["keys rotate"] = ["demarc keys rotate customer", "demarc keys rotate customer --ssh ann@laptop"],
        ["keys use-ssh"] = ["demarc keys use-ssh", "demarc keys use-ssh ann@laptop --as vendor"],
        ["members list"] = ["demarc members list"],
        ["members add"] = ["demarc members add ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U --role approver --name Ann --as customer"],
        ["members remove"] = ["demarc members remove ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U"],
        ["members link"] = ["demarc members link ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U --issuer https://login.example --subject 248289761001"],
        ["members unlink"] = ["demarc members unlink --issuer https://login.example --subject 248289761001"],
        ["members rekey"] = ["demarc members rekey ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U ed25519:HRGqTDRPCzkYXaJhjxMGXDcxLzD0V-xyYn4JVG3Q_jk"],
        ["members expire"] = ["demarc members expire ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U --days 30"],
        ["members review"] = ["demarc members review", "demarc members review --csv access.csv"],
        ["members replace-root"] = ["demarc members replace-root ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U ed25519:HRGqTDRPCzkYXaJhjxMGXDcxLzD0V-xyYn4JVG3Q_jk --reason \"its safe burnt down\" --to root.draft"],
        ["members cosign"] = ["demarc members cosign root.draft", "demarc members cosign root.draft --submit"],
        ["tokens issue"] = ["demarc tokens issue \"nightly report\" --scope look audit --days 90 --to report.key"],
        ["tokens list"] = ["demarc tokens list"],
        ["tokens revoke"] = ["demarc tokens revoke ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U"],
        ["charter show"] = ["demarc charter show", "demarc charter show --yaml > charter.yaml"],
        ["charter history"] = ["demarc charter history"],
        ["charter explain"] = ["demarc charter explain instances.delete --instance docs", "demarc charter explain instances.create --as customer --size large"],
        ["charter validate"] = ["demarc charter validate charter.yaml"],
        ["charter diff"] = ["demarc charter diff charter.yaml"],
        ["charter propose"] = ["demarc charter propose charter.yaml --as vendor"],
        ["charter sign"] = ["demarc charter sign --as customer"],
        ["order"] = ["demarc order search --size medium --label team=search", "demarc order search --dry-run"],
        ["plan"] = ["demarc plan c-5hq2m7xk"],
        ["approve"] = ["demarc approve c-5hq2m7xk", "demarc approve c-5hq2m7xk --yes --no-wait"],
        ["reject"] = ["demarc reject c-5hq2m7xk --reason \"not before the release\""],
        ["withdraw"] = ["demarc withdraw c-5hq2m7xk --reason \"ordered twice\""],
        ["changes list"] = ["demarc changes list", "demarc changes list --open", "demarc changes list --waiting-for customer"],
        ["changes show"] = ["demarc changes show c-5hq2m7xk"],
        ["changes follow"] = ["demarc changes follow c-5hq2m7xk --timeout 600"],
        ["changes pause"] = ["demarc changes pause c-5hq2m7xk --reason \"the sale runs until six\""],
        ["changes resume"] = ["demarc changes resume c-5hq2m7xk --reason \"the sale is over\""],
        ["changes stop"] = ["demarc changes stop c-5hq2m7xk --reason \"wrong size\" --as vendor"],
        ["changes defer"] = ["demarc changes defer c-5hq2m7xk --until 2026-11-30T06:00+01:00 --reason \"after the release\"", "demarc changes defer c-5hq2m7xk --until 24h --reason \"not tonight\""],
        ["instances list"] = ["demarc instances list"],
        ["instances show"] = ["demarc instances show docs"],
        ["instances credentials"] = ["demarc instances credentials docs", "demarc instances credentials docs --output json"],
        ["instances modify"] = ["demarc instances modify docs --size large --label team=search"],
        ["instances suspend"] = ["demarc instances suspend docs"],
        ["instances resume"] = ["demarc instances resume docs"],
        ["instances delete"] = ["demarc instances delete docs", "demarc instances delete docs --dry-run"],
        ["instances restore"] = ["demarc instances restore docs"],
        ["audit search"] = ["demarc audit search --instance docs --kind change. --since 2026-11-01", "demarc audit search --by vendor --since 2026-11-01", "demarc audit search \"no room\" --most 200"],
        ["egress watch"] = ["demarc egress watch", "demarc egress watch --class ledger"],
        ["egress show"] = ["demarc egress show --since 2026-11-25T08:00Z"],
        ["egress report"] = ["demarc egress report --days 7"],
        ["egress schema"] = ["demarc egress schema"],
        ["egress allow"] = ["demarc egress allow ledger --bytes 10MiB --reason \"the great clean-up of March\""],
        ["audit show"] = ["demarc audit show --last 50"],
        ["audit follow"] = ["demarc audit follow --output json"],
        ["audit verify"] = ["demarc audit verify", "demarc audit verify --from s3://acme-ledger/production --bucket-access reader.s3", "demarc audit verify --offline ledger-2026-07 --customer-root ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U --vendor-root ed25519:lpwxMEuKtU40n1a3J1OFEeUZMLdHSZXlZB8tHRb7iJQ"],
        ["audit export"] = ["demarc audit export ledger-2026-07", "demarc audit export for-the-siem --format ocsf"],
        ["emergency request"] = ["demarc emergency request terminal --minutes 30 --reason \"searches time out since 09:10\"", "demarc emergency request milvus --instance docs --reason \"count the rows\""],
        ["emergency list"] = ["demarc emergency list", "demarc emergency list --open --output json"],
        ["emergency show"] = ["demarc emergency show s-5hq2m7xk", "demarc emergency show s-5hq2m7xk --credential --as vendor"],
        ["emergency approve"] = ["demarc emergency approve s-5hq2m7xk --as customer"],
        ["emergency reject"] = ["demarc emergency reject s-5hq2m7xk --reason \"ask for a bundle first\""],
        ["emergency withdraw"] = ["demarc emergency withdraw s-5hq2m7xk --reason \"it works again\""],
        ["emergency open"] = ["demarc emergency open s-5hq2m7xk", "demarc emergency open s-5hq2m7xk --command processes --command \"vmstat 5\"", "demarc emergency open s-5hq2m7xk --to docs.bundle.json"],
        ["emergency watch"] = ["demarc emergency watch s-5hq2m7xk --as customer"],
        ["emergency revoke"] = ["demarc emergency revoke s-5hq2m7xk --reason \"enough seen\"", "demarc emergency revoke s-5hq2m7xk --at-agent"],
        ["emergency play"] = ["demarc emergency play s-5hq2m7xk", "demarc emergency play s-5hq2m7xk --from-agent --to s-5hq2m7xk.cast"],
        ["emergency release"] = ["demarc emergency release s-5hq2m7xk --show", "demarc emergency release s-5hq2m7xk"],
        ["emergency review"] = ["demarc emergency review s-5hq2m7xk --note \"looked at processes and disks, nothing else\""],
        ["audit head"] = ["demarc audit head > head.txt", "demarc audit head --to witness.txt"],
        ["audit compare"] = ["demarc audit compare", "demarc audit compare head-of-ann.txt https://auditor.example/heads.txt"],
        ["audit evidence"] = ["demarc audit evidence production-20261125T081500Z-5f0c.json --plane-key plane.vendor.example+cc01f0c3+AWTMsPAhXXmSvo0R4J1NZgBJRmTUJRsFBXMFeaCQCF5d"],
        ["notify add"] = ["demarc notify add webhook https://hooks.example/demarc --name pager", "demarc notify add email oncall@customer.example --as customer"],
        ["notify list"] = ["demarc notify list"],
        ["notify remove"] = ["demarc notify remove h-5f0c9be213"],
        ["notify test"] = ["demarc notify test h-5f0c9be213"],
        ["notify deliveries"] = ["demarc notify deliveries --given-up"],
        ["notify retry"] = ["demarc notify retry msg_0123456789abcdef0123456789abcdef"],
        ["search"] = ["demarc search \"what happens to a deleted instance\" --top 5"],
        ["console"] = ["demarc console", "demarc console --sign-out"],
        ["completion"] = ["source <(demarc completion bash)"],
        ["version"] = ["demarc version --output json"],
    };

    /// <summary>The examples of a command, by its path without the program's name; none for a command that only groups others.</summary>
    public static IReadOnlyList<string> Of(string path) => Lines.GetValueOrDefault(path) ?? [];

    /// <summary>Every path that has examples.</summary>
    public static IEnumerable<string> Paths => Lines.Keys;

    /// <summary>The path of a command, without the program's name.</summary>
    public static string PathOf(Command command)
    {
        var names = new List<string>();
        for (var at = command; at is not null and not RootCommand; at = at.Parents.OfType<Command>().FirstOrDefault()) names.Insert(0, at.Name);
        return string.Join(' ', names);
    }

    /// <summary>Makes the help of every command end with its examples.</summary>
    public static void AddTo(RootCommand root)
    {
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction usual } help) help.Action = new WithExamples(usual);
        }
    }

    private sealed class WithExamples(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var result = usual.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            var examples = Of(PathOf(parseResult.CommandResult.Command));
            if (examples.Count == 0) return result;
            output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
            output.WriteLine();
            return result;
        }
    }
}
