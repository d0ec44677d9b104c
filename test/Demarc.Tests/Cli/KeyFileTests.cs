using System.Text.Json;

namespace Demarc.Tests.Cli;

/// <summary>Private keys: for their owner alone, never overwritten, never printed, and refused once others could have read them.</summary>
public sealed class KeyFileTests
{
    private const UnixFileMode File600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Folder700 = File600 | UnixFileMode.UserExecute;

    [Theory]
    [InlineData("vendor", "ed25519:")]
    [InlineData("customer", "ed25519:")]
    [InlineData("customer-sealing", "age1")]
    public async Task A_new_key_is_its_owner_s_alone_and_only_its_public_half_is_shown(string name, string form)
    {
        using var shell = new CommandLine();
        var made = await shell.MustAsync("keys", "create", name, "--output", "json");
        var file = made.Json.GetProperty("file").GetString()!;
        Assert.Equal(Path.Combine(shell.Home, name + ".key"), file);
        Assert.StartsWith(form, made.Json.GetProperty("public").GetString(), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal((File600, Folder700), (File.GetUnixFileMode(file), File.GetUnixFileMode(shell.Home)));
        Assert.Equal([file], Directory.GetFiles(shell.Home));

        var secret = (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)).Single(line => line[0] != '#');
        var listed = await shell.MustAsync("keys", "list", "--output", "json");
        Assert.Equal(made.Json.GetProperty("public").GetString(), listed.Json[0].GetProperty("public").GetString());
        Assert.All(new[] { made, listed, await shell.MustAsync("keys", "list") }, ran => Assert.DoesNotContain(secret, ran.Out + ran.Error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_key_is_never_overwritten()
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "vendor");
        var before = await File.ReadAllBytesAsync(Path.Combine(shell.Home, "vendor.key"), TestContext.Current.CancellationToken);
        await shell.RefusedAsync(1, "a key is never overwritten", "keys", "create", "vendor");
        Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(shell.Home, "vendor.key"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead, "640")]
    [InlineData(UnixFileMode.OtherRead, "604")]
    [InlineData(UnixFileMode.GroupWrite, "620")]
    [InlineData(UnixFileMode.OtherExecute, "601")]
    public async Task A_key_that_others_may_touch_is_not_used(UnixFileMode extra, string octal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such permissions.");
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        var file = Path.Combine(shell.Home, "customer.key");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, File600 | extra);
        foreach (var line in new[] { "keys list", "status --plane http://127.0.0.1:9 -e local" })
        {
            var refused = await shell.RefusedAsync(1, $"{file} has permissions {octal}: others on this machine may be able to use the key, so it is not used.", line.Split(' '));
            Assert.Contains($"chmod 600 '{file}'", refused.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_key_in_a_folder_that_others_may_write_is_not_used()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such permissions.");
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "customer");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(shell.Home, Folder700 | UnixFileMode.GroupWrite);
        await shell.RefusedAsync(1, $"{shell.Home} has permissions 720: others on this machine may have put another key in place of customer.key", "keys", "list");
    }

    [Theory]
    [InlineData("customer", "", "must hold exactly one key, it holds 0")]
    [InlineData("customer", "# only a comment\n", "must hold exactly one key, it holds 0")]
    [InlineData("customer", "AAAA\n", "is not a signing key: it must hold the base64url of 32 bytes")]
    [InlineData("customer", "AAAA\nBBBB\n", "must hold exactly one key, it holds 2")]
    [InlineData("customer-sealing", "AGE-SECRET-KEY-1QQQQ\n", "is not a sealing key")]
    public async Task A_damaged_key_is_named_and_the_others_are_listed_all_the_same(string name, string text, string words)
    {
        using var shell = new CommandLine();
        await shell.MustAsync("keys", "create", "vendor");
        await shell.MustAsync("keys", "create", name);
        await File.WriteAllTextAsync(Path.Combine(shell.Home, name + ".key"), text, TestContext.Current.CancellationToken);
        var listed = await shell.RefusedAsync(1, words, "keys", "list", "--output", "json");
        Assert.Equal(["use", "public", "file"], Names(listed.Json[0]).Skip(1));
        Assert.Equal(["use", "file", "fault"], Names(listed.Json[1]).Skip(1));
    }

    [Fact]
    public async Task What_a_profile_remembers_is_its_owner_s_alone_too()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such permissions.");
        await using var plane = await Hosting.RunningPlane.StartAsync();
        using var shell = new CommandLine();
        await PlaneCommandTests.FoundAsync(shell, plane);
        Assert.All(Directory.GetFiles(shell.Home), file => Assert.Equal(File600, OperatingSystem.IsWindows() ? File600 : File.GetUnixFileMode(file)));
    }

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(property => property.Name);
}
