using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;

namespace Demarc.Plane.Monitoring;

/// <summary>Where the people of one party are told that something waits for them. A fact of this plane alone: it decides nothing, so it is not in the ledger.</summary>
/// <param name="Number">Its place in the store.</param>
/// <param name="Id">Its name in commands.</param>
/// <param name="Environment">Of which environment.</param>
/// <param name="Party">Whose.</param>
/// <param name="Kind">How.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Target">Where to.</param>
/// <param name="Secret">What a webhook is signed with; null for e-mail.</param>
/// <param name="AddedAt">Since when.</param>
/// <param name="AddedBy">Whose key added it.</param>
public sealed record Hook(long Number, string Id, EnvironmentId Environment, Party Party, HookKind Kind, string Name, string Target, WebhookSecret? Secret, DateTimeOffset AddedAt, string AddedBy)
{
    /// <summary>The target as others than its receiver may see it: behind the host of a URL there is often a key.</summary>
    public string Shown => Kind == HookKind.Webhook ? new Uri(Target).GetLeftPart(UriPartial.Authority) + "/…" : Target;
}

/// <summary>How a hook tells.</summary>
public enum HookKind
{
    /// <summary>A signed POST to an address.</summary>
    Webhook,

    /// <summary>An e-mail.</summary>
    Email,
}

/// <summary>The words of the API.</summary>
internal static class HookWords
{
    public static string Word(this HookKind kind) => kind switch
    {
        HookKind.Webhook => "webhook",
        HookKind.Email => "email",
    };

    public static string Word(this DeliveryState state) => state switch
    {
        DeliveryState.Waiting => "waiting",
        DeliveryState.Delivered => "delivered",
        DeliveryState.GivenUp => "given up",
    };
}

/// <summary>How far a delivery is.</summary>
public enum DeliveryState
{
    /// <summary>To be tried.</summary>
    Waiting,

    /// <summary>The receiver has said that it has it.</summary>
    Delivered,

    /// <summary>Tried for the last time; a person can start it again.</summary>
    GivenUp,
}

/// <summary>One thing for one hook.</summary>
/// <param name="Id">The same for every attempt.</param>
/// <param name="Hook">To which hook.</param>
/// <param name="What">What, in a line.</param>
/// <param name="Body">What is sent: JSON.</param>
/// <param name="At">Since when it is to be told.</param>
/// <param name="State">How far it is.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="NextAt">When it is tried again.</param>
/// <param name="Answer">What the last attempt met.</param>
public sealed record Delivery(string Id, Hook Hook, string What, byte[] Body, DateTimeOffset At, DeliveryState State, int Attempts, DateTimeOffset NextAt, string? Answer)
{
    internal DeliveryView View => new(Id, Hook.Id, What, At, State.Word(), Attempts, State == DeliveryState.Waiting ? NextAt : null, Answer);
}

/// <summary>What is to be told.</summary>
/// <param name="Key">The same for the same thing.</param>
/// <param name="Id">The new delivery's id.</param>
/// <param name="What">In a line.</param>
/// <param name="Body">JSON.</param>
internal sealed record Telling(string Key, string Id, string What, byte[] Body);
