using System.Text;
using Demarc.Engine.Errors;
using Demarc.Engine.Text;

namespace Demarc.Tests.Engine;

/// <summary>Chinese texts are cut as jieba cuts them; the expected words are those of its own documents and tests.</summary>
public class ChineseTests
{
    [Theory]
    [InlineData("exact", true, "我来到北京清华大学", "我 来到 北京 清华大学")]
    [InlineData("exact", true, "他来到了网易杭研大厦", "他 来到 了 网易 杭研 大厦")]
    [InlineData("exact", false, "我们中出了一个叛徒", "我们 中 出 了 一个 叛徒")]
    [InlineData("exact", true, "我们中出了一个叛徒", "我们 中出 了 一个 叛徒")]
    [InlineData("exact", true, "用了3.5%的C++和AT&T网", "用 了 3.5% 的 C++ 和 AT&T 网")]
    [InlineData("search", true, "南京市长江大桥", "南京 京市 南京市 长江 大桥 长江大桥")]
    [InlineData("search", true, "小明硕士毕业于中国科学院计算所，后在日本京都大学深造", "小明 硕士 毕业 于 中国 科学 学院 科学院 中国科学院 计算 计算所 ， 后 在 日本 京都 大学 日本京都大学 深造")]
    [InlineData("exact", true, "a\r\nb 永和服装", "a \r\n b   永和 服装")]
    public void Words_are_those_of_jieba(string mode, bool guesses, string text, string words)
    {
        var tokens = Tokens($$$"""{"type":"jieba","mode":"{{{mode}}}","hmm":{{{(guesses ? "true" : "false")}}}}""", text);
        Assert.Equal(words, string.Join(' ', tokens.Select(t => t.Text)));
        Assert.All(tokens, t => Assert.Equal(t.Text, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)[t.Start..t.End])));
    }

    [Theory]
    [InlineData("""{"type":"jieba","dict":["结巴分词器"],"mode":"exact","hmm":false}""", "milvus 结巴分词器 中 文 测 试")]
    [InlineData("""{"type":"jieba","dict":["结巴分词器"],"mode":"exact"}""", "milvus 结巴分词器 中文 测试")]
    [InlineData("""{"type":"jieba","dict":["_default_","结巴分词器"],"hmm":false}""", "milvus 结巴 分词 分词器 结巴分词器 中文 测试")]
    [InlineData("""{"type":"jieba","dict":[],"hmm":false}""", "milvus 结 巴 分 词 器 中 文 测 试")]
    public void Words_of_ones_own_stand_beside_the_list_or_for_it(string tokenizer, string words)
    {
        var found = Tokens(tokenizer, "milvus结巴分词器中文测试").Select(t => t.Text);
        Assert.Equal(words, string.Join(' ', found));
    }

    [Fact]
    public void Positions_are_those_of_characters()
    {
        var tokens = Tokens("""{"type":"jieba"}""", "𠮷 北京大学");
        Assert.Equal(new TextToken("𠮷", 0, 4, 0, 1), tokens[0]);
        Assert.Equal(new TextToken("北京", 5, 11, 2, 2), tokens[2]);
        Assert.Equal(new TextToken("北京大学", 5, 17, 2, 4), tokens[^1]);
    }

    [Theory]
    [InlineData("""{"type":"jieba","dict":"a"}""", "dict must be array")]
    [InlineData("""{"type":"jieba","dict":[1]}""", "dict item must be string")]
    [InlineData("""{"type":"jieba","dict":["_default_","_extend_default_"]}""", "can only set one system dict")]
    [InlineData("""{"type":"jieba","dict":["_extend_default_"]}""", "not _extend_default_")]
    [InlineData("""{"type":"jieba","mode":"fast"}""", "must be \\\"exact\\\" or \\\"search\\\"")]
    [InlineData("""{"type":"jieba","mode":1}""", "mode must be string")]
    [InlineData("""{"type":"jieba","hmm":1}""", "must be boolean")]
    [InlineData("""{"type":"jieba","extra_dict_file":{}}""", "extra_dict_file")]
    public void Options_that_mean_nothing_are_refused(string tokenizer, string why) =>
        Assert.Contains(why.Replace("\\\"", "\"", StringComparison.Ordinal), Assert.Throws<Fault>(() => Tokens(tokenizer, "a")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("I can't pay 3,50.5 to a_b.", "I| |can't| |pay| |3,50.5| |to| |a_b|.")]
    [InlineData("北京清华大学です カタカナ", "北京|清华大学|で|す| |カタカナ")]
    [InlineData("a\u0301b\r\n\n  c 👩\u200D🚀🇯🇵🇫🇷", "a\u0301b|\r\n|\n|  |c| |👩\u200D🚀|🇯🇵|🇫🇷")]
    public void Icu_splits_at_the_word_boundaries_of_Unicode(string text, string words)
    {
        var tokens = AnalyzerReader.Read("""{"tokenizer":"icu"}""").Analyze(text);
        Assert.Equal(words, string.Join('|', tokens.Select(t => t.Text)));
        Assert.Equal(tokens.Count, tokens.Select(t => t.Position).Distinct().Count());
        Assert.Equal(text, string.Concat(tokens.Select(t => t.Text)));
    }

    private static List<TextToken> Tokens(string tokenizer, string text) => AnalyzerReader.Read($$"""{"tokenizer":{{tokenizer}}}""").Analyze(text);
}
