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
        var groups = Grouping?.Places.Select(p => p.NewData()).ToList();
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
                for (var i = 0; i < groups?.Count; i++)
                {
                    Grouping!.Places[i].Write(groups[i], hit.Segment, hit.Row);
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
        if (Grouping?.NamesOne is true)
        {
            results.GroupByFieldValue = groups![0];
        }
        else if (groups is not null)
        {
            results.GroupByFieldValues.Add(groups);
        }

        results.HighlightResults.Add(highlights);
        results.FieldsData.Add(output.Columns);
        results.OutputFields.Add(output.Names);
        return new SearchResults { Status = new Protocol.Status(), CollectionName = collection, Results = results, SessionTs = now };
    }

    /// <summary>
    /// Without groups, limit, offset and order are about rows; in a grouping search they are about groups, each of which has
    /// the place of its nearest row. Order comes first: it is that of all that was found, offset included.
    /// </summary>
    private List<Ranked> Page(List<Ranked> hits)
    {
        if (Grouping is null)
        {
            IEnumerable<Ranked> rows = Order is null ? hits : Order.Sort(hits.Take(offset + limit), h => (h.Segment, h.Row));
            return [.. rows.Skip(offset).Take(limit)];
        }

        IEnumerable<IGrouping<GroupKey, Ranked>> groups = hits.GroupBy(Grouping.KeyOf).Take(offset + limit);
        groups = Order is null ? groups : Order.Sort(groups, g => (g.First().Segment, g.First().Row));
        return [.. groups.Skip(offset).Take(limit).SelectMany(g => g)];
    }
}
