using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Which partition a row goes to by the value of its partition key. The hash is written out here because it must be the same for ever.</summary>
internal static class PartitionKeys
{
    private const ulong Basis = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    public static IEnumerable<long> Spread(CollectionDefinition definition, FieldData keys, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            if (keys.ValidData.Count > 0 && !keys.ValidData[row])
            {
                throw Faults.Invalid($"partition key field {definition.Fields[definition.PartitionKeyIndex].Name} should not be null");
            }

            var hash = keys.Scalars.DataCase == ScalarField.DataOneofCase.LongData
                ? Hash(BitConverter.GetBytes(keys.Scalars.LongData.Data[row]))
                : Hash(Encoding.UTF8.GetBytes(keys.Scalars.StringData.Data[row]));
            yield return definition.Partitions[(int)(hash % (ulong)definition.Partitions.Count)].Id;
        }
    }

    /// <summary>FNV-1a, 64 bits, with the high half folded in because only the remainder is used.</summary>
    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = Basis;
        foreach (var b in bytes)
        {
            hash = (hash ^ b) * Prime;
        }

        return hash ^ (hash >> 32);
    }
}
