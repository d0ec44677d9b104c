using System.Collections.Concurrent;
using System.Globalization;

namespace Demarc.Sim.Engine;

/// <summary>
/// The engine against a model: random schemas, writes, crashes and questions, each sequence out of one number. A sequence
/// that fails is made as short as it will go and printed; <c>./dev sim 1 NUMBER</c> brings it back.
/// </summary>
public sealed class ModelTests(ITestOutputHelper output)
{
    private const int Fast = 240;
    private const int RunsPerSequence = 10;
    private const int MostThreads = 2;

    private static int? OneSeed => Number("DEMARC_SIM_SEED");

    private static int Wanted => Number("DEMARC_SIM_RUNS") is { } runs ? Math.Max(1, runs / RunsPerSequence) : Fast;

    [Fact]
    public void The_engine_answers_as_the_model_says()
    {
        if (OneSeed is { } seed)
        {
            var one = ModelRun.Of(ModelSequence.Of(seed));
            output.WriteLine($"seed {seed}: {one.Calls} operations, {one.Crashes} crashes, trace {one.Trace:x16}");
            Assert.True(one.Violation is null, Told(one));
            return;
        }

        var results = RunAll(Number("DEMARC_SIM_FIRST") ?? 0, Wanted);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{results.Count} sequences, {results.Sum(r => r.Calls)} operations, {results.Sum(r => r.Searches)} searches, {results.Sum(r => r.Crashes)} crashes, mean recall of approximate searches {results.Where(r => r.Recall < 1).Select(r => r.Recall).DefaultIfEmpty(1).Average():0.0000}"));
        var failed = results.Where(r => r.Violation is not null).OrderBy(r => r.Seed).ToList();
        Assert.True(failed.Count == 0, failed.Count == 0 ? "" : $"{failed.Count} of {results.Count} sequences failed: seeds {string.Join(", ", failed.Take(40).Select(r => r.Seed))}\n{string.Join("\n", failed.Take(20).Select(r => $"  {r.Seed}: {r.Violation}"))}\n{Told(failed[0])}");
        Assert.True(results.Count < 100 || results.Sum(r => r.Crashes) > results.Count, "hardly anything crashed: the sequences prove little");
        Assert.True(results.Count < 100 || results.Sum(r => r.Searches) > results.Count, "hardly anything was searched: the sequences prove little");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(14)]
    public void A_seed_replays_identically(int seed)
    {
        var first = ModelRun.Of(ModelSequence.Of(seed));
        var again = ModelRun.Of(ModelSequence.Of(seed));
        Assert.Null(first.Violation);
        Assert.Equal((first.Trace, first.Calls), (again.Trace, again.Calls));
        Assert.NotEqual(first.Trace, ModelRun.Of(ModelSequence.Of(seed + 1)).Trace);
    }

    [Theory]
    [InlineData(BrokenEngine.ForgetsDeletes)]
    [InlineData(BrokenEngine.ScoresWrong)]
    [InlineData(BrokenEngine.LosesWritesWhenKilled)]
    [InlineData(BrokenEngine.KeepsHalfOfWhatFailed)]
    public void A_broken_engine_is_found(BrokenEngine broken)
    {
        var found = Enumerable.Range(0, 39).Select(seed => ModelRun.Of(ModelSequence.Of(seed), broken)).FirstOrDefault(result => result.Violation is not null);
        Assert.True(found is not null, $"39 sequences with an engine that {broken} went well: the model sees nothing");
        output.WriteLine($"{broken}: seed {found.Seed}, {found.Violation}");
    }

    private static List<ModelResult> RunAll(int first, int count)
    {
        var results = new ConcurrentBag<ModelResult>();
        var next = first - 1;
        var threads = Enumerable.Range(0, Math.Min(MostThreads, Environment.ProcessorCount)).Select(_ => new Thread(() =>
        {
            int seed;
            while ((seed = Interlocked.Increment(ref next)) < first + count)
            {
                var result = ModelRun.Of(ModelSequence.Of(seed));
                results.Add(result);
                if (result.Violation is not null) Say($"model seed {seed}: {result.Violation}");
                else if (count > Fast && results.Count % 1000 == 0) Say($"{results.Count} of {count} sequences");
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return [.. results];
    }

    /// <summary>The same failure with as few operations as will bring one.</summary>
    private static string Told(ModelResult result)
    {
        if (result.Violation is null) return "";
        var shortest = ModelSequence.Of(result.Seed);
        var why = result.Violation;
        for (var size = shortest.Ops.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at < shortest.Ops.Count;)
            {
                var fewer = shortest with { Ops = [.. shortest.Ops.Take(at), .. shortest.Ops.Skip(at + size)] };
                if (ModelRun.Of(fewer).Violation is { } still)
                {
                    (shortest, why) = (fewer, still);
                }
                else
                {
                    at += size;
                }
            }
        }

        var fields = string.Join(", ", shortest.Schema.Fields.Select(f => $"{f.Name}{(f.Nullable ? "?" : "")}{(f.Default is { } d ? $" = {ModelValues.Show(d)}" : "")}{(f.IsPartitionKey ? " (partition key)" : "")}"));
        return $"seed {result.Seed}, shortened to {shortest.Ops.Count} operations, fails with: {why}\n{fields}{(shortest.Schema.Dynamic ? ", dynamic" : "")}{(shortest.Schema.AutoId ? ", automatic keys" : "")}; {string.Join(", ", shortest.Schema.Indexes.Select(i => $"{i.Key} {i.Value.Type} {i.Value.Metric}"))}\n{string.Join("\n", shortest.Ops.Select((o, i) => $"  {i} {ModelText.Of(o)}"))}\nReplay it with: ./dev sim 1 {result.Seed}";
    }

    // A long run says how far it is; the runner itself shows nothing before the end.
    private static void Say(string line)
    {
        using var terminal = Console.OpenStandardError();
        terminal.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
