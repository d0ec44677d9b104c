namespace Demarc.Core;

/// <summary>Fills a span with random bytes. Passed in, so that a seed replays everything that depends on it.</summary>
public delegate void FillRandom(Span<byte> destination);
