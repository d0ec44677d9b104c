using System.Buffers.Binary;

namespace Demarc.Engine.Service;

/// <summary>
/// How far search iterators have come: the score of the last row each was given, and the keys of all rows with that very
/// score, so that rows of equal score are neither given twice nor left out. Bounded: the one idle longest is forgotten, and
/// goes on from its bound alone, which its client sends along.
/// </summary>
internal sealed class IteratorPlaces
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, LinkedListNode<(string Token, IteratorPlace Place)>> byToken = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Token, IteratorPlace Place)> byUse = new();

    public IteratorPlace? Find(string token)
    {
        lock (gate)
        {
            if (!byToken.TryGetValue(token, out var node))
            {
                return null;
            }

            byUse.Remove(node);
            byUse.AddLast(node);
            return node.Value.Place;
        }
    }

    /// <summary>Keeps a place under a token, a new one when there is none yet.</summary>
    public string Keep(string? token, IteratorPlace place, Func<long> newId)
    {
        token ??= Token(newId(), newId());
        lock (gate)
        {
            if (byToken.Remove(token, out var known))
            {
                byUse.Remove(known);
            }

            byToken[token] = byUse.AddLast((token, place));
            if (byToken.Count > Limits.OpenIterators)
            {
                byToken.Remove(byUse.First!.Value.Token);
                byUse.RemoveFirst();
            }
        }

        return token;
    }

    /// <summary>Clients are told that a token is a UUID.</summary>
    private static string Token(long high, long low)
    {
        Span<byte> bytes = stackalloc byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, high);
        BinaryPrimitives.WriteInt64BigEndian(bytes[sizeof(long)..], low);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}

/// <summary>Where an iterator stands.</summary>
internal sealed record IteratorPlace(float Bound, IReadOnlySet<object> KeysAtBound);
