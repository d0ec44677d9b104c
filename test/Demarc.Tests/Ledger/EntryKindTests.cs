using System.Reflection;
using System.Text;
using Demarc.Core;
using Demarc.Core.Ledger;
using Demarc.Tests.House;

namespace Demarc.Tests.Ledger;

/// <summary>Kinds of entries are for ever: their names, authors, permissions and fields stand in a golden file.</summary>
public sealed class EntryKindTests
{
    [Fact]
    public void Kinds_are_as_agreed()
    {
        var text = new StringBuilder("# kind | author | permission | task\n");
        foreach (var kind in EntryKind.All)
        {
            text.AppendLine($"{kind.Name} | {kind.Author} | {kind.Permission} | {kind.Task?.ToString() ?? "of its subject"}");
            foreach (var property in Fields(kind)) text.AppendLine($"    {property.Name} : {property.PropertyType.Name} : {string.Join('+', Sensitivities(property))}");
        }

        Golden.Check("entry-kinds.txt", text.ToString());
    }

    [Fact]
    public void Every_field_says_once_how_far_it_may_be_shown()
    {
        foreach (var property in EntryKind.All.SelectMany(Fields)) Assert.True(Sensitivities(property).Count == 1, $"{property.DeclaringType!.Name}.{property.Name}");
    }

    [Fact]
    public void Every_data_type_has_a_kind()
    {
        var types = typeof(EntryData).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(EntryData)) && t != typeof(UnknownEntry));
        Assert.Equal(types.Select(t => t.Name).Order(), EntryKind.All.Select(k => k.Type.Type.Name).Order());
    }

    private static IEnumerable<PropertyInfo> Fields(EntryKind kind) => kind.Type.Type.GetProperties().Where(p => p.Name != "EqualityContract");

    private static List<string> Sensitivities(PropertyInfo property) =>
        [.. property.GetCustomAttributes().Select(a => a switch { PublicAttribute => "public", SensitiveAttribute => "sensitive", SecretFieldAttribute => "secret", _ => "" }).Where(s => s.Length > 0)];
}
