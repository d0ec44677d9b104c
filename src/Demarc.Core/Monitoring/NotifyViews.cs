using System.Collections.Immutable;
using Demarc.Core.Charter;

namespace Demarc.Core.Monitoring;

/// <summary>Asks for a hook.</summary>
/// <param name="Kind"><c>webhook</c> or <c>email</c>.</param>
/// <param name="Target">The address: a URL, or an e-mail address.</param>
/// <param name="Name">What people call it; null for what the address says.</param>
public sealed record HookRequest(string Kind, string Target, string? Name = null);

/// <summary>A hook, without what only its receiver shall know.</summary>
/// <param name="Id">Its name in commands.</param>
/// <param name="Party">Whose.</param>
/// <param name="Kind"><c>webhook</c> or <c>email</c>.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Target">Where it goes: of a URL scheme and host, because the rest is often a secret; of an e-mail address all of it.</param>
/// <param name="AddedAt">Since when.</param>
/// <param name="AddedBy">The key of who added it.</param>
/// <param name="Waiting">Deliveries under way.</param>
/// <param name="Delivered">Deliveries that arrived, of those kept.</param>
/// <param name="GivenUp">Deliveries that were given up, of those kept.</param>
public sealed record HookView(string Id, Party Party, string Kind, string Name, string Target, DateTimeOffset AddedAt, string AddedBy, int Waiting, int Delivered, int GivenUp);

/// <summary>A new hook, and, once and never again, the secret that a webhook's receiver checks signatures with.</summary>
public sealed record HookAddedView(HookView Hook, string? Secret);

/// <summary>One thing that one hook was told, or is to be.</summary>
/// <param name="Id">The same for every attempt.</param>
/// <param name="Hook">To which hook.</param>
/// <param name="What">What.</param>
/// <param name="At">Since when it is to be told.</param>
/// <param name="State"><c>waiting</c>, <c>delivered</c> or <c>given up</c>.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="NextAt">When it is tried again; null when it is not.</param>
/// <param name="Answer">What the last attempt met, in a few words.</param>
public sealed record DeliveryView(string Id, string Hook, string What, DateTimeOffset At, string State, int Attempts, DateTimeOffset? NextAt, string? Answer);

/// <summary>The body of a webhook.</summary>
/// <param name="Type"><c>demarc.awaited</c>, or <c>demarc.test</c>.</param>
/// <param name="Timestamp">Since when it waits to be told.</param>
/// <param name="Data">What.</param>
public sealed record NotificationBody(string Type, DateTimeOffset Timestamp, NotificationData Data);

/// <summary>What waits, and where to go.</summary>
public sealed record NotificationData(string Environment, Party Party, string Kind, string Task, string What, string Link, string? Command, string? Change);
