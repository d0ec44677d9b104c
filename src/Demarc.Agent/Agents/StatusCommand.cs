using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Agent.Agents;

/// <summary>Prints what is on the agent's disk, also while the agent runs. Reads only.</summary>
internal static class StatusCommand
{
    public static int Run(AgentOptions options, TextWriter to, TimeProvider time)
    {
        using var home = AgentHome.Look(options.Data);
        if (home is null || home.ReadMembership() is not { } membership)
        {
            to.WriteLine($"There is no joined agent in {options.Data}.");
            return AgentExit.Damaged;
        }

        using var store = new SqliteAgentStore(home.Database);
        // A key of no meaning: nothing is written here, so nothing is signed.
        using var key = Core.Ledger.SigningKey.FromSeed(new byte[Core.Ledger.SigningKey.SeedSize]);
        var (ledger, fault) = AgentLedger.Open(store, new AgentIdentity(membership.Trust, key, membership.Name), time, _ => { }, NullLogger.Instance);
        to.WriteLine($"Agent {AgentVersion.Text} '{membership.Name}' of environment {membership.Environment}");
        to.WriteLine($"Plane            {membership.Plane}{(membership.Hub is null ? " (joining)" : $", hub {membership.Hub}")}");
        if (ledger is null)
        {
            to.WriteLine($"Ledger           DAMAGED: {fault}");
            return AgentExit.Damaged;
        }

        using (var certificate = home.Certificate()) to.WriteLine($"Certificate      {(certificate is null ? "none" : $"good until {certificate.NotAfter.ToUniversalTime():u}")}");
        to.WriteLine($"Ledger           {ledger.Size} entries verified, root {Convert.ToHexStringLower(ledger.Root)[..16]}…; {ledger.Outbox.Count} wait for the plane");
        to.WriteLine($"Agent in force   {(ledger.Verified.Agent is { } agent ? $"{agent.Name}, since {agent.JoinedAt:u}" : "none")}");
        foreach (var instance in ledger.State.Instances.Values) to.WriteLine($"Instance         {instance.Id}: {instance.Status.Word()}, Milvus {instance.Order.Version}, {instance.Order.Size.Word()}, port {instance.Port}");
        foreach (var change in ledger.State.OpenChanges) to.WriteLine($"Open change      {change.Id}: {change.Action.Name} {change.Request.Instance}, {change.Status.Word()}");
        foreach (var finding in ledger.State.Findings.Values) to.WriteLine($"Finding          {finding.Name}: {finding.Reason} To do: {finding.Remedy}");
        foreach (var evidence in store.ReadEvidence().TakeLast(20)) to.WriteLine($"Evidence         {evidence.At:u} {evidence.Reason}: {evidence.Detail} ({AgentFindings.HashOf(evidence)})");
        if (ledger.Refusal is not { } refusal) return AgentExit.Stopped;
        to.WriteLine();
        to.WriteLine($"THE PLANE IS REFUSED: {refusal}");
        to.WriteLine("Instances keep running. A person may decide to follow the plane again: demarc-agent clear-refusal --data DIR");
        return AgentExit.PlaneRefused;
    }
}
