using System.Security.Cryptography;
using Demarc.Cli;

using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    interrupted.Cancel();
};
Console.OutputEncoding = new System.Text.UTF8Encoding(false);
return await DemarcCommand.RunAsync(args, CliHost.OfThisProcess(RandomNumberGenerator.Fill), interrupted.Token);
