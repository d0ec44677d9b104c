using System.Collections.Concurrent;
using System.Security.Cryptography;
using Demarc.Core.Access;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Access;

/// <summary>
/// Remembers the tokens of requests that do something for as long as they would be accepted, so that one that was overheard does nothing twice. Reading
/// again what was read before gives nothing away that was not heard already.
/// </summary>
public sealed class UsedTokens(TimeProvider clock)
{
    /// <summary>Signed requests other than reading, of all people, within the minutes that a token lives; beyond it they are refused.</summary>
    public const int Most = 20_000;

    private readonly ConcurrentDictionary<string, DateTimeOffset> until = new();

    /// <summary>Uses a token up that has been read and found good; false when it was used before, or when too many are remembered.</summary>
    public bool TryUse(string token)
    {
        var now = clock.GetUtcNow();
        if (until.Count >= Most / 2)
        {
            foreach (var (hash, end) in until)
            {
                if (end < now) until.TryRemove(hash, out _);
            }
        }

        // What was signed is what counts: the envelope around it could be spaced differently and would still hold.
        var bytes = Base64Text.Decode(token.AsSpan(RequestToken.Scheme.Length + 1), Base64Form.Either);
        Must.Hold(bytes is not null);
        var signed = DsseEnvelope.Parse(bytes).Envelope;
        Must.Hold(signed is not null);

        // A token may be dated ahead by the tolerance and is then good for twice that.
        return until.Count < Most && until.TryAdd(Convert.ToHexStringLower(SHA256.HashData(signed.Payload.Span)), now + (2 * RequestToken.Tolerance));
    }
}
