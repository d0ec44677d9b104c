namespace Demarc.Engine.Text;

/// <summary>
/// Porter's second stemmer for English ("Porter2", as snowballstem.org describes it): takes endings off in steps, each only
/// where enough of a word remains. R1 is what follows the first consonant after a vowel, R2 the same within R1.
/// </summary>
internal ref struct EnglishStemmer
{
    private static readonly Dictionary<string, string> Exceptions = new(StringComparer.Ordinal)
    {
        ["skis"] = "ski", ["skies"] = "sky", ["dying"] = "die", ["lying"] = "lie", ["tying"] = "tie", ["idly"] = "idl", ["gently"] = "gentl", ["ugly"] = "ugli", ["early"] = "earli",
        ["only"] = "onli", ["singly"] = "singl", ["sky"] = "sky", ["news"] = "news", ["howe"] = "howe", ["atlas"] = "atlas", ["cosmos"] = "cosmos", ["bias"] = "bias", ["andes"] = "andes",
    };

    private static readonly string[] LeftAfterPlural = ["inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"];

    // Longest first within each step, because the longest ending that fits decides.
    private static readonly (string Ending, string Becomes)[] Second =
    [
        ("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"), ("tional", "tion"), ("biliti", "ble"), ("lessli", "less"), ("entli", "ent"),
        ("ation", "ate"), ("alism", "al"), ("aliti", "al"), ("ousli", "ous"), ("iviti", "ive"), ("fulli", "ful"), ("enci", "ence"), ("anci", "ance"), ("abli", "able"), ("izer", "ize"),
        ("ator", "ate"), ("alli", "al"), ("bli", "ble"), ("ogi", "og"), ("li", ""),
    ];

    private static readonly (string Ending, string Becomes)[] Third =
    [
        ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"), ("ative", ""), ("ical", "ic"), ("ness", ""), ("ful", ""),
    ];

    // Words that begin so have R1 behind it, so that "general" and "generous" stay apart.
    private static readonly string[] Prefixes = ["gener", "commun", "arsen"];

    private static readonly string[] Fourth = ["ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion", "al", "er", "ic"];

    private string word;
    private int r1;
    private int r2;

    public static IEnumerable<string> Filter(string word) => [Stem(word)];

    public static string Stem(string word)
    {
        if (word.Length < 3 || !word.All(c => char.IsAsciiLetterLower(c) || c == '\''))
        {
            return word;
        }

        if (Exceptions.TryGetValue(word, out var known))
        {
            return known;
        }

        var stemmer = new EnglishStemmer { word = Marked(word.TrimStart('\'')) };
        stemmer.Regions();
        return stemmer.Run().ToLowerInvariant();
    }

    /// <summary>A y that is a consonant is written Y meanwhile.</summary>
    private static string Marked(string word)
    {
        var letters = word.ToCharArray();
        for (var i = 0; i < letters.Length; i++)
        {
            if (letters[i] == 'y' && (i == 0 || IsVowel(letters[i - 1])))
            {
                letters[i] = 'Y';
            }
        }

        return new string(letters);
    }

    private static bool IsVowel(char c) => c is 'a' or 'e' or 'i' or 'o' or 'u' or 'y';

    private void Regions()
    {
        var own = word;
        var prefix = Array.Find(Prefixes, p => own.StartsWith(p, StringComparison.Ordinal));
        r1 = prefix?.Length ?? After(0);
        r2 = After(r1);
    }

    private readonly int After(int from)
    {
        for (var i = from + 1; i < word.Length; i++)
        {
            if (!IsVowel(word[i]) && IsVowel(word[i - 1]))
            {
                return i + 1;
            }
        }

        return word.Length;
    }

    private string Run()
    {
        foreach (var ending in new[] { "'s'", "'s", "'" })
        {
            if (Ends(ending))
            {
                Drop(ending.Length);
                break;
            }
        }

        Plural();
        if (LeftAfterPlural.Contains(word))
        {
            return word;
        }

        PastAndGerund();
        if (word.Length > 2 && word[^1] is 'y' or 'Y' && !IsVowel(word[^2]))
        {
            word = word[..^1] + "i";
        }

        StepTwo();
        StepThree();
        StepFour();
        Last();
        return word;
    }

    private void Plural()
    {
        if (Ends("sses"))
        {
            Drop(2);
        }
        else if (Ends("ied") || Ends("ies"))
        {
            Drop(word.Length > 4 ? 2 : 1);
        }
        else if (Ends("s") && !Ends("us") && !Ends("ss") && HasVowel(word.Length - 2))
        {
            Drop(1);
        }
    }

    private void PastAndGerund()
    {
        foreach (var ending in new[] { "eedly", "eed" })
        {
            if (Ends(ending))
            {
                if (word.Length - ending.Length >= r1)
                {
                    word = word[..^ending.Length] + "ee";
                }

                return;
            }
        }

        foreach (var ending in new[] { "ingly", "edly", "ing", "ed" })
        {
            if (!Ends(ending))
            {
                continue;
            }

            if (!HasVowel(word.Length - ending.Length))
            {
                return;
            }

            Drop(ending.Length);
            if (Ends("at") || Ends("bl") || Ends("iz"))
            {
                word += "e";
            }
            else if (word.Length > 1 && word[^1] == word[^2] && word[^1] is 'b' or 'd' or 'f' or 'g' or 'm' or 'n' or 'p' or 'r' or 't')
            {
                Drop(1);
            }
            else if (r1 >= word.Length && EndsShort(word.Length))
            {
                word += "e";
            }

            return;
        }
    }

    private void StepTwo()
    {
        foreach (var (ending, becomes) in Second)
        {
            if (!Ends(ending))
            {
                continue;
            }

            var allowed = ending switch
            {
                "ogi" => word.Length > 3 && word[^4] == 'l',
                "li" => word.Length > 2 && word[^3] is 'c' or 'd' or 'e' or 'g' or 'h' or 'k' or 'm' or 'n' or 'r' or 't',
                _ => true,
            };
            if (allowed && word.Length - ending.Length >= r1)
            {
                word = word[..^ending.Length] + becomes;
            }

            return;
        }
    }

    private void StepThree()
    {
        foreach (var (ending, becomes) in Third)
        {
            if (Ends(ending))
            {
                if (word.Length - ending.Length >= (ending == "ative" ? r2 : r1))
                {
                    word = word[..^ending.Length] + becomes;
                }

                return;
            }
        }
    }

    private void StepFour()
    {
        foreach (var ending in Fourth)
        {
            if (Ends(ending))
            {
                if (word.Length - ending.Length >= r2 && (ending != "ion" || (word.Length > 3 && word[^4] is 's' or 't')))
                {
                    Drop(ending.Length);
                }

                return;
            }
        }
    }

    private void Last()
    {
        if (Ends("e"))
        {
            if (word.Length - 1 >= r2 || (word.Length - 1 >= r1 && !EndsShort(word.Length - 1)))
            {
                Drop(1);
            }
        }
        else if (Ends("l") && word.Length - 1 >= r2 && word.Length > 1 && word[^2] == 'l')
        {
            Drop(1);
        }
    }

    /// <summary>Whether the first letters end in a short syllable: a vowel between consonants, the last not w, x or Y; or a vowel first and a consonant.</summary>
    private readonly bool EndsShort(int length) => length switch
    {
        2 => IsVowel(word[0]) && !IsVowel(word[1]),
        > 2 => !IsVowel(word[length - 3]) && IsVowel(word[length - 2]) && !IsVowel(word[length - 1]) && word[length - 1] is not ('w' or 'x' or 'Y'),
        _ => false,
    };

    private readonly bool HasVowel(int length)
    {
        for (var i = 0; i < length; i++)
        {
            if (IsVowel(word[i]))
            {
                return true;
            }
        }

        return false;
    }

    private readonly bool Ends(string ending) => word.EndsWith(ending, StringComparison.Ordinal);

    private void Drop(int letters) => word = word[..^letters];
}
