using System.Text;
using Demarc.Agent.Agents;
using Demarc.Agent.Emergency;
using Demarc.Agent.Ledger;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;
using Demarc.Plane.Emergency;
using Demarc.Plane.Ledger;

namespace Demarc.Sim;

/// <summary>
/// The emergency sessions of a run: what they have on the machine, who asks, approves and works in them, and who watches. On dice of their own; a run
/// without them throws none of these.
/// </summary>
internal sealed class SimSessions : IDisposable
{
    // Copies of recordings are files of the plane's; each run has a folder of its own, and takes it away.
    private readonly string folder = Path.Combine(Path.GetTempPath(), "demarc-sim-" + Path.GetRandomFileName());

    public SimSessions(SimWorld world, int seed)
    {
        Dice = new Random(seed ^ 0x5e55);
        Recipient = AgeIdentity.Generate(Dice.NextBytes).Recipient;
        Sealed = AgeFile.EncryptArmored(Encoding.UTF8.GetBytes("the password"), [Recipient], Dice.NextBytes);
        Inspector = new SessionInspector(world, this);
        People = new SimSessionPeople(world, this);
    }

    public Random Dice { get; }

    public SimSessionMachine Machine { get; } = new();

    public SessionInspector Inspector { get; }

    public SimSessionPeople People { get; }

    /// <summary>To whom credentials are sealed.</summary>
    public AgeRecipient Recipient { get; }

    /// <summary>A password as its requester gets it: one for all, since sealing takes its time and nobody opens it here.</summary>
    public string Sealed { get; }

    /// <summary>The worker of the agent that lives, for who stands beside its machine.</summary>
    public SessionWorker? Worker { get; private set; }

    /// <summary>What the plane keeps and carries, for one life of it.</summary>
    public SessionBoard Board(Sequencer sequencer, TimeProvider time) => new(sequencer, folder, time);

    /// <summary>Gives one life of the agent its hands for sessions.</summary>
    public void Equip(SimWorld world, AgentCore core, SimProcess process, AgentLedger ledger, SimMachineAccess access, TimeProvider time)
    {
        var hands = new SimSessionHands(world, this, process, time);
        core.Sessions.Hands = hands;
        core.Sessions.Bundles = new BundleMaker(ledger, hands, core.Traffic, () => core.Reports.Latest, access, null, time);
        Worker = core.Sessions;
        Inspector.AgentStarts();
    }

    /// <summary>What the agent had by its own life is gone.</summary>
    public void AgentDied()
    {
        Worker = null;
        Inspector.AgentDied();
        Machine.AgentDied();
    }

    /// <summary>A charter with rules for sessions as the die wants them.</summary>
    public CharterDocument Chartered(CharterDocument charter)
    {
        var rule = charter[TaskId.Emergency] with { Override = Dice.Chance(0.35) };
        if (Dice.Chance(0.15)) rule = rule with { Approval = rule.Approval.SetItem(ChangeAction.Terminal.Name, new ApprovalNeed(0, 2, [], true)) };
        return charter with
        {
            Rules = charter.Rules.SetItem(TaskId.Emergency, rule),
            Preapproved = Dice.Chance(0.3) ? [new PreapprovedAct("night", ChangeAction.Terminal.Name, null, 2, new DateOnly(2030, 1, 1))] : charter.Preapproved,
        };
    }

    public void Dispose()
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}
