using Demarc.Core.Charter;

namespace Demarc.Cli.Charter;

/// <summary>A charter's text from a file, checked; every fault is named by file, line and field.</summary>
internal static class CharterFile
{
    public static string Text(string path)
    {
        if (!File.Exists(path)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no file '{path}'.", "'demarc charter show --yaml' prints a charter to start from.");
        if (new FileInfo(path).Length > CharterLimits.MaxBytes) throw new CommandFailedException(ExitCodes.Failed, $"'{path}' is larger than {CharterLimits.MaxBytes} bytes: a charter is not.");
        return File.ReadAllText(path);
    }

    public static CharterDocument Read(Invocation invocation, string path, string text)
    {
        var read = CharterYaml.Read(text, path);
        if (read.Document is { } document) return document;
        foreach (var fault in read.Faults) invocation.Host.Error.WriteLine(fault.ToString());
        throw new CommandFailedException(ExitCodes.Failed, $"'{path}' is not a valid charter: {read.Faults.Length} fault{(read.Faults.Length == 1 ? "" : "s")}, listed above.");
    }
}
