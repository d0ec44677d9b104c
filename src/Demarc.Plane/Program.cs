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
        return options.Command switch
        {
            "key" => Key(),
            "import" => await ImportAsync(),
            _ => await ServeAsync(),
        };
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

async Task<int> ServeAsync()
{
    await using var app = PlaneHost.Build(options, folder, TimeProvider.System);
    PlaneHost.Routes(app);
    await app.StartAsync();
    var identity = app.Services.GetRequiredService<PlaneIdentity>();
    Console.WriteLine($"demarc-plane {PlaneHost.Version}: REST and console at {identity.Rest}, agents at {identity.Hub}, data in {options.Data}");
    await app.WaitForShutdownAsync();
    return 0;
}

int Key()
{
    using var key = folder.Key();
    Console.WriteLine(new CheckpointSigner(options.Name, key).VerifierKey);
    return 0;
}

async Task<int> ImportAsync()
{
    using var key = folder.Key();
    await using var store = SqliteLedgerStore.Open(folder.File("ledger.db"));
    var import = new LedgerImport(store, new CheckpointSigner(options.Name, key), path => ExportFile(options.From!, path), options.CustomerRoot!);
    var done = await import.RunAsync(options.SetAside ? (environment, from) => PrivateFile.Create(folder.File($"set-aside-{environment}-{from}-{TimeProvider.System.GetUtcNow():yyyyMMdd'T'HHmmss}.jsonl")) : null, CancellationToken.None);
    if (done.Refusal is { } refusal) return Fail(5, $"the export in {options.From} is not taken in: {refusal}.");
    Console.WriteLine($"demarc-plane: {done.Environment}: {done.Size} entries verified and held, {done.Taken} of them new{(done.SetAside > 0 ? $"; {done.SetAside} entries of this plane's own history set aside in {options.Data}" : "")}");
    return 0;
}

// No file of the format is larger than a full bundle of the largest entries.
static byte[]? ExportFile(string root, string path)
{
    var file = new FileInfo(Path.Combine(root, path));
    return file.Exists && file.Length <= 256 * (2L + Demarc.Core.Ledger.Entry.MaxBytes) ? File.ReadAllBytes(file.FullName) : null;
}

static int Fail(int code, string why)
{
    Console.Error.WriteLine($"demarc-plane: {why}");
    return code;
}
