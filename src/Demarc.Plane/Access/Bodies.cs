namespace Demarc.Plane.Access;

/// <summary>Bodies are read whole and bounded, so that nobody makes the plane hold more than the limit says.</summary>
internal static class Bodies
{
    /// <summary>The bytes of the body; null when there are more than the limit.</summary>
    public static async Task<byte[]?> ReadAsync(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit) return null;
        var buffer = new byte[limit + 1];
        var length = 0;
        while (length <= limit)
        {
            var read = await context.Request.Body.ReadAsync(buffer.AsMemory(length), context.RequestAborted);
            if (read == 0) return buffer[..length];
            length += read;
        }

        return null;
    }

    /// <summary>The answer to a body over the limit.</summary>
    public static IResult TooLong(int limit) => Problems.Result(StatusCodes.Status413PayloadTooLarge, "too-long", "The body is too long.", $"At most {limit} bytes are read here.", "body");
}
