using Demarc.Core.Instances;

namespace Demarc.Tests.Steps;

/// <summary>Every step type, every fault, forwards and backwards, on fakes.</summary>
public sealed class StepHarnessTests
{
    private const string AnyRecipient = "age1-any";

    public static TheoryData<string, StepFault, bool> Cases()
    {
        var cases = new TheoryData<string, StepFault, bool>();
        foreach (var sample in StepSamples.All(AnyRecipient))
        {
            foreach (var fault in Enum.GetValues<StepFault>())
            {
                cases.Add(sample.Step.Kind, fault, false);
                cases.Add(sample.Step.Kind, fault, true);
            }
        }

        return cases;
    }

    [Fact]
    public void Every_step_type_has_a_sample()
    {
        var types = typeof(InstanceStep).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(InstanceStep)) && !type.IsAbstract).ToList();
        var samples = StepSamples.All(AnyRecipient).Select(sample => sample.Step.GetType()).ToList();
        Assert.NotEmpty(types);
        Assert.Equal(types.OrderBy(type => type.Name), samples.OrderBy(type => type.Name));
        Assert.All(StepSamples.All(AnyRecipient), sample => Assert.Equal(sample.Step.Reversible, sample.Undoes));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Effect_happens_once_and_the_ledger_is_true(string kind, StepFault fault, bool undo)
    {
        if (fault is not (StepFault.KilledAnywhere or StepFault.KilledTwiceAnywhere))
        {
            using var plain = Make(kind, fault, undo);
            plain.Run();
            return;
        }

        using var whole = Make(kind, StepFault.None, undo);
        whole.Run();
        Assert.True(whole.Touches >= 4, "there are at least two entries, each with a before and an after");
        for (var at = 0; at < whole.Touches; at++)
        {
            using var killed = Make(kind, fault, undo);
            killed.Run(at, fault == StepFault.KilledTwiceAnywhere ? 2 : 1);
        }
    }

    private static StepHarness Make(string kind, StepFault fault, bool undo) =>
        new(FakeWorld.Make, recipient => StepSamples.All(recipient), kind, fault, undo);
}
