namespace Demarc.Engine.Service;

/// <summary>The values that make a group; nulls are equal here.</summary>
internal readonly record struct GroupKey(object?[] Values)
{
    public bool Equals(GroupKey other) => Values.AsSpan().SequenceEqual(other.Values);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var value in Values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }
}
