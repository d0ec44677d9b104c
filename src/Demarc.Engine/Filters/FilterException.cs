namespace Demarc.Engine.Filters;

/// <summary>A filter that cannot be understood or does not fit the collection. The message names the place.</summary>
internal sealed class FilterException(string message) : Exception(message);
