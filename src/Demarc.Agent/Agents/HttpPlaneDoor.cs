using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Monitoring;
using Demarc.Core.Environments;

namespace Demarc.Agent.Agents;

/// <summary>Joins over the plane's REST interface.</summary>
public sealed class HttpPlaneDoor(EgressToll toll) : IPlaneDoor
{
    private const int MaxAnswer = 64 * 1024;

    /// <inheritdoc/>
    public async Task<JoinAnswer> JoinAsync(string plane, JoinRequest request, CancellationToken stop)
    {
        var address = new Uri(new Uri(plane.EndsWith('/') ? plane : plane + "/"), "v1/agents/join");
        var body = JsonSerializer.SerializeToUtf8Bytes(request, ViewJson.Default.JoinRequest);
        if (!toll.Pass("join", body.Length, (JsonObject)JsonNode.Parse(body)!)) throw new LinkException("the day's egress budget for control is spent: the plane is not asked");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = !address.IsLoopback, ConnectTimeout = DialLimits.Welcome }) { Timeout = DialLimits.Welcome * 2, MaxResponseContentBufferSize = MaxAnswer };
        try
        {
            using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            using var answer = await http.PostAsync(address, content, stop);
            var text = await answer.Content.ReadAsStringAsync(stop);
            if (answer.IsSuccessStatusCode) return new JoinAnswer(JsonSerializer.Deserialize(text, ViewJson.Default.JoinReply) ?? throw new LinkException($"{address} answered with nothing"), null);
            var why = $"{address} answered {(int)answer.StatusCode}: {Reason(text)}";
            // The plane's own trouble passes; what it says of our request does not.
            return (int)answer.StatusCode is >= 400 and < 500 and not 408 and not 429 ? new JoinAnswer(null, why) : throw new LinkException(why);
        }
        catch (Exception broken) when (broken is HttpRequestException or JsonException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            throw new LinkException($"{address} does not answer: {broken.Message}", broken);
        }
    }

    private static string Reason(string text)
    {
        try
        {
            var problem = JsonSerializer.Deserialize(text, ViewJson.Default.ProblemView);
            return string.Join(" ", new[] { problem?.Detail ?? problem?.Title, problem?.Remedy }.Where(word => !string.IsNullOrEmpty(word)));
        }
        catch (JsonException)
        {
            return text.Length <= 200 ? text : text[..200];
        }
    }
}
