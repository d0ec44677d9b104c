using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>Every line the agent can log, in one place, so that a reader sees at a glance that nothing secret can get in.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(1, LogLevel.Information, "Agent {Version} of environment {Environment} starts: {Size} entries verified, {Waiting} waiting for the plane")]
    public static partial void Starts(ILogger log, string version, string environment, long size, int waiting);

    [LoggerMessage(2, LogLevel.Information, "Agent stops; engines keep running")]
    public static partial void Stops(ILogger log);

    [LoggerMessage(3, LogLevel.Information, "Joined environment {Environment} at {Plane} as {Key}")]
    public static partial void Joined(ILogger log, string environment, string plane, string key);

    [LoggerMessage(4, LogLevel.Warning, "Joining waits: {Why}; next try in {Seconds:0.0} s")]
    public static partial void JoinWaits(ILogger log, string why, double seconds);

    [LoggerMessage(10, LogLevel.Information, "Connected to plane {Version}, protocol {Protocol}, from entry {Size} on")]
    public static partial void PlaneFound(ILogger log, string version, int protocol, long size);

    [LoggerMessage(11, LogLevel.Warning, "Not connected to the plane: {Reason}; next try in {Seconds:0.0} s")]
    public static partial void PlaneLost(ILogger log, string reason, double seconds);

    [LoggerMessage(12, LogLevel.Critical, "PLANE REFUSED, {Reason}: {Detail}. The evidence is kept; instances keep running; this plane is not followed any further")]
    public static partial void PlaneRefused(ILogger log, string reason, string detail);

    [LoggerMessage(13, LogLevel.Critical, "The plane is not followed ({Reason}). Show the evidence with 'demarc-agent status'; a person may decide to follow it again with 'demarc-agent clear-refusal'")]
    public static partial void NotFollowing(ILogger log, string? reason);

    [LoggerMessage(14, LogLevel.Information, "Client certificate renewed, good until {Until:u}")]
    public static partial void Renewed(ILogger log, DateTimeOffset until);

    [LoggerMessage(15, LogLevel.Warning, "Client certificate not renewed: {Why}")]
    public static partial void NotRenewed(ILogger log, string why);

    [LoggerMessage(16, LogLevel.Error, "Nobody can ask this agent: {Why}")]
    public static partial void NoDoor(ILogger log, string why);

    [LoggerMessage(17, LogLevel.Error, "The question '{Ask}' was not answered: {Why}")]
    public static partial void AnswerFailed(ILogger log, string ask, string why);

    [LoggerMessage(60, LogLevel.Warning, "SEVERED by the customer's owner at entry {Index}: the link to the vendor's plane is closed and is not opened again. Instances keep running")]
    public static partial void Severed(ILogger log, long index);

    [LoggerMessage(61, LogLevel.Information, "From here on the plane with the key {PlaneKey} is followed")]
    public static partial void PlaneMoved(ILogger log, string planeKey);

    [LoggerMessage(62, LogLevel.Information, "No plane is dialled: none that this agent knows an address of is in force. Instances keep running and are healed")]
    public static partial void NoPlane(ILogger log);

    [LoggerMessage(63, LogLevel.Information, "The plane in force is at {Plane}")]
    public static partial void Follows(ILogger log, string plane);

    [LoggerMessage(70, LogLevel.Debug, "Copied the ledger up to {Size} entries to {Place}")]
    public static partial void Copied(ILogger log, long size, string place);

    [LoggerMessage(74, LogLevel.Information, "The ledger is copied to {Place}, where {Size} entries are; {Protection}")]
    public static partial void Copies(ILogger log, string place, long size, string protection);

    [LoggerMessage(71, LogLevel.Warning, "The ledger is not copied to {Place}: {Why}")]
    public static partial void CopyFails(ILogger log, string place, string why);

    [LoggerMessage(72, LogLevel.Information, "The ledger is copied to {Place} again")]
    public static partial void CopyGoesOn(ILogger log, string place);

    [LoggerMessage(73, LogLevel.Error, "The ledger is not copied to {Place}: {What}. Nothing there is changed")]
    public static partial void CopyConflict(ILogger log, string place, string what);

    [LoggerMessage(20, LogLevel.Debug, "Wrote {Kind} {Id}")]
    public static partial void EntryWritten(ILogger log, string kind, string id);

    [LoggerMessage(21, LogLevel.Debug, "Verified {Count} entries, {Size} in all")]
    public static partial void BatchVerified(ILogger log, int count, long size);

    [LoggerMessage(22, LogLevel.Warning, "The plane refused {Kind} {Id}: {Why}. The entry is kept as evidence")]
    public static partial void EntryRefused(ILogger log, string kind, string id, string why);

    [LoggerMessage(30, LogLevel.Information, "Change {Change} ({Action} {Instance}): planned {Steps} steps, {Hash}")]
    public static partial void ChangePlans(ILogger log, string change, string action, string instance, int steps, string hash);

    [LoggerMessage(31, LogLevel.Information, "Change {Change} ({Action} {Instance}): starts {Hash}")]
    public static partial void ChangeStarts(ILogger log, string change, string action, string instance, string hash);

    [LoggerMessage(32, LogLevel.Warning, "Change {Change} ({Action}): refused by {Rule}: {Why}")]
    public static partial void ChangeRefuses(ILogger log, string change, string action, string rule, string why);

    [LoggerMessage(33, LogLevel.Warning, "Change {Change}: halted, the ledger has no place for its next entry: {Why}")]
    public static partial void ChangeHalted(ILogger log, string change, string why);

    [LoggerMessage(34, LogLevel.Information, "Change {Change}: step {Step} of {Steps}, {Kind}")]
    public static partial void StepBegins(ILogger log, string change, int step, int steps, string kind);

    [LoggerMessage(35, LogLevel.Warning, "{Instance}: {Kind}, attempt {Attempt} failed: {Why}")]
    public static partial void StepRetries(ILogger log, string instance, string kind, int attempt, string why);

    [LoggerMessage(36, LogLevel.Error, "Change {Change}: step {Step}, {Kind}, failed: {Why}")]
    public static partial void StepFailed(ILogger log, string change, int step, string kind, string why);

    [LoggerMessage(37, LogLevel.Information, "Change {Change}: stands still, {Why}")]
    public static partial void ChangeStandsStill(ILogger log, string change, string why);

    [LoggerMessage(38, LogLevel.Information, "Change {Change}: its start is taken back, nothing was done: {Why}")]
    public static partial void ChangePostponed(ILogger log, string change, string why);

    [LoggerMessage(40, LogLevel.Warning, "{Instance} should run and does not: it is brought back (time {Time} since it last was stable)")]
    public static partial void Heals(ILogger log, string instance, int time);

    [LoggerMessage(41, LogLevel.Information, "{Instance} has been in the recycle bin for its full time: it is erased")]
    public static partial void Purges(ILogger log, string instance);

    [LoggerMessage(42, LogLevel.Warning, "Finding {Finding} for the customer: {Reason}")]
    public static partial void FindingRaised(ILogger log, string finding, string reason);

    [LoggerMessage(43, LogLevel.Information, "Finding {Finding} is over")]
    public static partial void FindingCleared(ILogger log, string finding);

    [LoggerMessage(44, LogLevel.Warning, "{Instance} is {Status} and its process runs: nothing asks for that, and nothing is done about it without an entry")]
    public static partial void RunsUnasked(ILogger log, string instance, string status);

    [LoggerMessage(45, LogLevel.Warning, "Looking failed: {Why}")]
    public static partial void LookFailed(ILogger log, string why);

    [LoggerMessage(50, LogLevel.Information, "{Instance}: engine process {Pid} started on port {Port}")]
    public static partial void EngineStarted(ILogger log, string instance, int pid, int port);

    [LoggerMessage(51, LogLevel.Information, "{Instance}: engine process {Pid} stopped{How}")]
    public static partial void EngineStopped(ILogger log, string instance, int pid, string how);
}
