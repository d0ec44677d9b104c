using System.Net;
using System.Text;
using System.Text.Json;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Console;

/// <summary>What a draft of a charter is told before anybody signs it.</summary>
public sealed class CharterCheckTests
{
    [Fact]
    public async Task A_draft_is_told_what_is_wrong_with_it_or_what_it_changes()
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        var next = CharterYaml.Write(CharterDocument.Default with { Version = 2 });
        var same = await CheckAsync(plane, next);
        Assert.Equal((2, 0, 0), (same.NextVersion, same.Faults.Length, same.Differences.Length));
        var changed = await CheckAsync(plane, next.Replace("instances.delete: customer", "instances.delete: both", StringComparison.Ordinal));
        Assert.Equal("instances.delete now needs the approval of the vendor and the customer.", changed.Differences.Single().Means);
        var wrong = await CheckAsync(plane, next.Replace("instances.delete: customer", "instances.delete: nobody", StringComparison.Ordinal));
        Assert.Empty(wrong.Differences);
        Assert.True(wrong.Faults.Single().Line > 1);
        Assert.Contains("nobody", wrong.Faults.Single().Message, StringComparison.Ordinal);
        Assert.Contains("version 2, not 1", (await CheckAsync(plane, CharterYaml.Write(CharterDocument.Default))).Faults.Single().Message, StringComparison.Ordinal);
        Assert.NotEmpty((await CheckAsync(plane, "\u0000 { not yaml")).Faults);
    }

    [Theory]
    [InlineData("{}", 400)]
    [InlineData("[]", 400)]
    [InlineData("null", 400)]
    [InlineData("{\"yaml\":7}", 400)]
    public async Task What_is_no_draft_is_refused(string body, int status)
    {
        await using var plane = await RunningPlane.StartAsync();
        await plane.AppendAllAsync(plane.World.UpToAgent());
        using var answer = await PostAsync(plane, body);
        Assert.Equal(status, (int)answer.StatusCode);
        await RunningPlane.ProblemAsync(answer);
    }

    private static async Task<CharterCheckView> CheckAsync(RunningPlane plane, string yaml)
    {
        using var answer = await PostAsync(plane, JsonSerializer.Serialize(new CharterDraft(yaml), ViewJson.Default.CharterDraft));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ViewJson.Default.CharterCheckView)!;
    }

    private static Task<HttpResponseMessage> PostAsync(RunningPlane plane, string body)
    {
        var request = plane.Request("POST", "/v1/environments/acme/charter/check", plane.World.Customer);
        request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return plane.Client.SendAsync(request);
    }
}
