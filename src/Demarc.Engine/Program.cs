using Demarc.Engine;
using Demarc.Engine.Durability;
using Demarc.Engine.Hosting;
using Microsoft.AspNetCore.Connections;

if (args is ["--help" or "-h"])
{
    Console.WriteLine(EngineOptions.Help);
    return ExitCodes.Stopped;
}

if (args is ["--version"])
{
    Console.WriteLine($"demarc-engine {EngineVersion.Own} (Milvus {EngineVersion.Milvus} protocol)");
    return ExitCodes.Stopped;
}

Native.KeepFilesPrivate();
try
{
    var options = EngineOptions.Parse(args);
    using var lines = LineLog.Open(options.Log, TimeProvider.System);
    await using var engine = await EngineHost.Start(options, TimeProvider.System, lines);
    await engine.WaitForShutdown();
    lines.CreateLogger("Demarc.Engine").Stopped();
    return ExitCodes.Stopped;
}
catch (Exception e)
{
    var (code, told) = e switch
    {
        UsageException => (ExitCodes.Usage, e.Message),
        DataDirectoryException d => (d.ExitCode, d.Message),
        DamagedDataException => (ExitCodes.Damaged, e.Message),
        IOException { InnerException: AddressInUseException } => (ExitCodes.AddressInUse, e.Message + " Choose another --port or --metrics-port, or stop what listens there."),
        IOException or UnauthorizedAccessException => (ExitCodes.Disk, e.Message),
        _ => (ExitCodes.Unexpected, e.ToString()),
    };
    Console.Error.WriteLine("demarc-engine: " + told);
    return code;
}
