using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Agent.Monitoring;
using Demarc.Core.Agents;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Agent.Emergency;

/// <summary>
/// Collects a diagnostic bundle: versions, what the agent sees, findings, recent changes, and the redacted ends of logs. It is one JSON text that a person can
/// read from top to bottom; what stands in it is named here, and nothing else gets in. It leaves in pieces once the customer has released exactly it.
/// </summary>
public sealed class BundleMaker(AgentLedger ledger, ISessionHands hands, SessionTraffic traffic, Func<Observation?> latest, IPrivateFiles files, KnownSecrets? secrets, TimeProvider time)
{
    private const int LogLines = 100;
    private const int RecentChanges = 20;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Collects the bundle, keeps it here and says in the ledger what it is.</summary>
    /// <param name="here">The session in this process.</param>
    /// <param name="session">The session in the ledger.</param>
    /// <param name="isOver">Whether the session is over: what ends it may arrive while the bundle is collected, before anybody has looked.</param>
    public async Task CollectAsync(LiveSession here, Session session, Func<bool> isOver)
    {
        await Task.Yield();
        var text = Write(ledger.State, session);
        var bytes = Encoding.UTF8.GetBytes(secrets?.Mask(text) ?? text);
        if (here.IsEnding || isOver()) return;
        hands.KeepBundle(session.Id, bytes);
        here.Recorder.Write('m', $"collected a bundle of {bytes.Length} bytes, {ContentHash.Of(bytes)}; it leaves only if the customer releases it");
        if (ledger.Write(new SessionPrepared(session.Id, ContentHash.Of(bytes), bytes.Length)).Refusal is { } refusal) here.Wanted ??= (SessionEndReason.Failed, refusal);
    }

    /// <summary>Sends a released bundle, and ends the session once it has left.</summary>
    public void Look(LiveSession here, Session session, bool connected, Signal changed)
    {
        if (session.Bundle is not { Released: true } bundle || ledger.Verified.Sessions[session.Id].Bundle is not { Released: true }) return;
        if (here.IsLeaving && traffic.IsEmpty && here.SentOn == traffic.Streams)
        {
            here.Wanted ??= (SessionEndReason.Left, $"the bundle of {bundle.Bytes} bytes, released by the customer, has left");
            changed.Raise();
            return;
        }

        // A stream that was lost took the pieces with it: they go again.
        if (!connected || here.IsLeaving && here.SentOn == traffic.Streams) return;
        var bytes = hands.Bundle(session.Id);
        if (ContentHash.Of(bytes) != bundle.Hash)
        {
            here.Wanted ??= (SessionEndReason.Failed, "the bundle on the agent's disk is not the one that was released");
            changed.Raise();
            return;
        }

        here.IsLeaving = true;
        here.SentOn = traffic.Streams;
        here.Recorder.Write('m', "the customer has released the bundle: it leaves");
        var parts = (bytes.Length + EgressSchema.MaxBundlePart - 1) / EgressSchema.MaxBundlePart;
        for (var part = 0; part < parts; part++)
        {
            var piece = bytes.AsSpan(part * EgressSchema.MaxBundlePart, Math.Min(EgressSchema.MaxBundlePart, bytes.Length - part * EgressSchema.MaxBundlePart));
            traffic.Offer(new AgentFrame { BundlePart = new BundlePart { Session = session.Id.Value, Part = part, Parts = parts, Data = ByteString.CopyFrom(piece) } });
        }
    }

    private string Write(EnvironmentState state, Session session)
    {
        var bundle = new JsonObject
        {
            ["bundle"] = 1,
            ["session"] = session.Id.Value,
            ["environment"] = state.Id.Value,
            ["collectedAt"] = time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture),
            ["agent"] = new JsonObject { ["version"] = AgentVersion.Text, ["verifiedEntries"] = ledger.Size, ["waitingEntries"] = ledger.Outbox.Count },
            ["observation"] = Seen(),
            ["instances"] = new JsonArray([.. state.Instances.Values.Select(instance => (JsonNode)new JsonObject
            {
                ["id"] = instance.Id.Value,
                ["status"] = instance.Status.ToString().ToLowerInvariant(),
                ["version"] = instance.Order.Version,
                ["size"] = instance.Order.Size.ToString().ToLowerInvariant(),
                ["log"] = new JsonArray([.. LogTail.Of(files.PathOf(instance.Id, EngineControl.LogFile), LogLines).Select(line => (JsonNode)line)]),
            })]),
            ["findings"] = new JsonArray([.. state.Findings.Values.Select(finding => (JsonNode)new JsonObject { ["name"] = finding.Name, ["task"] = finding.Task.ToString(), ["since"] = finding.RaisedAt.ToString("O", CultureInfo.InvariantCulture) })]),
            ["recentChanges"] = new JsonArray([.. state.Changes.Values.OrderByDescending(change => change.RequestedAt).Take(RecentChanges).Select(change => (JsonNode)new JsonObject
            {
                ["id"] = change.Id.Value,
                ["action"] = change.Action.Name,
                ["instance"] = change.Request.Instance.Value,
                ["status"] = change.Status.ToString().ToLowerInvariant(),
                ["requestedAt"] = change.RequestedAt.ToString("O", CultureInfo.InvariantCulture),
            })]),
        };
        return Fit(bundle) + "\n";
    }

    // As it may leave in a status: classified fields only.
    private JsonNode? Seen()
    {
        if (latest() is not { } seen) return null;
        using var json = JsonSerializer.SerializeToDocument(seen, LedgerJson.Default.Observation);
        var node = JsonNode.Parse(EgressFields.Keep(json.RootElement, LedgerJson.Default.Observation).Json.Span)!.AsObject();
        node.Remove("egress");
        return node;
    }

    // The logs give way: half of each, until it fits.
    private static string Fit(JsonObject bundle)
    {
        while (true)
        {
            var text = bundle.ToJsonString(Readable);
            if (Encoding.UTF8.GetByteCount(text) < SessionLimits.MaxBundleBytes) return text;
            foreach (var instance in bundle["instances"]!.AsArray())
            {
                var log = instance!["log"]!.AsArray();
                for (var half = log.Count / 2; half >= 0 && log.Count > 0; half--) log.RemoveAt(0);
            }
        }
    }
}
