namespace Demarc.Engine.Text;

/// <summary>One word of a text as it is indexed and searched.</summary>
/// <param name="Text">After all filters.</param>
/// <param name="Start">Where it stood, in bytes of the text's UTF-8.</param>
/// <param name="End">Behind its last byte.</param>
/// <param name="Position">Its number among the words of the text, those that filters took out counted too; of Chinese words and ICU's, the number of its first character.</param>
/// <param name="Positions">How many positions it takes.</param>
internal readonly record struct TextToken(string Text, int Start, int End, int Position, int Positions = 1);
