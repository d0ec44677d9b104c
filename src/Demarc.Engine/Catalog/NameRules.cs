using System.Text;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Catalog;

/// <summary>
/// What things may be called. Milvus has nearly one rule for all of them (a letter or underscore, then letters, digits and
/// underscores, 255 bytes at most) and says it in other words, and with other codes, for each. Its lengths are of bytes.
/// </summary>
internal static class NameRules
{
    private const string NoMore = "";

    /// <summary>What else Milvus lets stand in names of roles, snapshots and the like, unless it is told otherwise.</summary>
    private const string MoreInOthers = "$";

    /// <summary>The words of filters, which no field can have as its name.</summary>
    private static readonly HashSet<string> Keywords = new(StringComparer.Ordinal)
    {
        "$meta", "like", "exists", "EXISTS", "and", "or", "not", "in", "true", "True", "TRUE", "false", "False", "FALSE",
        "json_contains", "JSON_CONTAINS", "json_contains_all", "JSON_CONTAINS_ALL", "json_contains_any", "JSON_CONTAINS_ANY",
        "array_contains", "ARRAY_CONTAINS", "array_contains_all", "ARRAY_CONTAINS_ALL", "array_contains_any", "ARRAY_CONTAINS_ANY",
        "array_length", "ARRAY_LENGTH", "text_match", "TEXT_MATCH", "phrase_match", "PHRASE_MATCH", "random_sample", "RANDOM_SAMPLE",
    };

    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal) { "RowID", "Timestamp", "__virtual_pk__" };

    private enum Flaw
    {
        None,
        Empty,
        TooLong,
        First,
        Other,
    }

    /// <summary>The name itself, if a collection may have it.</summary>
    public static string Collection(string name) => CollectionOr(name, "name");

    public static string Alias(string name) => CollectionOr(name, "alias");

    public static void CheckPartition(string given)
    {
        var name = given.Trim();
        var why = FlawOf(name, c => IsWord(c), "-") switch
        {
            Flaw.Empty => "Partition name should not be empty.",
            Flaw.TooLong => $"The length of a partition name must be less than {Limits.NameLength} characters.",
            Flaw.First => "The first character of a partition name must be an underscore or letter.",
            Flaw.Other => "Partition name can only contain numbers, letters and underscores.",
            _ => null,
        };
        Throw(why, w => Faults.Invalid($"Invalid partition name: {name}. {w}"));
    }

    public static void CheckField(string given)
    {
        var name = given.Trim();
        if (Reserved.Contains(name))
        {
            throw new Fault(1701, $"field name \"{name}\" is reserved for internal use and cannot be used in user schemas: field name invalid[field={name}]");
        }

        var invalid = $"Invalid field name: {name}. ";
        var why = FlawOf(name, IsLetter, NoMore) switch
        {
            Flaw.Empty => "field name should not be empty",
            Flaw.TooLong => $"{invalid}The length of a field name must be less than {Limits.NameLength} characters.",
            Flaw.First => $"{invalid}The first character of a field name must be an underscore or letter.",
            Flaw.Other => $"{invalid}Field name can only contain numbers, letters, and underscores.",
            _ => Keywords.Contains(name) || name.Equals("null", StringComparison.OrdinalIgnoreCase) ? $"{invalid}{name} is keyword in milvus." : null,
        };
        Throw(why, w => new Fault(1701, $"{w}: field name invalid[field={name}]"));
    }

    public static void CheckDatabase(string name)
    {
        var why = FlawOf(name, IsLetter, NoMore) switch
        {
            Flaw.Empty => "database name couldn't be empty",
            Flaw.TooLong => $"the length of a database name must be less than {Limits.NameLength} characters",
            Flaw.First => "the first character of a database name must be an underscore or letter",
            Flaw.Other => "database name can only contain numbers, letters and underscores",
            _ => null,
        };
        Throw(why, w => new Fault(802, $"{w}: invalid database name[database={name}]"));
    }

    public static void CheckResourceGroup(string name)
    {
        if (name.Length == 0)
        {
            throw new Fault(1101, "resource group name couldn't be empty: missing parameter");
        }

        var why = FlawOf(name, IsLetter, NoMore) switch
        {
            Flaw.TooLong => $"the length of a resource group name must be less than {Limits.NameLength} characters",
            Flaw.First => "the first character of a resource group name must be an underscore or letter",
            Flaw.Other => "resource group name can only contain numbers, letters and underscores",
            _ => null,
        };
        Throw(why, w => Faults.Invalid($"Invalid resource group name {name}. {w}"));
    }

    /// <summary>Milvus gives its first reasons with the places for the name still open, and the name in front.</summary>
    public static void CheckPrivilegeGroup(string name)
    {
        var why = FlawOf(name, IsLetter, NoMore) switch
        {
            Flaw.Empty => "invalid privilege group name[privilegeGroup=privilege group name should not be empty]",
            Flaw.TooLong => $"{name}->{Limits.NameLength}: invalid privilege group name[privilegeGroup=the length of a privilege group name %s must be less than %s characters]",
            Flaw.First => $"{name}: invalid privilege group name[privilegeGroup=the first character of a privilege group name %s must be an underscore or letter]",
            Flaw.Other => throw Faults.Invalid($"privilege group name {name} can only contain numbers, letters and underscores"),
            _ => null,
        };
        Throw(why, w => new Fault(1402, w));
    }

    public static void CheckUser(string given)
    {
        var name = given.Trim();
        var length = Encoding.UTF8.GetByteCount(name);
        if (length > Limits.UserNameLength)
        {
            throw Faults.Invalid($"invalid username {name} with length {length}, the length of username must be less than {Limits.UserNameLength}");
        }

        var why = FlawOf(name, char.IsAsciiLetter, "-.") switch
        {
            Flaw.Empty => "username must be not empty",
            Flaw.First => $"invalid user name {name}, the first character must be a letter, but got {name[0]}",
            Flaw.Other => $"invalid user name {name}, username must contain only numbers, letters, underscores, dots, and hyphens, but got %!s(uint8={Offender(name, "-.").Code})",
            _ => null,
        };
        Throw(why, Faults.Invalid);
    }

    /// <summary>The rule for everything that has no words of its own: roles, snapshots, objects, privileges.</summary>
    public static void Check(string given, string what)
    {
        var name = given.Trim();
        switch (FlawOf(name, IsLetter, MoreInOthers))
        {
            case Flaw.Empty:
                throw Faults.Invalid($"{what} should be not empty", "not empty", name);
            case Flaw.TooLong:
                throw Faults.OutOfRange($"the length of {what} must be not greater than limit", 0, Limits.NameLength, Encoding.UTF8.GetByteCount(name));
            case Flaw.First:
                throw Faults.Invalid($"the first character of {what} must be an underscore or letter", (int)'_', (int)Encoding.UTF8.GetBytes(name)[0]);
            case Flaw.Other:
                var (code, place) = Offender(name, MoreInOthers);
                throw Faults.Invalid($"{what} can only contain numbers, letters, underscores, and allowed characters ({MoreInOthers}), found {(char)code} at {place}");
            default:
                break;
        }
    }

    private static string CollectionOr(string name, string kind)
    {
        var invalid = $"Invalid collection {kind}: {name}. ";
        var why = FlawOf(name, IsLetter, NoMore) switch
        {
            Flaw.Empty => $"collection {kind} should not be empty",
            Flaw.TooLong => $"{invalid}the length of a collection {kind} must be less than {Limits.NameLength} characters",
            Flaw.First => $"{invalid}the first character of a collection {kind} must be an underscore or letter",
            Flaw.Other => $"{invalid}collection {kind} can only contain numbers, letters and underscores",
            _ => null,
        };
        Throw(why, Faults.Invalid);
        return name;
    }

    private static Flaw FlawOf(string name, Func<char, bool> first, string others) =>
        name.Length == 0 ? Flaw.Empty
        : Encoding.UTF8.GetByteCount(name) > Limits.NameLength ? Flaw.TooLong
        : !first(name[0]) ? Flaw.First
        : name.Skip(1).Any(c => !IsWord(c) && !others.Contains(c, StringComparison.Ordinal)) ? Flaw.Other
        : Flaw.None;

    /// <summary>The first byte that has no place in a name, and where it is.</summary>
    private static (byte Code, int Place) Offender(string name, string others)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        var place = Array.FindIndex(bytes, 1, b => !IsWord((char)b) && !others.Contains((char)b, StringComparison.Ordinal));
        return (bytes[place], place);
    }

    private static void Throw(string? why, Func<string, Fault> fault)
    {
        if (why is not null)
        {
            throw fault(why);
        }
    }

    private static bool IsLetter(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
