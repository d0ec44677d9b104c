using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;
using Demarc.Engine.Vectors;
using Google.Protobuf;

namespace Demarc.Engine.Service;

/// <summary>What a search is by: vectors, lists of vectors, texts, or the vectors of rows that are there.</summary>
internal sealed partial class MilvusEndpoint
{
    /// <summary>The parameter that says which of a text field's analyzers splits what is searched by.</summary>
    public const string AnalyzerParameter = "analyzer_name";

    /// <summary>The placeholder of a list of vectors is that much above the type of one.</summary>
    private const int ListPlaceholders = PlaceholderType.EmbListFloatVector - PlaceholderType.FloatVector;

    private static void CheckQueryCount(int queries)
    {
        if (queries is < 1 or > Limits.QueryVectors)
        {
            throw Faults.Invalid(Faults.Invalid($"nq [{queries}] is invalid, nq (number of search vector per search request) should be in range [1, {Limits.QueryVectors}], but got {queries}").Message);
        }
    }

    /// <summary>The texts that a search is by, if it is by texts.</summary>
    private static List<string> Texts(SearchRequest request) =>
        request.SearchInputCase != SearchRequest.SearchInputOneofCase.PlaceholderGroup ? []
        : [.. Parsed(PlaceholderGroup.Parser, request.PlaceholderGroup, "placeholder_group").Placeholders.Where(p => p.Type == PlaceholderType.VarChar).SelectMany(p => p.Values).Select(v => v.ToStringUtf8())];

    public static FieldDefinition SearchField(CollectionDefinition definition, string? name)
    {
        if (name is not null)
        {
            return definition.Field(name) switch
            {
                null => throw Faults.Invalid(Faults.Invalid($"failed to create query plan: failed to get field schema by name: fieldName({name}) not found").Message),
                { IsSearchable: true } found => found,
                _ => throw Faults.Invalid($"failed to create query plan: field ({name}) to search is not of vector data type: query plan failed"),
            };
        }

        var vectors = definition.Fields.Where(f => f.IsSearchable).ToList();
        return vectors.Count == 1 ? vectors[0] : throw Faults.Invalid("multiple anns_fields exist, please specify a anns_field in search_params");
    }

    private static int QueryCount(SearchRequest request)
    {
        if (request.SearchInputCase == SearchRequest.SearchInputOneofCase.Ids && KeyCount(request.Ids) is > 0 and var keys)
        {
            return keys;
        }

        var group = Parsed(PlaceholderGroup.Parser, request.PlaceholderGroup, "placeholder_group");
        var queries = group.Placeholders.Count == 1 ? group.Placeholders[0].Values.Count : 0;
        CheckQueryCount(queries);
        return queries;
    }

    private static int KeyCount(IDs ids) => (ids.IntId?.Data.Count ?? 0) + (ids.StrId?.Data.Count ?? 0);

    private static QueryVector[][] Queries(SearchRequest request, FieldDefinition field, CollectionRows collection, CollectionView view, string? analyzer)
    {
        if (request.SearchInputCase == SearchRequest.SearchInputOneofCase.Ids && KeyCount(request.Ids) > 0)
        {
            return QueriesOfRows(request.Ids, field, collection, view, analyzer);
        }

        var group = Parsed(PlaceholderGroup.Parser, request.PlaceholderGroup, "placeholder_group");
        var placeholder = group.Placeholders[0];
        if (field.Schema.IsFunctionOutput && field.Type == DataType.BinaryVector && placeholder.Type == PlaceholderType.VarChar)
        {
            var function = MinHash.Of(view.Definition, field);
            return Single(placeholder.Values.Select(text => VectorReader.Query(field, ByteString.CopyFrom(function.Signature(text.ToStringUtf8())))));
        }

        if (field.IsCounted)
        {
            return placeholder.Type == PlaceholderType.VarChar
                ? Single(placeholder.Values.Select(text => Bm25.Query(collection.View, field, text.ToStringUtf8(), analyzer)))
                : throw Faults.Invalid($"please provide varchar/text for BM25 Function based search, got {placeholder.Type}");
        }

        if (field.IsVectorArray && SearchRun.MetricOf(view.Definition, field, null).Lists)
        {
            return (int)placeholder.Type == ListPlaceholders + (int)field.ElementType
                ? [.. placeholder.Values.Select(bytes => List(field.Element, bytes))]
                : throw Faults.Invalid("vector type must be the same", $"a list of {field.ElementType} for field {field.Name}", placeholder.Type);
        }

        var one = field.IsVectorArray ? field.Element : field;
        return (int)placeholder.Type == (int)one.Type
            ? Single(placeholder.Values.Select(bytes => VectorReader.Query(one, bytes)))
            : throw Faults.Invalid("vector type must be the same", $"{one.Type} field {field.Name}", placeholder.Type);
    }

