using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Demarc.Plane.Hosting;

/// <summary>What the generated description cannot know: the title, and how a caller proves who they are.</summary>
internal sealed class OpenApiNotes : IOpenApiDocumentTransformer
{
    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Demarc plane",
            Version = "v1",
            Description = "Requests carry 'Authorization: Demarc <base64url of a DSSE envelope>', signed by a member's key over method, path and query. Wishes and approvals are signed entries; errors are problem+json with a stable type.",
        };
        document.Servers = [];
        return Task.CompletedTask;
    }
}
