using Demarc.Plane.Environments;
using Demarc.Plane.Hosting;
using Demarc.Plane.Ledger;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(PlaneOptions.Help);
    return 0;
}

if (args.Contains("--version"))
{
    Console.WriteLine(PlaneHost.Version);
    return 0;
}

var (options, fault) = PlaneOptions.Read(args);
if (options is null) return Fail(2, fault!);
var (folder, closed) = PlaneFolder.Open(options.Data);
if (folder is null) return Fail(3, closed!);
using (folder)
{
    try
    {
        await using var app = PlaneHost.Build(options, folder, TimeProvider.System);
        PlaneHost.Routes(app);
        await app.StartAsync();
        var identity = app.Services.GetRequiredService<PlaneIdentity>();
        Console.WriteLine($"demarc-plane {PlaneHost.Version}: REST and console at {identity.Rest}, agents at {identity.Hub}, data in {options.Data}");
        await app.WaitForShutdownAsync();
        return 0;
    }
    catch (IOException taken) when (taken.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
    {
        return Fail(4, $"{taken.Message} Choose another with --url or --hub-port.");
    }
    catch (Exception damaged) when (damaged is InvalidDataException or LedgerDamagedException)
    {
        return Fail(3, damaged.Message);
    }
}

static int Fail(int code, string why)
{
    Console.Error.WriteLine($"demarc-plane: {why}");
    return code;
}
