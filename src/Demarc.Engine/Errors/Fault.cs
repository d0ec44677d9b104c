using Demarc.Engine.Protocol;

namespace Demarc.Engine.Errors;

/// <summary>
/// A refusal in Milvus's own words and numbers. Thrown where the reason is known, turned into the answer's status at the
/// edge; anything else that is thrown is a defect of ours and answers 65535.
/// </summary>
internal sealed class Fault(int code, string message, ErrorCode? old = null, bool retriable = false) : Exception(message)
{
    public int Code { get; } = code;

    public ErrorCode Old { get; } = old ?? OldCode(code);

    public bool Retriable { get; } = retriable;

    public Status ToStatus()
    {
        var status = new Status { Code = Code, ErrorCode = Old, Reason = Message, Detail = Message, Retriable = Retriable };
        if (Code is >= 100 and < 200 or >= 700 and < 900 or >= 1100 and < 1500 or 1600 or 1601)
        {
            status.ExtraInfo.Add("is_input_error", "true");
        }

        return status;
    }

    /// <summary>Clients older than Milvus 2.3 read only this enumeration; the pairs are Milvus's.</summary>
    private static ErrorCode OldCode(int code) => code switch
    {
        0 => ErrorCode.Success,
        1 => ErrorCode.NotReadyServe,
        7 => ErrorCode.DiskQuotaExhausted,
        8 => ErrorCode.RateLimit,
        100 => ErrorCode.CollectionNotExists,
        109 => ErrorCode.SchemaMismatch,
        200 => ErrorCode.MetaFailed,
        700 => ErrorCode.IndexNotExist,
        1100 or 1101 or 1102 => ErrorCode.IllegalArgument,
        _ => ErrorCode.UnexpectedError,
    };
}
