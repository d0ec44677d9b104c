using CsCheck;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;

namespace Demarc.Tests.Engine;

/// <summary>How texts are split into words, and what text_match and phrase_match find.</summary>
public class TextTests
{
    [Theory]
    [InlineData("", "The QUICK brown-fox's 32.3", "the quick brown fox s 32 3")]
    [InlineData("{}", "Éclair Straße 日本語", "éclair straße 日本語")]
    [InlineData("""{"type":"standard","stop_words":["_english_","fox"]}""", "The quick fox and a dog", "quick dog")]
    [InlineData("""{"type":"english"}""", "The running foxes are generously jumping", "run fox generous jump")]
    [InlineData("""{"type":"chinese"}""", "系统安全;,'';lxyz密码,机", "系统 安全 系统安全 lxyz 密码 机")]
    [InlineData("""{"tokenizer":"standard","filter":["lowercase"]}""", "Would you like to eat an apple?", "would you like to eat an apple")]
    [InlineData("""{"tokenizer":"whitespace"}""", " a-b  C\td ", "a-b C d")]
    [InlineData("""{"tokenizer":"standard","filter":["asciifolding"]}""", "Ærø naïve Łódź ß", "AEro naive Lodz ss")]
    [InlineData("""{"tokenizer":"whitespace","filter":["alphanumonly"]}""", "abc a-b é 12", "abc 12")]
    [InlineData("""{"tokenizer":"whitespace","filter":["removepunct"]}""", "a ... b! ?", "a b!")]
    [InlineData("""{"tokenizer":"whitespace","filter":["cncharonly"]}""", "中文 abc 中a", "中文")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"length","max":3}]}""", "a abc abcd", "a abc")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"stop","stop_words":["of","_english_"]}]}""", "house of the cards", "house cards")]
    [InlineData("""{"tokenizer":"standard","filter":["lowercase",{"type":"stemmer","language":"english"}]}""", "Connections Connected", "connect connect")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"decompounder","word_list":["dampf","schiff"]}]}""", "dampfschiff dampfer", "dampf schiff dampfer")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"regex","expr":"^[a-c]+$"}]}""", "abc abd cab", "abc cab")]
    [InlineData("""{"tokenizer":{"type":"ngram","min_gram":1,"max_gram":2}}""", "abc", "a ab b bc c")]
    [InlineData("""{"tokenizer":{"type":"char_group","delimiters":["-","_"]}}""", "a-b_c d", "a b c d")]
    [InlineData("""{"tokenizer":{"type":"char_group","delimiters":["whitespace","digit"]}}""", "a1b c", "a b c")]
    public void Analyzers_split_as_asked(string parameters, string text, string words)
    {
        var tokens = AnalyzerReader.Read(parameters).Analyze(text).Select(t => t.Text);
        Assert.Equal(words, string.Join(' ', tokens));
    }

    [Theory]
    [InlineData("nonsense", "not valid JSON")]
    [InlineData("[]", "json map")]
    [InlineData("""{"type":"klingon"}""", "unknown build-in analyzer type: klingon")]
    [InlineData("""{"type":"standard","surprise":1}""", "unknown analyzer option key: surprise")]
    [InlineData("""{"filter":["lowercase"]}""", "tokenizer name or type must be set")]
    [InlineData("""{"tokenizer":"lindera"}""", "unsupported tokenizer: lindera")]
    [InlineData("""{"tokenizer":"standard","filter":["shout"]}""", "filter not found :shout")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"synonym"}]}""", "unsupport filter type: synonym")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"stemmer","language":"french"}]}""", "unsupported language")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"length"}]}""", "max param")]
    [InlineData("""{"tokenizer":{"type":"char_group","delimiters":["vowel"]}}""", "vowel not a char or name of build-in char group")]
    [InlineData("""{"tokenizer":{"type":"ngram","min_gram":3,"max_gram":2}}""", "min_gram <= max_gram")]
    [InlineData("""{"tokenizer":"standard","filter":[{"type":"regex","expr":"("}]}""", "invalid regex")]
    public void What_an_analyzer_does_not_know_is_refused(string parameters, string words) =>
        Assert.Contains(words, Assert.Throws<Fault>(() => AnalyzerReader.Read(parameters)).Message, StringComparison.Ordinal);

    [Fact]
    public void Words_know_where_they_stood_in_bytes_and_in_order()
    {
        var tokens = AnalyzerReader.Read("""{"type":"standard","stop_words":["b"]}""").Analyze("é b 日本");
        Assert.Equal([new TextToken("é", 0, 2, 0), new TextToken("日本", 5, 11, 2)], tokens);
        Assert.Equal(0xCBF43926u, Terms.Number("123456789")); // The check value of CRC-32.
    }

    /// <summary>Pairs from the algorithm's published sample vocabulary.</summary>
    [Theory]
    [InlineData("consign consigned consigning consignment consist consistency consistent consistently consolation consolations consolatory consoled consolingly conspicuous", "consign consign consign consign consist consist consist consist consol consol consolatori consol consol conspicu")]
    [InlineData("knack knackeries knavish kneaded knee kneel knelt knightly knitting knives knocked", "knack knackeri knavish knead knee kneel knelt knight knit knive knock")]
    [InlineData("caresses ties cries gas gaps kiwis luxuriated hopping hoping agreed sky skies dying generate generous general communism happy by say relational rational adoption controll rate", "caress tie cri gas gap kiwi luxuri hop hope agre sky sky die generat generous general communism happi by say relat ration adopt control rate")]
    public void English_words_lose_their_endings(string words, string stems) =>
        Assert.Equal(stems, string.Join(' ', words.Split(' ').Select(EnglishStemmer.Stem)));

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("alergy", "allergy", 1)]
    [InlineData("alergy", "allergic", 3)]
    [InlineData("ab", "ba", 1)]
    [InlineData("abc", "bca", 2)]
    [InlineData("日本", "日本語", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void Words_are_so_many_edits_apart(string one, string other, int edits)
    {
        for (var most = 0; most <= Edits.Most; most++)
        {
            Assert.Equal(edits <= most, Edits.Within(one, other, most));
            Assert.Equal(edits <= most, Edits.Within(other, one, most));
        }
    }

    [Fact]
    public void Any_word_has_a_stem() => Gen.String[0, 20].Sample(word => EnglishStemmer.Stem(word).Length <= word.Length + 1, iter: 20_000);

    [Theory]
    [InlineData("text_match(title, 'fox')", "0,1,3")]
    [InlineData("text_match(title, 'FOX cat')", "0,1,2,3")]
    [InlineData("text_match(title, 'quick brown cat', minimum_should_match=2)", "0,1")]
    [InlineData("not text_match(title, 'fox')", "2")]
    [InlineData("text_match(title, '...')", "")]
    [InlineData("text_match_fuzzy(title, 'fax', max_edit_distance=1)", "0,1,3")]
    [InlineData("text_match_fuzzy(title, 'fxo brwn', max_edit_distance=1)", "0,1,3")]
    [InlineData("TEXT_MATCH_FUZZY(title, 'cot', max_edit_distance=2)", "0,1,2,3")]
    [InlineData("text_match_fuzzy(title, 'fax', max_edit_distance=0)", "")]
    [InlineData("not text_match_fuzzy(title, 'redd', max_edit_distance=1)", "0,2,3")]
    [InlineData("text_match(title, 'none')", "")]
    [InlineData("phrase_match(title, 'quick brown')", "0")]
    [InlineData("phrase_match(title, 'quick fox')", "")]
    [InlineData("phrase_match(title, 'quick fox', 1)", "0,1,3")]
    [InlineData("phrase_match(title, 'fox quick', 2)", "3")]
    [InlineData("phrase_match(title, 'fox quick', 3)", "0,1,3")]
    [InlineData("phrase_match(title, 'fox')", "0,1,3")]
    [InlineData("not phrase_match(title, 'fox') and id < 3", "2")]
    [InlineData("id > 0 and (text_match(title, 'cat') or phrase_match(title, 'jumps fox'))", "2,3")]
    public void Texts_are_found_by_their_words(string filter, string keys)
    {
        string?[] titles = ["The quick brown fox", "quick, red fox; brown", "a cat", "fox of the quick: jumps fox", null];
        var rows = titles.Select((title, i) => new PlainRow(i, null, null, 0, title, null, null, null, [], null, null, "{}")).ToList();
        var mask = Evaluator.Matching(Parser.Parse(FilterSample.Definition(), filter), FilterSample.View(rows));
        Assert.Equal(keys, string.Join(',', rows.Where(r => (mask[0] >> (int)r.Id & 1) != 0).Select(r => r.Id)));
    }

    /// <summary>Random texts of few words, against looking at every text and every choice of places.</summary>
    [Fact]
    public void Phrases_are_those_a_plain_search_finds() =>
        Gen.Select(Gen.Int[0, 3].Array[0, 8].Array[1, 80], Gen.Int[0, 3].Array[1, 3], Gen.Int[0, 4]).Sample(
            (texts, phrase, slop) =>
            {
                var rows = texts.Select((words, i) => new PlainRow(i, null, null, 0, Spoken(words), null, null, null, [], null, null, "{}")).ToList();
                var mask = Evaluator.Matching(Parser.Parse(FilterSample.Definition(), $"phrase_match(title, '{Spoken(phrase)}', {slop})"), FilterSample.View(rows));
                for (var i = 0; i < texts.Length; i++)
                {
                    Assert.Equal(Stands(texts[i], phrase, slop, 0, int.MaxValue, int.MinValue), (mask[i >> 6] >> (i & 63) & 1) != 0);
                }
            },
            iter: 500);

    private static bool Stands(int[] text, int[] phrase, int slop, int at, int lowest, int highest) =>
        at == phrase.Length
            ? highest - lowest <= slop
            : Enumerable.Range(0, text.Length).Any(p => text[p] == phrase[at] && Stands(text, phrase, slop, at + 1, Math.Min(lowest, p - at), Math.Max(highest, p - at)));

    private static string Spoken(int[] words) => string.Join(' ', words.Select(w => "wxyz"[w]));

    [Fact]
    public void A_field_without_match_is_not_asked()
    {
        var schema = FilterSample.Schema();
        var title = schema.Fields.Single(f => f.Name == "title");
        title.TypeParams.Remove(title.TypeParams.Single(p => p.Key == "enable_match"));
        var definition = SchemaRules.Read(new Demarc.Engine.Durability.CreateCollectionOp { Schema = SchemaRules.Complete(schema, "kinds") }, 1);
        Assert.Contains("does not enable match", Assert.Throws<FilterException>(() => Parser.Parse(definition, "text_match(title, 'a')")).Message, StringComparison.Ordinal);
        title.TypeParams.Add(new Demarc.Engine.Protocol.KeyValuePair { Key = "analyzer_params", Value = "{\"type\":\"klingon\"}" });
        Assert.Contains("klingon", Assert.Throws<Fault>(() => SchemaRules.Complete(schema, "kinds")).Message, StringComparison.Ordinal);
    }
}
