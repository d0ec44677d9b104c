using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Text;

/// <summary>
/// How BM25 weighs a row's count of a word: more of it counts less and less (k1), and in a long text less (b).
/// </summary>
/// <remarks>Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the idf that is never negative.</remarks>
internal sealed record Bm25Shape(double K1, double B, double AverageLength)
{
    public const double DefaultK1 = 1.2;
    public const double DefaultB = 0.75;

    public float Weigh(float count, float length) =>
        (float)(count * (K1 + 1) / (count + (K1 * (1 - B + (B * length / AverageLength)))));
}

/// <summary>Turns a text to search by into weighed words, over the statistics of the whole collection.</summary>
internal static class Bm25
{
    /// <param name="view">The collection.</param>
    /// <param name="output">The field that is searched.</param>
    /// <param name="text">What it is searched by.</param>
    /// <param name="analyzer">Which of the text field's analyzers splits it, where it has several; null for the usual one.</param>
    public static QueryVector Query(CollectionView view, FieldDefinition output, string text, string? analyzer)
    {
        var definition = view.Definition;
        var field = definition.FieldIndex(output.Name);
        var asked = Terms.Count(FunctionRules.InputOf(definition, output).Analyzers.Of(analyzer), text);
        var terms = asked.Keys.ToArray();
        var having = new long[terms.Length];
        long rows = 0;
        double words = 0;
        foreach (var segment in view.Segments)
        {
            ((SparseVectorColumn)segment.Segment.Columns[field]).Statistics!.AddTo(ref rows, ref words, terms, having);
        }

        var values = new float[terms.Length];
        for (var i = 0; i < terms.Length; i++)
        {
            values[i] = (float)(asked[terms[i]] * Math.Log(1 + ((rows - having[i] + 0.5) / (having[i] + 0.5))));
        }

        var index = definition.IndexOn(output.Name);
        return QueryVector.Sparse(terms, values) with
        {
            Shape = new Bm25Shape(Parameter(index, "bm25_k1", Bm25Shape.DefaultK1), Parameter(index, "bm25_b", Bm25Shape.DefaultB), rows == 0 || words == 0 ? 1 : words / rows),
        };
    }

    private static double Parameter(StoredIndex? index, string name, double absent) =>
        index?.Params.FirstOrDefault(p => p.Key == name) is { } given && double.TryParse(given.Value, System.Globalization.CultureInfo.InvariantCulture, out var value) ? value : absent;
}
