using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Where a row stands.</summary>
internal readonly record struct RowPlace(int Ordinal, int Row);

/// <summary>The live row of each primary key. The collection's gate guards it.</summary>
internal sealed class PrimaryKeys(bool text)
{
    private readonly Dictionary<long, RowPlace>? integers = text ? null : [];
    private readonly Dictionary<string, RowPlace>? strings = text ? new(StringComparer.Ordinal) : null;

    /// <summary>What one key costs in the table, roughly; a text is shared with its column.</summary>
    public const int RowBytes = 32;

    public int Count => integers?.Count ?? strings!.Count;

    /// <summary>Points a key at a new row and gives the row it pointed at before.</summary>
    public RowPlace? Put(FieldData keys, int index, RowPlace place)
    {
        RowPlace? before = null;
        if (integers is not null)
        {
            ref var slot = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(integers, keys.Scalars.LongData.Data[index], out var exists);
            before = exists ? slot : null;
            slot = place;
        }
        else
        {
            ref var slot = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(strings!, keys.Scalars.StringData.Data[index], out var exists);
            before = exists ? slot : null;
            slot = place;
        }

        return before;
    }

    /// <summary>Makes room for so many more, so that filling the table does not copy it again and again.</summary>
    public void Reserve(int more)
    {
        _ = integers?.EnsureCapacity(Count + more);
        _ = strings?.EnsureCapacity(Count + more);
    }

    /// <summary>Points the key of a row at it, whatever it pointed at before.</summary>
    public void Move(Column keys, int row, RowPlace place)
    {
        if (integers is not null)
        {
            integers[((IntegerColumn)keys).Values[row]] = place;
        }
        else
        {
            strings![((TextColumn)keys).Values[row]] = place;
        }
    }

    public bool Find(long key, out RowPlace place)
    {
        place = default;
        return integers is not null && integers.TryGetValue(key, out place);
    }

    public bool Find(string key, out RowPlace place)
    {
        place = default;
        return strings is not null && strings.TryGetValue(key, out place);
    }

    public bool Remove(long key, out RowPlace place)
    {
        place = default;
        return integers is not null && integers.Remove(key, out place);
    }

    public bool Remove(string key, out RowPlace place)
    {
        place = default;
        return strings is not null && strings.Remove(key, out place);
    }

    /// <summary>Takes away the key of a row that goes.</summary>
    public void Remove(Column keys, int row)
    {
        _ = integers?.Remove(((IntegerColumn)keys).Values[row]) ?? strings!.Remove(((TextColumn)keys).Values[row]);
    }

    public void Clear()
    {
        integers?.Clear();
        strings?.Clear();
    }
}
