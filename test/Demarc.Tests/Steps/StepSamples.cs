using Demarc.Core.Instances;

namespace Demarc.Tests.Steps;

/// <summary>What a step type brings to the harness.</summary>
/// <param name="Step">An example.</param>
/// <param name="Before">Steps whose effects it builds on, in order.</param>
/// <param name="Effects">Effects that it has, each exactly once, as the start of a line of the world's trace.</param>
/// <param name="Undoes">Whether its undo brings back the world as it was.</param>
public sealed record StepSample(InstanceStep Step, IReadOnlyList<InstanceStep> Before, IReadOnlyList<string> Effects, bool Undoes);

/// <summary>One sample per step type. A type without one fails the harness.</summary>
public static class StepSamples
{
    private static readonly InstanceId Id = InstanceId.Parse("alpha");
    private const int Port = 19530;
    private const string Version = "2.6.4";

    /// <summary>The samples; the recipient is a key that a test holds.</summary>
    public static IReadOnlyList<StepSample> All(string recipient, int port = Port)
    {
        var data = new CreateData(Id);
        var mint = new MintCredential(Id, InstancePlanner.FirstUser, recipient);
        var start = new StartEngine(Id, Version, port, 512);
        var healthy = new AwaitHealthy(Id, port);
        var halt = new StopEngine(Id, Version, port, 512);
        var recycle = new RecycleData(Id);
        return
        [
            new(data, [], ["create alpha"], true),
            new(mint, [data], ["write issued.json", "write credential.json", "write probe.json"], true),
            new(start, [data, mint], ["start alpha"], true),
            new(healthy, [data, mint, start], [], true),
            new(new VerifyInstance(Id, port), [data, mint, start, healthy], ["verify"], true),
            new(halt, [data, mint, start, healthy], ["stop alpha"], true),
            new(recycle, [data, mint], ["move alpha to Recycle"], true),
            new(new ReturnData(Id), [data, mint, recycle], ["move alpha to Instances"], true),
            new(new EraseData(Id), [data, mint, recycle], ["erase alpha"], false),
        ];
    }

    /// <summary>A step that the harness makes fail for good, so that what went before is undone.</summary>
    public static InstanceStep Breaker { get; } = new AwaitHealthy(Id, 1);

    /// <summary>Whether a step is that one.</summary>
    public static bool IsBreaker(InstanceStep step) => step == Breaker;
}
