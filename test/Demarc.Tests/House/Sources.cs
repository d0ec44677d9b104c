namespace Demarc.Tests.House;

/// <summary>The files that people write in this repository: no build output, nothing fetched.</summary>
internal static class Sources
{
    /// <summary>Paths from the root, with forward slashes.</summary>
    public static IReadOnlyList<string> All { get; } = [.. new[] { "src", "bench", "test", "contract" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Golden.Root, folder), "*", SearchOption.AllDirectories))
        .Select(file => Path.GetRelativePath(Golden.Root, file).Replace('\\', '/'))
        .Where(file => !file.Split('/').Any(part => part is "bin" or "obj" or "node_modules"))
        .Order(StringComparer.Ordinal)];

    public static IEnumerable<string> Code { get; } = All.Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".razor", StringComparison.Ordinal));

    public static string Text(string file) => File.ReadAllText(Path.Combine(Golden.Root, file));
}
