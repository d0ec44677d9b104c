using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>Writes what a search has found into the columns of its answer.</summary>
internal sealed class SearchAnswer(CollectionView view, IEnumerable<string> fields, int limit, int offset, int decimals)
{
    public Grouping? Grouping { get; init; }

    public OrderBy? Order { get; init; }

    /// <summary>Whether hits are elements of a struct array, and the answer says which.</summary>
    public bool FindsElements { get; init; }

    /// <summary>In which zone times are shown; the collection's when not given.</summary>
    public TimeZoneInfo? Zone { get; init; }

    public Highlighting? Highlights { get; init; }

    public SearchResults Build(List<Ranked>[] found, string collection, ulong now)
    {
        var definition = view.Definition;
        var output = new OutputFields(definition, fields, withPrimary: false) { Zone = Zone };
        var keys = Column.NewData(definition.Primary);
        var groups = Grouping is null ? null : Column.NewData(definition.Fields[Grouping.Field]);
        var results = new SearchResultData
        {
            NumQueries = found.Length,
            TopK = limit,
            PrimaryFieldName = definition.Primary.Name,
            AllSearchCount = view.LiveRows,
        };
        var highlights = new List<HighlightResult>();
        for (var query = 0; query < found.Length; query++)
        {
            var page = Page(found[query]);
            results.Topks.Add(page.Count);
            foreach (var hit in page)
            {
                results.Scores.Add(decimals >= 0 ? MathF.Round(hit.Score, decimals) : hit.Score);
                hit.Segment.Segment.Columns[definition.PrimaryIndex].Write(keys, hit.Row);
                if (groups is not null)
                {
                    hit.Segment.Segment.Columns[Grouping!.Field].Write(groups, hit.Row);
                }

                output.Add(hit.Segment, hit.Row);
                Highlights?.AddTo(highlights, query, hit);
                if (FindsElements)
                {
                    (results.ElementIndices ??= new LongArray()).Data.Add(hit.Element);
                }
            }
        }

        // Where nothing is found Milvus leaves the ids out, and its clients read that.
        results.Ids = results.Scores.Count > 0 ? MilvusEndpoint.Ids(keys) : null;
        if (groups is not null)
        {
            results.GroupByFieldValue = groups;
            results.GroupByFieldValues.Add(groups);
        }

        results.HighlightResults.Add(highlights);
        results.FieldsData.Add(output.Columns);
        results.OutputFields.Add(output.Names);
        return new SearchResults { Status = new Protocol.Status(), CollectionName = collection, Results = results, SessionTs = now };
    }

    /// <summary>Without offset, limit and order are about rows; in a grouping search offset and limit are about groups.</summary>
    private List<Ranked> Page(List<Ranked> hits)
    {
        if (Grouping is not null)
        {
            var left = hits.GroupBy(h => (Grouping.ValueOf(h) is null, Grouping.ValueOf(h))).Skip(offset).Take(limit).SelectMany(g => g);
            return Order is null ? [.. left] : Order.Sort(left, h => (h.Segment, h.Row));
        }

        var page = hits.Skip(offset).Take(limit);
        return Order is null ? [.. page] : Order.Sort(page, h => (h.Segment, h.Row));
    }
}
