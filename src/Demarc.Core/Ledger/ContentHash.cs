using System.Security.Cryptography;
using System.Text;

namespace Demarc.Core.Ledger;

/// <summary>How a content is named where somebody agrees to exactly it: <c>sha256:</c> and 64 hex digits.</summary>
public static class ContentHash
{
    /// <summary>The name of these bytes.</summary>
    public static string Of(ReadOnlySpan<byte> bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The name of a text, as UTF-8.</summary>
    public static string Of(string text) => Of(Encoding.UTF8.GetBytes(text));
}
