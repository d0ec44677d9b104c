using Demarc.Engine;
using Demarc.Engine.Buckets;
using Demarc.Engine.Durability;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>The file that says how to reach a bucket: what it may hold, who may read it, and that its secrets are never shown.</summary>
public sealed class BucketAccessTests
{
    private const string Secret = "planted-Secret-4711";
    private const string Keys = $"region = eu-1\naccess-key = AKIA1\nsecret-key = {Secret}\n";

    [Fact]
    public void All_that_it_may_hold_is_read()
    {
        var access = BucketAccess.Parse($"# of the backup user\r\n\r\n endpoint=https://s3.example.org:9000\r\nregion = eu-1\r\naccess-key = AKIA1\r\nsecret-key = {Secret}==\r\nsession-token = token-{Secret}\r\n");
        Assert.Equal(new BucketAccess(new Uri("https://s3.example.org:9000/"), "eu-1", "AKIA1", Secret + "==", "token-" + Secret), access);
        var least = BucketAccess.Parse(Keys);
        Assert.Null(least.Endpoint);
        Assert.Null(least.SessionToken);
    }

    [Theory]
    [InlineData("https://s3.example.org", true)]
    [InlineData("http://127.0.0.1:7480", true)]
    [InlineData("http://localhost:7480/", true)]
    [InlineData("http://[::1]:7480", true)]
    [InlineData("http://s3.example.org", false)]
    [InlineData("s3.example.org", false)]
    [InlineData("ftp://s3.example.org", false)]
    [InlineData("https://s3.example.org/path", false)]
    [InlineData("https://s3.example.org/?x=1", false)]
    [InlineData("https://user:" + Secret + "@s3.example.org", false)]
    public void An_endpoint_is_https_or_on_this_machine(string endpoint, bool isGood)
    {
        if (isGood)
        {
            Assert.Equal(new Uri(endpoint), BucketAccess.Parse($"{Keys}endpoint = {endpoint}").Endpoint);
        }
        else
        {
            Faulty($"{Keys}endpoint = {endpoint}", "endpoint is ");
        }
    }

    [Theory]
    [InlineData("access-key = AKIA1\nsecret-key = " + Secret, "region is missing")]
    [InlineData("region = eu-1\nsecret-key = " + Secret, "access-key is missing")]
    [InlineData("region = eu-1\naccess-key = " + Secret, "secret-key is missing")]
    [InlineData(Keys + Secret, "line 4 is not of the form name = value")]
    [InlineData("# one\n\n" + Secret + " = secret-key\n" + Keys, "line 3 is not of the form name = value")]
    [InlineData(Keys + "secret-key = " + Secret, "line 4: secret-key was given before")]
    [InlineData(Keys + "session-token =", "line 4: session-token is empty")]
    [InlineData(Keys + "session-token = " + Secret + " " + Secret, "line 4: session-token is empty or has characters")]
    [InlineData("", "region is missing")]
    public void A_fault_names_the_line_or_the_value_and_no_secret(string text, string fault) => Faulty(text, fault);

    [Fact]
    public void A_secret_is_not_printed()
    {
        var access = BucketAccess.Parse($"{Keys}session-token = {Secret}");
        Assert.Equal("AKIA1:***", access.ToString());
        Assert.DoesNotContain(Secret, $"{access}", StringComparison.Ordinal);
    }

    [Fact]
    public void The_file_is_there_small_and_its_owner_s_alone()
    {
        using var folder = Sample.Folder();
        var path = folder["access"];
        Refused(path, "does not exist");
        File.WriteAllText(path, Keys);
        foreach (var others in new[] { UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.OtherWrite })
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | others);
            Refused(path, $"chmod 600 {path}");
        }

        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        Assert.Equal("AKIA1", BucketAccess.Read(path).AccessKey);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(path, Keys + "# " + new string('x', BucketAccess.MaxBytes));
        Refused(path, "at most 16384 are read");
        File.WriteAllText(path, Keys + Secret);
        Refused(path, $"{path}: line 4 is not");
    }

    private static void Faulty(string text, string fault)
    {
        var wrong = Assert.Throws<FormatException>(() => BucketAccess.Parse(text));
        Assert.StartsWith(fault, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, wrong.ToString(), StringComparison.Ordinal);
    }

    private static void Refused(string path, string said)
    {
        var refused = Assert.Throws<DataDirectoryException>(() => BucketAccess.Read(path));
        Assert.Equal(ExitCodes.Credentials, refused.ExitCode);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, refused.Message, StringComparison.Ordinal);
    }
}
