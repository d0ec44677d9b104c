using System.Reflection;

namespace Demarc.Engine;

/// <summary>What the engine calls itself.</summary>
internal static class EngineVersion
{
    /// <summary>The Milvus release whose answers are followed; clients compare it with what they need.</summary>
    public const string Milvus = "2.6.4";

    public static string Own { get; } = typeof(EngineVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
}
