namespace Demarc.Engine.Rest;

/// <summary>An answer that has its cost beside it, as Milvus's answers about rows have.</summary>
/// <param name="Data">What was written, deleted or found.</param>
/// <param name="Found">How many hits each query of a search has.</param>
internal sealed record RestRows(object Data, IEnumerable<long>? Found = null);

/// <summary>An answer that has a description beside it.</summary>
internal sealed record RestDescribed(object Data, string Description);
