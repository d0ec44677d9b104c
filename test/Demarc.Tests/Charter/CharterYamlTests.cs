using System.Text;
using CsCheck;
using Demarc.Core.Charter;
using Demarc.Tests.House;

namespace Demarc.Tests.Charter;

/// <summary>The charter's text: what is written reads back the same, and each fault is named by place, field and remedy.</summary>
public sealed class CharterYamlTests
{
    private static readonly string Default = CharterYaml.Write(CharterDocument.Default);

    [Fact]
    public void The_default_charter_is_the_published_table() => Golden.Check("charter-default.yaml", Default);

    [Fact]
    public void What_is_written_reads_back_the_same()
    {
        var read = CharterYaml.Read(Default);
        Assert.Empty(read.Faults);
        Assert.Equal(Default, CharterYaml.Write(read.Document!));
    }

    [Theory]
    [InlineData("owner: customer", "owner: nobody", "owner: 'nobody' is not a party; allowed are vendor, customer, both")]
    [InlineData("  bucket: #", "  buckets: #", "tasks.buckets: is not a task; allowed are network, machines")]
    [InlineData("charter: 1", "charter: 1\n: nothing", "charter: has a key that is not a word")]
    [InlineData("charter: 1", "charter: 0", "charter: must be a whole number from 1 to 1000000")]
    [InlineData("name: 'default'", "nom: 'default'", "nom: is not a field of a charter; allowed are charter, name, windows, preapproved, prices, tasks")]
    [InlineData("      instances.delete: customer", "      instances.explode: customer", "'instances.explode' is not allowed here; allowed are instances.create")]
    [InlineData("      instances.delete: customer", "      instances.delete: 7", "'7' is not a party")]
    [InlineData("      max-instances: 10", "      max-instances: -1", "limits.max-instances: must be a whole number from 0")]
    [InlineData("      max-instances: 10", "      max-pods: 10", "limits.max-pods: is not a limit of provision; allowed are max-instances, max-memory-mib")]
    [InlineData("standing: [instances.heal", "standing: [instances.create", "'instances.create' is not allowed here")]
    public void A_fault_is_named(string right, string wrong, string expected)
    {
        var text = Default.Replace(right, wrong, StringComparison.Ordinal);
        Assert.NotEqual(Default, text);
        var read = CharterYaml.Read(text, "my.yaml");
        Assert.Null(read.Document);
        var line = Array.FindIndex(text.Split('\n'), l => l.Contains(wrong.Split('\n')[0], StringComparison.Ordinal)) + 1;
        Assert.Contains(read.Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal) && f.File == "my.yaml" && Math.Abs(f.Line - line) <= 1);
    }

    [Fact]
    public void A_missing_task_is_named()
    {
        var start = Default.IndexOf("  logs:", StringComparison.Ordinal);
        var end = Default.IndexOf("  audit:", StringComparison.Ordinal);
        Assert.Contains(CharterYaml.Read(Default.Remove(start, end - start)).Faults, f => f.Field == "tasks.logs" && f.Message.Contains("missing", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a: &x [1]\nb: *x", "anchors")]
    [InlineData("{{{{{{{{{{{{{{{{{{{{{{", "charter.yaml:1")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "nested deeper")]
    [InlineData("", "exactly one")]
    [InlineData("--- 1\n--- 2", "exactly one")]
    [InlineData("just words", "must be a map")]
    [InlineData("? [1, 2]\n: x", "not a word")]
    [InlineData("a: \0", "charter.yaml:1")]
    public void Bombs_and_nonsense_are_refused_in_words(string text, string expected)
    {
        var read = CharterYaml.Read(text);
        Assert.Null(read.Document);
        Assert.Contains(read.Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void A_text_beyond_the_limit_is_not_even_parsed() =>
        Assert.Contains("longer than", CharterYaml.Read(new string('a', 1_000_000)).Faults[0].Message, StringComparison.Ordinal);

    [Fact]
    public void No_mutation_makes_the_reader_throw()
    {
        var mutation = Gen.Select(Gen.Int[0, Default.Length - 1], Gen.Int[0, 40], Gen.String[0, 30]);
        mutation.Array[1, 4].Sample(
            mutations =>
            {
                var text = new StringBuilder(Default);
                foreach (var (at, length, insert) in mutations)
                {
                    var from = Math.Min(at, text.Length);
                    text.Remove(from, Math.Min(length, text.Length - from)).Insert(from, insert);
                }

                var read = CharterYaml.Read(text.ToString());
                Assert.True(read.Document is not null || read.Faults.All(f => f.Line >= 1 && f.Message.Length > 0 && f.Field.Length > 0));
                if (read.Document is { } document) Assert.NotNull(CharterYaml.Read(CharterYaml.Write(document)).Document);
            },
            iter: 2000);
    }
}
