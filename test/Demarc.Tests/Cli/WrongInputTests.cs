using Demarc.Tests.Hosting;

namespace Demarc.Tests.Cli;

/// <summary>Whatever is typed wrong is answered with the value, what would be right and the documented exit code, before anything is tried.</summary>
public sealed class WrongInputTests
{
    [Theory]
    [InlineData("", "'demarc' needs a command: up, down,")]
    [InlineData("instances", "'demarc instances' needs a command: list, show,")]
    [InlineData("instances destroy docs", "'demarc instances' has no command 'destroy', it has: list, show,")]
    [InlineData("status --frobnicate", "'--frobnicate'. Run 'demarc status --help'")]
    [InlineData("order", "'name' missing")]
    [InlineData("order docs --size huge", "--size 'huge' is not one of small, medium, large.")]
    [InlineData("order docs --label nothing --plane http://127.0.0.1:9 -e local --version 2.6.4", "--label 'nothing' is not KEY=VALUE.")]
    [InlineData("order docs --label a=1 --label a=2 --plane http://127.0.0.1:9 -e local --version 2.6.4", "--label 'a' is given twice. Keep one of them.")]
    [InlineData("order Docs! --plane http://127.0.0.1:9 -e local --version 2.6.4", "'Docs!' is not the name of an instance: 2 to 40 characters")]
    [InlineData("instances modify docs --plane http://127.0.0.1:9 -e local", "Nothing is to be changed. Name a --size or labels")]
    [InlineData("status --output xml", "--output 'xml' is not one of table, json.")]
    [InlineData("status --as nobody", "--as 'nobody' is not one of vendor, customer.")]
    [InlineData("status --timeout 0", "--timeout '0' is not a whole number from 1 to 86400.")]
    [InlineData("status --timeout soon", "--timeout 'soon' is not a whole number from 1 to 86400.")]
    [InlineData("audit show --last -5", "--last")]
    [InlineData("audit show --last 10001", "--last '10001' is not a whole number from 1 to 10000.")]
    [InlineData("search x --top 51", "--top '51' is not a whole number from 1 to 50.")]
    [InlineData("reject c-5hq2m7xk", "'--reason' is required")]
    [InlineData("keys create root", "name 'root' is not one of vendor, customer, customer-sealing.")]
    [InlineData("members add ed25519:x --role king --name K", "--role 'king' is not one of owner, operator, approver, auditor, viewer.")]
    [InlineData("completion tcsh", "shell 'tcsh' is not one of bash, zsh, fish.")]
    [InlineData("env invite", "'--to' is required")]
    public async Task A_line_that_cannot_be_understood_ends_with_2(string line, string words) => await RefusedAsync(2, words, line);

    [Fact]
    public async Task Without_a_plane_or_an_environment_the_remedy_is_named()
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        await shell.RefusedAsync(2, "No plane is named. Name one with --plane, or run 'demarc up'", "status");
        await using var plane = await RunningPlane.StartAsync();
        shell.Variables["DEMARC_PLANE"] = plane.Client.BaseAddress!.ToString();
        await shell.RefusedAsync(2, "No environment is named. Name one with --environment, or run 'demarc up'", "status");
        shell.Variables["DEMARC_ENVIRONMENT"] = "nowhere";
        await shell.RefusedAsync(4, "There is no environment 'nowhere'", "status");
    }

    [Theory]
    [InlineData("status --plane ftp://x -e local", 2, "--plane 'ftp://x' is not an http(s) address. Give one such as http://127.0.0.1:7100.")]
    [InlineData("status --plane http://127.0.0.1:9 -e local", 5, "The plane at http://127.0.0.1:9 cannot be reached:")]
    [InlineData("changes show 17 --plane http://127.0.0.1:9 -e local", 2, "'17' is not the name of a change:")]
    [InlineData("status --plane http://127.0.0.1:9 -e NOT_A_NAME", 2, "'NOT_A_NAME' is not an environment's name:")]
    [InlineData("audit verify --offline nowhere --customer-root ed25519:short", 2, "'ed25519:short' is not a public key:")]
    [InlineData("audit verify --offline nowhere --vendor-root ed25519:lpwxMEuKtU40n1a3J1OFEeUZMLdHSZXlZB8tHRb7iJQ", 4, "There is no folder 'nowhere'.")]
    [InlineData("charter validate nowhere.yaml", 4, "nowhere.yaml")]
    [InlineData("up --text nowhere --binaries nowhere", 4, "--text 'nowhere' is neither a file nor a folder.")]
    [InlineData("search anything", 4, "There is no sample collection on this machine")]
    [InlineData("env invite --to no-such-folder/token --plane http://127.0.0.1:9 -e local", 4, "there is no such folder")]
    [InlineData("env invite --to token --as vendor --plane http://127.0.0.1:9 -e local", 3, "only the customer's owner invites it")]
    [InlineData("instances credentials docs --as vendor --plane http://127.0.0.1:9 -e local", 3, "neither the vendor nor the plane can open it")]
    [InlineData("status --as vendor --plane http://127.0.0.1:9 -e local", 1, "This profile has no key of the vendor")]
    public async Task What_cannot_be_done_says_where_and_what_to_do(string line, int exitCode, string words)
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        await shell.RefusedAsync(exitCode, words, line.Split(' '));
    }

    [Fact]
    public async Task A_destructive_command_asks_and_without_anybody_to_ask_does_nothing()
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        await shell.RefusedAsync(2, "was asked, and nobody is there to answer. Pass --yes to answer beforehand.", "down", "--purge");
        shell.Answers = "no\n";
        await shell.RefusedAsync(1, "Not confirmed: nothing was done.", "down", "--purge");
        Assert.True(File.Exists(Path.Combine(shell.Home, "customer.key")));
        shell.Answers = "y\n";
        await shell.MustAsync("down", "--purge");
        Assert.False(Directory.Exists(shell.Home));
        await shell.MustAsync("down", "--purge", "--yes"); // Nothing is there any more, and that is no error.
    }

    [Fact]
    public async Task A_damaged_configuration_is_named_with_its_file()
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        await File.WriteAllTextAsync(Path.Combine(shell.Home, "config.json"), "{ not json", TestContext.Current.CancellationToken);
        await shell.RefusedAsync(1, $"{Path.Combine(shell.Home, "config.json")} cannot be read:", "status");
    }

    private static async Task RefusedAsync(int exitCode, string words, string line)
    {
        using var shell = new CommandLine();
        await shell.RefusedAsync(exitCode, words, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(shell.Home), "a line that was not understood left something behind");
    }
}
