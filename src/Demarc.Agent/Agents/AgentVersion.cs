using System.Reflection;

namespace Demarc.Agent.Agents;

/// <summary>The version of this agent.</summary>
public static class AgentVersion
{
    /// <summary>As in <c>0.1.0</c>.</summary>
    public static string Text { get; } = typeof(AgentVersion).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
}
