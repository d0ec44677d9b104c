using System.CommandLine;
using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Access;

/// <summary><c>demarc members list</c>.</summary>
internal static class MembersListCommand
{
    public static Command Create() => new Verb("list", "List the people of both parties and their roles.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var members = await invocation.Reader.GetAsync($"{invocation.Path}/members", ViewJson.Default.ImmutableArrayMemberView, invocation.Stop);
        invocation.Terminal.Result(members, terminal => terminal.Table(
            ["party", "role", "name", "expires", "last used", "key"],
            members.Select(m => (IReadOnlyList<string>)[m.Party.Word(), m.IsRoot ? $"{m.Role}, root" : m.Role, m.Name, m.ExpiresAt is { } end ? $"{end:u}" : "never", m.LastUsedOn?.ToString("O", CultureInfo.InvariantCulture) ?? "never", m.Key])));
        return ExitCodes.Ok;
    }
}
