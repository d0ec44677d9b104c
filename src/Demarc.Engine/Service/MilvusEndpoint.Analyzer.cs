using System.Text;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Shows how texts are split into words: by given parameters, or as a field does it.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<RunAnalyzerResponse> RunAnalyzer(RunAnalyzerRequest request, ServerCallContext context) =>
        Run(request, context, call =>
        {
            if (request.Placeholder.Count > Limits.AnalyzedTexts)
            {
                throw Faults.TooLarge($"{request.Placeholder.Count} texts are beyond the limit of {Limits.AnalyzedTexts}");
            }

            var answer = new RunAnalyzerResponse { Status = Success() };
            if (request.Placeholder.Count == 0)
            {
                return answer;
            }

            var analyzers = AnalyzersOf(call, request);
            for (var i = 0; i < request.Placeholder.Count; i++)
            {
                var (bytes, analyzer) = (request.Placeholder[i], analyzers[Math.Min(i, analyzers.Count - 1)]);
                if (bytes.Length > Limits.VarCharBytes)
                {
                    throw Faults.TooLarge($"a text of {bytes.Length} bytes is beyond the limit of {Limits.VarCharBytes}");
                }

                var result = new AnalyzerResult();
                result.Tokens.Add(analyzer.Analyze(Encoding.UTF8.GetString(bytes.Span)).Select(token => Shown(token, request)));
                answer.Results.Add(result);
            }

            return answer;
        });

    /// <summary>What splits the texts: one analyzer for all, or one for each.</summary>
    private List<Analyzer> AnalyzersOf(Call call, RunAnalyzerRequest request)
    {
        if (request.CollectionName.Length == 0)
        {
            return [AnalyzerReader.Read(request.AnalyzerParams)];
        }

        if (request.AnalyzerParams.Length > 0)
        {
            throw Faults.Invalid("run analyzer can't use analyzer params and (collection,field) in same time");
        }

        if (request.FieldName.Length == 0)
        {
            throw Faults.Invalid("must set field name when collection name was set");
        }

        if (request.AnalyzerNames.Count > 1 && request.AnalyzerNames.Count != request.Placeholder.Count)
        {
            throw Faults.Invalid($"only support set one analyzer name for all text or set analyzer name for each text, but now analzer name num: {request.AnalyzerNames.Count}, text num: {request.Placeholder.Count}");
        }

        var (_, view) = Loaded(call, request.CollectionName, []);
        var field = view.Definition.Field(request.FieldName) ?? throw Faults.FieldNotFound(request.FieldName);
        if (!Catalog.FieldDefinition.IsOn(field.Schema, "enable_analyzer"))
        {
            throw Faults.Invalid($"analyzer runner for field {field.Schema.FieldID} not exist, now only support run analyzer by field if field was bm25/minhash input field");
        }

        return request.AnalyzerNames.Count == 0 ? [field.Analyzer] : [.. request.AnalyzerNames.Select(field.Analyzers.Of)];
    }

    private static AnalyzerToken Shown(TextToken token, RunAnalyzerRequest request)
    {
        var shown = new AnalyzerToken { Token = token.Text };
        if (request.WithDetail)
        {
            (shown.StartOffset, shown.EndOffset, shown.Position, shown.PositionLength) = (token.Start, token.End, token.Position, token.Positions);
        }

        if (request.WithHash)
        {
            shown.Hash = Terms.Number(token.Text);
        }

        return shown;
    }
}
