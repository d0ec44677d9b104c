namespace Demarc.Core;

/// <summary>How far a field of an entry may be shown. A field that says nothing counts as <see cref="Secret"/> and is redacted.</summary>
public enum Sensitivity
{
    /// <summary>Not to be shown, even though what stands in a ledger is sealed as well.</summary>
    Secret,

    /// <summary>For members of the environment.</summary>
    Sensitive,

    /// <summary>For everyone who may see that the environment exists.</summary>
    Public,
}

/// <summary>The field may be shown to everyone who may see that the environment exists.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PublicAttribute : Attribute;

/// <summary>The field is for members of the environment.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SensitiveAttribute : Attribute;

/// <summary>The field is never shown.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretFieldAttribute : Attribute;
