using Demarc.Plane.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Hosting;

/// <summary>The command line of the plane, and the folder it lives in.</summary>
public sealed class PlaneOptionsTests
{
    [Theory]
    [InlineData("--data is missing")]
    [InlineData("'--nonsense' is not an option", "--data", "d", "--nonsense", "x")]
    [InlineData("--data needs a value", "--data")]
    [InlineData("is not an address like", "--data", "d", "--url", "ftp://127.0.0.1")]
    [InlineData("is not an address like", "--data", "d", "--url", "http://127.0.0.1/x")]
    [InlineData("must name an IP address", "--data", "d", "--url", "http://example.com")]
    [InlineData("say --listen-public", "--data", "d", "--url", "http://0.0.0.0:7100")]
    [InlineData("say --listen-public", "--data", "d", "--url", "http://[::]:7100")]
    [InlineData("in the clear", "--data", "d", "--url", "http://0.0.0.0:7100", "--listen-public")]
    [InlineData("needs --tls-certificate", "--data", "d", "--url", "https://0.0.0.0:7100", "--listen-public")]
    [InlineData("cannot be read", "--data", "d", "--url", "https://0.0.0.0:7100", "--listen-public", "--tls-certificate", "/nowhere", "--tls-key", "/nowhere")]
    [InlineData("is not a port", "--data", "d", "--hub-port", "70000")]
    [InlineData("cannot name a key", "--data", "d", "--name", "a b")]
    [InlineData("is not an 'ed25519:' key", "--data", "d", "--vendor-root", "x")]
    [InlineData("is not a host name", "--data", "d", "--hub-name", "a b")]
    [InlineData("is not a command", "sever", "--data", "d")]
    [InlineData("--from is missing", "import", "--data", "d", "--customer-root", "ed25519:00rpDCNNex1gfh1xBCvCVAf0KBSbPltD4mJ-13GFO-U")]
    [InlineData("--customer-root is missing", "import", "--data", "d", "--from", "x")]
    [InlineData("--customer-root is missing or no", "import", "--data", "d", "--from", "x", "--customer-root", "nobody")]
    [InlineData("belong to 'import'", "--data", "d", "--set-aside")]
    [InlineData("belong to 'import'", "key", "--data", "d", "--from", "x")]
    [InlineData("is not an https address", "--data", "d", "--public-url", "http://demarc.example")]
    [InlineData("is not an https address", "--data", "d", "--oidc-authority", "http://login.example", "--oidc-client-id", "x")]
    [InlineData("--oidc-client-id is missing", "--data", "d", "--oidc-authority", "https://login.example")]
    [InlineData("says nothing without --oidc-authority", "--data", "d", "--oidc-client-id", "x")]
    [InlineData("cannot be read", "--data", "d", "--oidc-authority", "https://login.example", "--oidc-client-id", "x", "--oidc-client-secret-file", "/nowhere")]
    [InlineData("must have 1 to 40 characters", "--data", "d", "--oidc-authority", "https://login.example", "--oidc-client-id", "x", "--oidc-name", "a name that is very much longer than any button")]
    [InlineData("is not an address like", "--data", "d", "--smtp-url", "http://mail.example", "--mail-from", "a@b.example")]
    [InlineData("must not hold a password", "--data", "d", "--smtp-url", "smtp://u:p@mail.example", "--mail-from", "a@b.example")]
    [InlineData("give the password with", "--data", "d", "--smtp-url", "smtp://u@mail.example", "--mail-from", "a@b.example")]
    [InlineData("is not an e-mail address", "--data", "d", "--smtp-url", "smtp://mail.example", "--mail-from", "nobody")]
    [InlineData("say nothing without --smtp-url", "--data", "d", "--mail-from", "a@b.example")]
    public void A_wrong_option_is_named(string says, params string[] arguments)
    {
        var (options, fault) = PlaneOptions.Read(arguments);
        Assert.Null(options);
        Assert.Contains(says, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_options_only_this_machine_is_listened_to()
    {
        var (options, fault) = PlaneOptions.Read(["--data", "d"]);
        Assert.Null(fault);
        Assert.Equal(System.Net.IPAddress.Loopback, options!.Address);
        Assert.Equal((7100, 7101, "plane.local"), (options.Url.Port, options.HubPort, options.Name));
    }

    [Fact]
    public void A_secret_comes_from_a_file_that_nobody_else_can_read_and_is_not_printed()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("secret");
        File.WriteAllText(file, "s3cret\n");
        string[] arguments = ["--data", "d", "--oidc-authority", "https://login.example/tenant", "--oidc-client-id", "x", "--oidc-client-secret-file", file];
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("can be reached by others", PlaneOptions.Read(arguments).Fault, StringComparison.Ordinal);
        File.SetUnixFileMode(file, UnixFileMode.UserRead);
        var options = PlaneOptions.Read(arguments).Options!;
        Assert.Equal("s3cret", options.OpenId!.ClientSecret!.Reveal());
        Assert.Equal("login.example", options.OpenId.Name);
        Assert.DoesNotContain("s3cret", options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_serves_one_plane_keeps_its_key_and_lets_nobody_else_look()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("data");
        string key;
        using (var first = PlaneFolder.Open(path).Folder!)
        {
            key = first.Key().Public.KeyId;
            Assert.Contains("another plane", PlaneFolder.Open(path).Fault, StringComparison.Ordinal);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(first.File("plane.key")));
        }

        using (var second = PlaneFolder.Open(path).Folder!) Assert.Equal(key, second.Key().Public.KeyId);
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.OtherRead);
        Assert.Contains("can be reached by others", PlaneFolder.Open(path).Fault, StringComparison.Ordinal);
    }
}
