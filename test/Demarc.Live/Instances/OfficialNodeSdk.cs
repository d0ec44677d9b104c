namespace Demarc.Live.Instances;

/// <summary>The official Milvus Node SDK, unmodified, against an instance that was provisioned, with the credential that was minted.</summary>
public sealed class OfficialNodeSdk(Quickstart quickstart)
{
    private static readonly string Script = Path.Combine(Repository.Root, "test", "Demarc.Live", "milvus-node");

    [Fact]
    public async Task Works_against_a_provisioned_instance_with_the_minted_credential()
    {
        NeedPrograms();
        if (!Directory.Exists(Path.Combine(Script, "node_modules"))) Assert.Skip("the SDK is not installed: npm could not fetch @zilliz/milvus2-sdk-node");
        var credential = await quickstart.JsonAsync("instances", "credentials", "docs");
        var ran = await Quickstart.RunAsync("node", ["main-job.mjs"], new()
        {
            ["DEMARC_URI"] = credential.GetProperty("uri").GetString()!,
            ["DEMARC_USER"] = credential.GetProperty("user").GetString()!,
            ["DEMARC_PASSWORD"] = credential.GetProperty("password").GetString()!,
        }, Script);
        Assert.True(ran.ExitCode == 0, ran.Everything);
        Assert.Matches(@"[1-9]\d* passed, 0 failed", ran.Output);
    }

    [Fact]
    public async Task The_customer_opens_the_credential_with_age_itself()
    {
        NeedPrograms();
        if (!File.Exists("/usr/bin/age")) Assert.Skip("age is not installed");
        var credential = await quickstart.JsonAsync("instances", "credentials", "docs");
        var sealedText = credential.GetProperty("sealed").GetString()!;
        var file = Path.Combine(quickstart.Home, "sealed.age");
        await File.WriteAllTextAsync(file, sealedText);
        var opened = await Quickstart.RunAsync("/usr/bin/age", ["--decrypt", "--identity", Path.Combine(quickstart.Home, "customer-sealing.key"), file]);
        File.Delete(file);
        Assert.True(opened.ExitCode == 0, opened.Everything);
        Assert.Equal(credential.GetProperty("password").GetString(), opened.Output.Trim());
    }

    [Fact]
    public async Task The_vendor_is_told_that_the_credential_is_sealed()
    {
        NeedPrograms();
        var refused = await quickstart.DemarcAsync("instances", "credentials", "docs", "--as", "vendor");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("customer", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_again_is_quick_and_changes_nothing()
    {
        NeedPrograms();
        var before = await quickstart.JsonAsync("env", "show");
        var again = await quickstart.DemarcAsync("up", "--data", quickstart.Data);
        Assert.True(again.ExitCode == 0, again.Everything);
        var after = await quickstart.JsonAsync("env", "show");
        Assert.Equal(before.GetProperty("size").GetInt64(), after.GetProperty("size").GetInt64());
    }

    private static void NeedPrograms()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
    }
}
