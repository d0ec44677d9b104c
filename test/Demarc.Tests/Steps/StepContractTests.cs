namespace Demarc.Tests.Steps;

/// <summary>The same harness on real folders, files and processes: what keeps the fakes honest.</summary>
public sealed class StepContractTests
{
    public static TheoryData<string, StepFault, bool> Cases()
    {
        var cases = new TheoryData<string, StepFault, bool>();
        foreach (var sample in StepSamples.All("age1-any"))
        {
            foreach (var fault in Enum.GetValues<StepFault>().Where(fault => fault != StepFault.KilledTwiceAnywhere))
            {
                cases.Add(sample.Step.Kind, fault, false);
                cases.Add(sample.Step.Kind, fault, true);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Effect_happens_once_on_the_real_machine(string kind, StepFault fault, bool undo)
    {
        var whole = Run(kind, fault == StepFault.KilledAnywhere ? StepFault.None : fault, undo, -1);
        for (var at = 0; fault == StepFault.KilledAnywhere && at < whole; at++) Run(kind, fault, undo, at);
    }

    private static int Run(string kind, StepFault fault, bool undo, int killAt)
    {
        using var real = new RealWorld();
        using var harness = new StepHarness(() => real.World, recipient => StepSamples.All(recipient), kind, fault, undo, new SwiftTime());
        harness.Run(killAt, killAt < 0 ? 0 : 1);
        return harness.Touches;
    }
}
