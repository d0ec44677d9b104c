extern alias cli;

using cli::Demarc.Cli.Samples;

namespace Demarc.Tests.Samples;

/// <summary>The sample's vectors: the same everywhere, and good enough that a stranger's question finds its answer in these documents.</summary>
public sealed class RetrievalTests
{
    [Theory]
    [InlineData("why can neither side rewrite the ledger", "ledger")]
    [InlineData("what happens to a deleted instance", "recycle bin")]
    [InlineData("how do I replace a lost agent", "agent")]
    [InlineData("who holds the password of an instance", "password")]
    [InlineData("how does a browser check the proof", "browser")]
    public void A_question_finds_a_paragraph_that_answers_it(string question, string holds)
    {
        var rows = Paragraphs.Read([]);
        var method = TextVectors.Learn([.. rows.Select(row => $"{row.Source}\n{row.Text}")]);
        var asked = method.Of(question);
        var shown = rows.OrderByDescending(row => Cosine(asked, method.Of($"{row.Source}\n{row.Text}"))).Take(3).ToList();
        Assert.Contains(shown, row => $"{row.Source} {row.Text}".Contains(holds, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void The_same_text_gives_the_same_vector_after_saving_and_loading()
    {
        var learnt = TextVectors.Learn(["the agent keeps the ledger", "the plane gives the order", "台帳は双方が持つ"]);
        var loaded = TextVectors.Load(learnt.Save());
        Assert.NotNull(loaded);
        foreach (var text in new[] { "who keeps the ledger?", "台帳", "", "…!" })
        {
            Assert.Equal(learnt.Of(text), loaded.Of(text));
            Assert.Equal(1, Math.Sqrt(learnt.Of(text).Sum(x => (double)x * x)), 1e-5);
        }

        Assert.Null(TextVectors.Load([1, 2, 3]));
    }

    [Fact]
    public void The_vector_of_a_sentence_is_this_one_on_every_machine()
    {
        var vector = TextVectors.Learn(["one sentence", "and another"]).Of("one sentence more");
        var at = Array.IndexOf(vector, vector.Max());
        Assert.Equal((PinnedAt, PinnedValue), (at, Math.Round(vector[at], 6)));
    }

    [Fact]
    public void Items_are_paragraphs_under_their_heading_and_tables_and_code_are_left_out()
    {
        const string text = """
            # Title

            An introduction that is long enough to be a paragraph of its own, as they go.

            ## Items ##

            * The **first** item, which is [linked](https://example.org/a) and long enough to stand alone here.
              It goes on in a second line.
            * The second item, equally long, so that it need not be joined to what comes after it.
            1. Short.

            | a | table |
            |---|---|

            ```sh
            some code
            ```

            The end.
            """;
        var cut = Paragraphs.Cut("a.md", text).ToList();
        Assert.Equal(
            [
                new("a.md › Title", "An introduction that is long enough to be a paragraph of its own, as they go."),
                new("a.md › Items", "The first item, which is linked and long enough to stand alone here. It goes on in a second line."),
                new("a.md › Items", "The second item, equally long, so that it need not be joined to what comes after it."),
                new Paragraph("a.md › Items", "Short. The end."),
            ],
            cut);
    }

    [Fact]
    public void A_long_paragraph_is_cut_at_sentences_and_nothing_is_lost()
    {
        var text = string.Join(' ', Enumerable.Range(0, 200).Select(i => $"Sentence number {i} says so."));
        var cut = Paragraphs.Cut("long.txt", text).ToList();
        Assert.True(cut.Count > 5);
        Assert.All(cut, piece => Assert.InRange(piece.Text.Length, 1, 600));
        Assert.Equal(text, string.Join(' ', cut.Select(piece => piece.Text)));
    }

    private const int PinnedAt = 16;
    private const double PinnedValue = 0.322749;

    private static double Cosine(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}
