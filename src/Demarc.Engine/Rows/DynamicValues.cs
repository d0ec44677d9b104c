using System.Text;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>What rows have beyond their schema: JSON objects whose names are not those of fields.</summary>
internal static class DynamicValues
{
    private static readonly byte[] Reserved = Encoding.UTF8.GetBytes(CollectionDefinition.DynamicFieldName);

    /// <param name="definition">The collection.</param>
    /// <param name="column">The canonical column of its dynamic field.</param>
    /// <param name="mayNameFields">Whether names of fields are let pass: a row may have had them before they became fields.</param>
    public static void Check(CollectionDefinition definition, FieldData column, bool mayNameFields)
    {
        var fields = mayNameFields ? [] : definition.Standing.Where(f => !StructRules.IsPart(f.Name) && !f.Schema.IsDynamic).Select(f => (f.Name, Encoding.UTF8.GetBytes(f.Name))).ToList();
        foreach (var value in column.Scalars.JsonData.Data)
        {
            try
            {
                Check(value, fields);
            }
            catch (JsonException e)
            {
                throw Faults.Invalid($"invalid dynamic field data, only json map is supported: not valid JSON at byte {e.BytePositionInLine} of line {e.LineNumber}");
            }
        }
    }

    private static void Check(ByteString value, List<(string Name, byte[] Bytes)> fields)
    {
        var reader = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw Faults.Invalid("invalid dynamic field data, only json map is supported: not an object");
        }

        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
            {
                continue;
            }

            if (reader.ValueTextEquals(Reserved))
            {
                throw Faults.Invalid($"cannot set json key to: {CollectionDefinition.DynamicFieldName}");
            }

            foreach (var (name, bytes) in fields)
            {
                if (reader.ValueTextEquals(bytes))
                {
                    throw Faults.Invalid($"dynamic field name cannot include the static field name: {name}");
                }
            }
        }
    }
}
