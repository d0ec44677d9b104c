using System.Text.Json.Serialization;

namespace Demarc.Core.Charter;

/// <summary>One of the two sides that sign a charter. The agent acts for neither: it acts for the charter.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Party>))]
public enum Party
{
    /// <summary>Who runs Milvus as a service, and holds no key to the customer's account.</summary>
    [JsonStringEnumMemberName("vendor")] Vendor,

    /// <summary>Whose account, machines and data these are.</summary>
    [JsonStringEnumMemberName("customer")] Customer,
}

/// <summary>Who a task belongs to.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Owner>))]
public enum Owner
{
    /// <summary>The vendor alone.</summary>
    [JsonStringEnumMemberName("vendor")] Vendor,

    /// <summary>The customer alone.</summary>
    [JsonStringEnumMemberName("customer")] Customer,

    /// <summary>Both, each with its own part.</summary>
    [JsonStringEnumMemberName("both")] Both,
}

/// <summary>The words of the two enums, as they stand in YAML, JSON and on screens.</summary>
public static class PartyWords
{
    /// <summary><c>vendor</c> or <c>customer</c>.</summary>
    public static string Word(this Party party) => party switch { Party.Vendor => "vendor", Party.Customer => "customer" };

    /// <summary><c>vendor</c>, <c>customer</c> or <c>both</c>.</summary>
    public static string Word(this Owner owner) => owner switch { Owner.Vendor => "vendor", Owner.Customer => "customer", Owner.Both => "both" };

    /// <summary>Whether the party has a part in a task so owned.</summary>
    public static bool Includes(this Owner owner, Party party) =>
        owner == Owner.Both || (owner == Owner.Vendor) == (party == Party.Vendor);

    /// <summary>The other side.</summary>
    public static Party Other(this Party party) => party == Party.Vendor ? Party.Customer : Party.Vendor;
}
