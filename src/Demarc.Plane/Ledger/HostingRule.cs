using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>
/// Which environments this plane takes in: those of its own vendor, that pin its own key. Both roots have signed such an entry, so that
/// nobody founds anything here without the vendor.
/// </summary>
/// <param name="VendorRoot">The vendor's root key; null for a plane that was not told one, which then founds nothing.</param>
/// <param name="PlaneKey">The verifier key of this plane.</param>
public sealed record HostingRule(string? VendorRoot, string PlaneKey)
{
    /// <summary>Why the founding entry is not for this plane, or null.</summary>
    public string? Refuse(EnvironmentFounded founding)
    {
        if (VendorRoot is null) return "this plane was started without a vendor's root key and founds no environments: start it with --vendor-root";
        if (founding.VendorRoot != VendorRoot) return $"vendorRoot is {founding.VendorRoot}, this plane belongs to {VendorRoot}";
        return founding.PlaneKey == PlaneKey ? null : $"planeKey is {founding.PlaneKey}, this plane signs with {PlaneKey}";
    }
}
