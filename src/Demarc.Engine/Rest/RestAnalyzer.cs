using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Rest;

/// <summary>How texts are split into words.</summary>
internal static class RestAnalyzer
{
    public static void Add(Action<string, Func<RestCall, Task<object>>> add) => add("common/run_analyzer", async call =>
    {
        _ = call.NeededPart("text");
        var request = new RunAnalyzerRequest
        {
            DbName = call.Database, CollectionName = call.Text("collectionName"), FieldName = call.Text("fieldName"), AnalyzerParams = call.Text("analyzerParams"),
            WithDetail = call.Flag("withDetail"), WithHash = call.Flag("withHash"),
        };
        request.Placeholder.Add(call.Texts("text").Select(ByteString.CopyFromUtf8));
        request.AnalyzerNames.Add(call.Texts("analyzerNames"));
        var answer = await call.Core.RunAnalyzer(request, call.Context);
        RestCall.Check(answer.Status);
        return new Dictionary<string, object?>
        {
            ["results"] = answer.Results.Select(r => new Dictionary<string, object?> { ["tokens"] = r.Tokens.Select(t => Shown(t, request)).ToList() }).ToList(),
        };
    });

    private static Dictionary<string, object?> Shown(AnalyzerToken token, RunAnalyzerRequest request)
    {
        var shown = new Dictionary<string, object?> { ["token"] = token.Token };
        if (request.WithDetail)
        {
            (shown["startOffset"], shown["endOffset"], shown["position"], shown["positionLength"]) = (token.StartOffset, token.EndOffset, token.Position, token.PositionLength);
        }

        if (request.WithHash)
        {
            shown["hash"] = (long)token.Hash;
        }

        return shown;
    }
}
