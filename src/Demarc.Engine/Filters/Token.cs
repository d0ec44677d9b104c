namespace Demarc.Engine.Filters;

/// <summary>What the lexer tells apart.</summary>
internal enum TokenKind
{
    End,
    Name,
    Integer,
    Number,
    Text,
    Symbol,
    Template,
}

/// <param name="Kind">What it is.</param>
/// <param name="Text">Of a name or symbol as written; of a text with escapes resolved; of a number its digits.</param>
/// <param name="Position">Characters before it, for messages.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    public override string ToString() => Kind == TokenKind.End ? "the end" : $"'{Text}'";
}
