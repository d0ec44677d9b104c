using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Demarc.Core;

namespace Demarc.Tests.House;

/// <summary>Who may lean on whom, and what Core, which decides everything and touches nothing, must not even name.</summary>
public sealed class DependencyTests
{
    private static readonly string[] ForbiddenToCore =
    [
        "System.IO.File", "System.IO.FileStream", "System.IO.FileInfo", "System.IO.Directory", "System.IO.DirectoryInfo", "System.IO.StreamWriter", "System.Net.", "System.Console",
        "System.Environment", "System.Random", "System.Diagnostics.Process", "System.Diagnostics.Stopwatch", "System.Threading.Timer", "System.Threading.Thread", "System.Threading.ThreadPool",
        "System.Threading.Tasks.Task", "System.Threading.Tasks.Task`1", "System.Threading.Tasks.Parallel", "System.Runtime.CompilerServices.AsyncTaskMethodBuilder", "System.Security.Cryptography.RandomNumberGenerator",
    ];

    [Theory]
    [InlineData("Demarc.Core")]
    [InlineData("Demarc.Protocol")]
    [InlineData("Demarc.Engine")]
    [InlineData("Demarc.Plane", "Demarc.Core", "Demarc.Protocol")]
    [InlineData("Demarc.Agent", "Demarc.Core", "Demarc.Protocol")]
    [InlineData("Demarc.Cli", "Demarc.Core")]
    public void A_program_leans_only_on_what_it_may(string project, params string[] may)
    {
        var references = XDocument.Load(Path.Combine(Golden.Root, "src", project, project + ".csproj")).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')));
        Assert.Empty(references.Except(may));
    }

    [Fact]
    public void Every_program_has_its_rule() =>
        Assert.Equal(["Demarc.Agent", "Demarc.Cli", "Demarc.Core", "Demarc.Engine", "Demarc.Plane", "Demarc.Protocol"], Directory.GetDirectories(Path.Combine(Golden.Root, "src")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void Core_names_no_file_no_network_no_clock_and_no_task()
    {
        var exceptions = new Exceptions("core");
        using var file = File.OpenRead(typeof(Must).Assembly.Location);
        using var image = new PEReader(file);
        var metadata = image.GetMetadataReader();
        var names = metadata.TypeReferences.Select(metadata.GetTypeReference).Select(t => $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}").ToHashSet();
        Assert.Contains("System.Object", names);
        foreach (var name in names)
        {
            if (ForbiddenToCore.Any(f => name == f || (f.EndsWith('.') && name.StartsWith(f, StringComparison.Ordinal)))) exceptions.Broken(name, "is not for Core: it decides, others act");
        }

        exceptions.Check();
    }

    [Fact]
    public void Core_leans_on_two_libraries_beside_the_base_library()
    {
        var others = typeof(Must).Assembly.GetReferencedAssemblies().Select(a => a.Name!).Where(n => !n.StartsWith("System.", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(["NSec.Cryptography", "YamlDotNet"], others);
    }

    [Fact]
    public void Public_members_of_Core_must_be_documented()
    {
        var project = XDocument.Load(Path.Combine(Golden.Root, "src", "Demarc.Core", "Demarc.Core.csproj"));
        Assert.Equal("true", (string?)project.Descendants("GenerateDocumentationFile").Single());
        Assert.DoesNotContain("CS1591", project.ToString(), StringComparison.Ordinal);
        Assert.Contains("<TreatWarningsAsErrors>true<", File.ReadAllText(Path.Combine(Golden.Root, "Directory.Build.props")), StringComparison.Ordinal);
    }
}
