using Demarc.Core.Emergency;

namespace Demarc.Core.Ledger;

/// <summary>Somebody asks for an emergency session.</summary>
/// <param name="Session">Its new name.</param>
/// <param name="Terms">What is asked for.</param>
public sealed record SessionRequested([property: Public] SessionId Session, [property: Public] SessionTerms Terms) : EntryData;

/// <summary>A person approves exactly these terms for their side.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Terms">The hash of the text of its terms.</param>
public sealed record SessionApproved([property: Public] SessionId Session, [property: Public] string Terms) : EntryData;

/// <summary>A person with a say in it says no.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Reason">Why.</param>
public sealed record SessionRejected([property: Public] SessionId Session, [property: Sensitive] string Reason) : EntryData;

/// <summary>The side that asked takes it back before it is opened.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Reason">Why.</param>
public sealed record SessionWithdrawn([property: Public] SessionId Session, [property: Sensitive] string Reason) : EntryData;

/// <summary>Either party takes an approved or open session away.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Reason">Why.</param>
public sealed record SessionRevoked([property: Public] SessionId Session, [property: Sensitive] string Reason) : EntryData;

/// <summary>The agent will not open it.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Rule">The rule or fact against it.</param>
/// <param name="Why">In words.</param>
public sealed record SessionRefused([property: Public] SessionId Session, [property: Public] string Rule, [property: Sensitive] string Why) : EntryData;

/// <summary>The agent opens it, and does so only once this stands in the ledger that both sides hold.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Terms">The hash of the terms that were approved.</param>
/// <param name="Until">When it ends at the latest.</param>
/// <param name="Confinement">How what runs in it is confined.</param>
/// <param name="Account">The user id that was made for its commands, by which whoever is the agent next finds what may be left; null where there is none.</param>
/// <param name="Head">Head of the recording after its header.</param>
public sealed record SessionOpened([property: Public] SessionId Session, [property: Public] string Terms, [property: Public] DateTimeOffset Until, [property: Public] string Confinement, [property: Public] int? Account, [property: Public] string Head) : EntryData;

/// <summary>The agent minted the session's temporary Milvus user.</summary>
/// <param name="Session">Which session.</param>
/// <param name="User">Its name.</param>
/// <param name="Sealed">Its password as an armored age file for who asked.</param>
public sealed record SessionCredentialIssued([property: Public] SessionId Session, [property: Public] string User, [property: SecretField] string Sealed) : EntryData;

/// <summary>The agent pins how far the recording of a running session goes.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Events">Lines after the header.</param>
/// <param name="Bytes">Bytes in all.</param>
/// <param name="Head">Head of the hash chain over them.</param>
public sealed record SessionRecorded([property: Public] SessionId Session, [property: Public] long Events, [property: Public] long Bytes, [property: Public] string Head) : EntryData;

/// <summary>The agent has collected a bundle, which leaves only when the customer releases exactly it.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Bundle">Hash of its bytes.</param>
/// <param name="Bytes">How many there are.</param>
public sealed record SessionPrepared([property: Public] SessionId Session, [property: Public] string Bundle, [property: Public] long Bytes) : EntryData;

/// <summary>The customer lets a bundle leave, having seen it.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Bundle">Hash of its bytes.</param>
public sealed record SessionReleased([property: Public] SessionId Session, [property: Public] string Bundle) : EntryData;

/// <summary>The session is over: nothing of it runs any more and its credentials are gone.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Why">In a word.</param>
/// <param name="Detail">In a sentence.</param>
/// <param name="Events">Lines of the recording after its header.</param>
/// <param name="Bytes">Bytes of the recording.</param>
/// <param name="Head">Head of the hash chain over it; empty when there is none.</param>
/// <param name="Difference">What the session has changed, as the agent sees it.</param>
public sealed record SessionEnded(
    [property: Public] SessionId Session,
    [property: Public] SessionEndReason Why,
    [property: Sensitive] string Detail,
    [property: Public] long Events,
    [property: Public] long Bytes,
    [property: Public] string Head,
    [property: Sensitive] string Difference) : EntryData;

/// <summary>The customer has looked at a session that is over.</summary>
/// <param name="Session">Which session.</param>
/// <param name="Head">Head of the recording that was looked at.</param>
/// <param name="Note">What they say.</param>
public sealed record SessionReviewed([property: Public] SessionId Session, [property: Public] string Head, [property: Sensitive] string Note) : EntryData;
