using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>A person's key and what it is to its party.</summary>
/// <param name="Key">Their signing key.</param>
/// <param name="Party">Whose side they are on.</param>
/// <param name="Role">What they may do there.</param>
/// <param name="Name">What people call them.</param>
/// <param name="IsRoot">True for the one key per party that the founding entry pins; it cannot be removed.</param>
public sealed record Member(PublicKey Key, Party Party, Role Role, string Name, bool IsRoot);
