using Demarc.Agent.Agents;

return await AgentProgram.RunAsync(args);
