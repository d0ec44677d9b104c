using Demarc.Bench;
using Demarc.Bench.Emergency;
using Demarc.Bench.Engine;
using Demarc.Bench.Ledger;
using Demarc.Bench.Quickstart;

var wanted = args.Length > 0 ? args[0] : "all";
var size = args.Length > 1 && int.TryParse(args[1], out var given) ? given : 1_000_000;
switch (wanted)
{
    case "append":
        await LedgerBench.AppendAsync();
        return 0;
    case "verify":
        return await Measure.AsTheCommandLineAsync("verify", size, LedgerBench.VerifyAsync);
    case "search":
        await SearchBench.RunAsync(size);
        return 0;
    case "quickstart":
        await QuickstartBench.RunAsync();
        return 0;
    case "cut":
        await CutBench.RunAsync(args.Length > 1 ? size : 100);
        return 0;
    case "graph":
        await GraphBench.RunAsync(args[1..]);
        return 0;
    case "engine-start":
        await StoredBench.StartAsync(size, args.Length > 2 ? args[2] : null);
        return 0;
    case "engine-memory":
        await StoredBench.MemoryAsync(args.Length > 1 ? size : 200_000);
        return 0;
    case "service":
        await ServiceBench.RunAsync(args[1..]);
        return 0;
    case InsertingClient.Verb: // What the service bench starts beside itself.
        await InsertingClient.RunAsync(args[1..]);
        return 0;
    case "soak":
        return await SoakBench.RunAsync(args.Length > 1 ? size : 10);
    case "all":
        await GraphBench.RunAsync();
        await StoredBench.MemoryAsync(200_000);
        await StoredBench.StartAsync(1_000_000, null);
        await ServiceBench.RunAsync();
        await CutBench.RunAsync(50);
        await QuickstartBench.RunAsync();
        await LedgerBench.AppendAsync();
        await Measure.AsTheCommandLineAsync("verify", size, LedgerBench.VerifyAsync);
        await SearchBench.RunAsync(size);
        return 0;
    default:
        Console.Error.WriteLine("bench: append, verify [ENTRIES], search [ENTRIES], quickstart, cut [CUTS], graph [small|128|768] [hnswlib|faiss|own|waiting], engine-start [ROWS] [FOLDER], engine-memory [ROWS], service [small] [own], soak [MINUTES], or all");
        return 2;
}
