using System.CommandLine;

namespace Demarc.Cli;

/// <summary>
/// <c>demarc completion bash|zsh|fish</c>: prints a script for the shell. The scripts ask the program itself through the
/// <c>[suggest]</c> directive, so that they never fall behind it.
/// </summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "Which shell." }.OneOf("bash", "zsh", "fish");
        return new Verb("completion", "Print a completion script: source <(demarc completion bash)", invocation =>
        {
            invocation.Terminal.Line(Script(invocation.Get(shell)!).TrimEnd('\n'));
            return Task.FromResult(ExitCodes.Ok);
        }, [shell]);
    }

    private static string Script(string shell) => shell switch
    {
        "bash" =>
            """
            _demarc() {
              local word=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
              COMPREPLY=($(compgen -W "$(demarc "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "$word"))
            }
            complete -F _demarc demarc
            """,
        "zsh" =>
            """
            #compdef demarc
            _demarc() {
              local -a found
              found=("${(@f)$(demarc "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
              compadd -a found
            }
            compdef _demarc demarc
            """,
        _ =>
            """
            complete -c demarc -f -a '(demarc "[suggest:"(string length -- (commandline -cp))"]" (commandline -cp) 2>/dev/null)'
            """,
    };
}