    /// <summary>The vectors that rows have, or for a search by words what their texts come to; nothing for a row without a vector.</summary>
    private static QueryVector[][] QueriesOfRows(IDs ids, FieldDefinition field, CollectionRows collection, CollectionView view, string? analyzer)
    {
        var definition = view.Definition;
        List<object> keys = [.. ids.IntId?.Data.Cast<object>() ?? [], .. ids.StrId?.Data ?? []];
        var whole = definition.Primary.Type == DataType.Int64;
        var mistake = keys.Distinct().Count() < keys.Count ? Faults.Invalid("duplicate IDs found in search request")
            : field.IsVectorArray ? Faults.Invalid("array of vector is not supported for search by IDs")
            : whole && ids.IntId is null ? Faults.Invalid("primary key is int64, but IDs type mismatch", "int64 IDs", "got other type")
            : !whole && ids.StrId is null ? Faults.Invalid("primary key is varchar, but IDs type mismatch", "string IDs", "got other type")
            : null;
        if (mistake is not null)
        {
            throw mistake;
        }

        var partitions = view.Segments.Select(s => s.Segment.PartitionId).ToHashSet();
        var rows = ByKeys(collection, ids).Rows.Where(r => partitions.Contains(r.Segment.Segment.PartitionId))
            .ToDictionary(r => RowValue.Of(r.Segment.Segment.Columns[definition.PrimaryIndex], r.Row)!);
        var missing = keys.Where(key => !rows.ContainsKey(key)).ToList();
        if (missing.Count > 0)
        {
            throw Faults.Invalid($"some of the provided primary key IDs do not exist: missing IDs = [{string.Join(' ', missing)}]");
        }

        return [.. keys.Select(key => QueryOf(rows[key], field, collection, analyzer))];
    }

    private static QueryVector[] QueryOf((SegmentView Segment, int Row) row, FieldDefinition field, CollectionRows collection, string? analyzer)
    {
        var definition = collection.View.Definition;
        var from = definition.FieldIndex(field.IsCounted ? FunctionRules.InputOf(definition, field).Name : field.Name);
        var column = row.Segment.Segment.Columns[from];
        return column.IsNull(row.Row) ? []
            : column is TextColumn texts ? [Bm25.Query(collection.View, field, texts.Values[row.Row], analyzer)]
            : [((VectorColumn)column).Query(row.Row)];
    }

    private static QueryVector[][] Single(IEnumerable<QueryVector> queries) => [.. queries.Select(q => new[] { q })];

    /// <summary>The vectors of a list, which follow each other on the wire.</summary>
    private static QueryVector[] List(FieldDefinition element, ByteString bytes)
    {
        if (bytes.Length == 0 || bytes.Length % element.VectorBytes != 0)
        {
            throw Faults.Invalid($"vector dimension mismatch, expected a list of vectors of {element.VectorBytes} bytes, actual {bytes.Length} bytes");
        }

        return [.. Enumerable.Range(0, bytes.Length / element.VectorBytes).Select(i => VectorReader.Query(element, ByteString.CopyFrom(bytes.Span.Slice(i * element.VectorBytes, element.VectorBytes))))];
    }
}
