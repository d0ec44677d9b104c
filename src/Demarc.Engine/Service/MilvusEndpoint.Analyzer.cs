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
        Run(
            () =>
            {
                Refuse(request.AnalyzerNames.Count > 0, "analyzer_names (of multi_analyzer_params)");
                if (request.Placeholder.Count > Limits.AnalyzedTexts)
                {
                    throw Faults.TooLarge($"{request.Placeholder.Count} texts are beyond the limit of {Limits.AnalyzedTexts}");
                }

                var analyzer = AnalyzerOf(request);
                var answer = new RunAnalyzerResponse { Status = Success() };
                foreach (var bytes in request.Placeholder)
                {
                    if (bytes.Length > Limits.VarCharBytes)
                    {
                        throw Faults.TooLarge($"a text of {bytes.Length} bytes is beyond the limit of {Limits.VarCharBytes}");
                    }

                    var result = new AnalyzerResult();
                    result.Tokens.Add(analyzer.Analyze(Encoding.UTF8.GetString(bytes.Span)).Select(token => Shown(token, request)));
                    answer.Results.Add(result);
                }

                return answer;
            },
            status => new RunAnalyzerResponse { Status = status });

    private Analyzer AnalyzerOf(RunAnalyzerRequest request)
    {
        if (request.FieldName.Length == 0)
        {
            return AnalyzerReader.Read(request.AnalyzerParams);
        }

        var definition = Collection(request.DbName, request.CollectionName).View.Definition;
        var field = definition.Field(request.FieldName) ?? throw Faults.FieldNotFound(request.FieldName);
        return Catalog.FieldDefinition.IsOn(field.Schema, "enable_analyzer") ? field.Analyzer : throw Faults.Invalid($"analyzer is not enabled for field {field.Name}");
    }

    private static AnalyzerToken Shown(TextToken token, RunAnalyzerRequest request)
    {
        var shown = new AnalyzerToken { Token = token.Text };
        if (request.WithDetail)
        {
            (shown.StartOffset, shown.EndOffset, shown.Position, shown.PositionLength) = (token.Start, token.End, token.Position, 1);
        }

        if (request.WithHash)
        {
            shown.Hash = Terms.Number(token.Text);
        }

        return shown;
    }
}
