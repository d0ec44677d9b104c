using System.Collections.Immutable;
using System.CommandLine;

namespace Demarc.Cli.Access;

/// <summary>A key of this profile: its public half, never its private one.</summary>
/// <param name="Name">What the command line calls it.</param>
/// <param name="Use">What it is for.</param>
/// <param name="Public">The public half; null when the file is not used.</param>
/// <param name="File">Where it lies.</param>
/// <param name="Fault">Why the file is not used; null when it is.</param>
internal sealed record ProfileKey(string Name, string Use, string? Public, string File, string? Fault);

/// <summary><c>demarc keys list</c>: the keys of this profile, and whether each can be used.</summary>
internal static class KeysListCommand
{
    public static Command Create() => new Verb("list", "List the keys of this profile by their public halves.", invocation =>
    {
        var keys = KeyNames.All.Where(name => File.Exists(invocation.Profile.PathOf(name))).Select(name => Look(invocation.Profile, name)).ToImmutableArray();
        invocation.Terminal.Result(keys, terminal =>
        {
            if (keys.IsEmpty) terminal.Line($"There are no keys in {invocation.Profile.Folder}. 'demarc keys create {KeyNames.Customer}' makes one.");
            else terminal.Table(["key", "public half", "file"], keys.Select(key => (IReadOnlyList<string>)[key.Name, key.Public ?? "not used: see below", key.File]));
        });
        return keys.FirstOrDefault(key => key.Fault is not null) is { Fault: { } fault } ? throw new CommandFailedException(ExitCodes.Failed, fault) : Task.FromResult(ExitCodes.Ok);
    });

    private static ProfileKey Look(Profile profile, string name)
    {
        var file = profile.PathOf(name);
        try
        {
            return new ProfileKey(name, KeyNames.Use(name), KeyNames.PublicHalf(name, file, profile.Ssh), file, null);
        }
        catch (CommandFailedException fault)
        {
            return new ProfileKey(name, KeyNames.Use(name), null, file, fault.Remedy is { } remedy ? $"{fault.Message} {remedy}" : fault.Message);
        }
    }
}
