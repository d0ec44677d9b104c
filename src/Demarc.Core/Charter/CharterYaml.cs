using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Demarc.Core.Charter;

/// <summary>What is wrong in a charter's text: where, which field, and what would be right.</summary>
/// <param name="File">The file as the reader knows it.</param>
/// <param name="Line">Counted from 1.</param>
/// <param name="Column">Counted from 1.</param>
/// <param name="Field">Path of the field, as in <c>tasks.provision.owner</c>.</param>
/// <param name="Message">What is wrong and which values are allowed.</param>
public sealed record CharterFault(string File, int Line, int Column, string Field, string Message)
{
    /// <summary>As compilers print it, so that editors can jump to it.</summary>
    public override string ToString() => $"{File}:{Line}:{Column}: {Field}: {Message}";
}

/// <summary>What reading a charter gives.</summary>
/// <param name="Document">The charter; null when there are faults.</param>
/// <param name="Faults">Everything that is wrong, in the order of the text.</param>
public readonly record struct CharterRead(CharterDocument? Document, ImmutableArray<CharterFault> Faults);

/// <summary>The charter as people write it. Reading names every fault by file, line and field; writing and reading again gives the same charter.</summary>
public static class CharterYaml
{
    /// <summary>Reads a charter's text. Never throws for bad input.</summary>
    public static CharterRead Read(string text, string file = "charter.yaml")
    {
        var reader = new CharterReader(file);
        if (Encoding.UTF8.GetByteCount(text) > CharterLimits.MaxBytes)
            return reader.Only(1, 1, "charter", $"the text is longer than {CharterLimits.MaxBytes} bytes");
        try
        {
            if (reader.Bounded(text) is { } refused) return refused;
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count != 1) return reader.Only(1, 1, "charter", "the text must hold exactly one YAML document");
            return reader.Document(stream.Documents[0].RootNode);
        }
        catch (YamlException unreadable)
        {
            return reader.Only((int)unreadable.Start.Line, (int)unreadable.Start.Column, "charter", $"not YAML: {unreadable.Message}");
        }
        catch (Exception unreadable) when (unreadable is InvalidOperationException or ArgumentException or FormatException)
        {
            // The parser's own exceptions for some kinds of damage carry no place.
            return reader.Only(1, 1, "charter", "not YAML that can be read");
        }
    }

    /// <summary>Writes a charter.</summary>
    public static string Write(CharterDocument charter) => CharterWriter.Write(charter);
}
