using System.Text;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;

namespace Demarc.Tests.Emergency;

/// <summary>A recording, its chain, and what was typed: nothing that was altered is played, and nothing runs that is not on the list.</summary>
public sealed class RecordingTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Session Session = New();

    [Fact]
    public void A_recording_is_asciicast_v2()
    {
        var lines = Encoding.UTF8.GetString(Recording().Bytes).Split('\n');
        using var header = System.Text.Json.JsonDocument.Parse(lines[0]);
        Assert.Equal(2, header.RootElement.GetProperty("version").GetInt32());
        Assert.True(header.RootElement.GetProperty("width").GetInt32() > 0 && header.RootElement.GetProperty("height").GetInt32() > 0);
        Assert.Equal("""[1.500000,"o","a \"quoted\" line\r\n"]""", lines[2]);
        Assert.Equal((TimeSpan.FromSeconds(1.5), 'o', "a \"quoted\" line\r\n"), RecordingChain.Event(Encoding.UTF8.GetBytes(lines[2])));
        Assert.Null(RecordingChain.Event("{}"u8));
        Assert.Null(RecordingChain.Event("[1,\"o\"]"u8));
        Assert.Null(RecordingChain.Event("nothing"u8));
    }

    [Fact]
    public void Somebody_writes_to_the_recording()
    {
        var (bytes, mark) = Recording();
        Assert.Null(RecordingChain.Fault(bytes, Session.TermsHash, mark));
        var lines = Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var forged in new[]
        {
            string.Join('\n', lines) + "\n[9.0,\"o\",\"one more\"]\n",
            string.Join('\n', lines.Where((_, i) => i != 2)) + "\n",
            string.Join('\n', lines.Take(2).Append(lines[3]).Append(lines[2]).Concat(lines.Skip(4))) + "\n",
            string.Join('\n', lines).Replace("quoted", "forged", StringComparison.Ordinal) + "\n",
            string.Join('\n', lines.SkipLast(1)) + "\n",
            string.Join('\n', lines),
            "",
        }) Assert.NotNull(RecordingChain.Fault(Encoding.UTF8.GetBytes(forged), Session.TermsHash, mark));

        // Every single byte counts, and so does which session it is of.
        for (var i = 0; i < bytes.Length; i++)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[i] ^= 1;
            Assert.NotNull(RecordingChain.Fault(flipped, Session.TermsHash, mark));
        }

        Assert.NotNull(RecordingChain.Fault(bytes, "sha256:00", mark));
    }

    [Theory]
    [InlineData("uptime; id", "';' means nothing here")]
    [InlineData("uptime && id", "'&' means nothing here")]
    [InlineData("uptime | sh", "'|' means nothing here")]
    [InlineData("$(id)", "'$' means nothing here")]
    [InlineData("`id`", "'`' means nothing here")]
    [InlineData("uptime > /etc/passwd", "'>' means nothing here")]
    [InlineData("log ../../agent.key", "'/' means nothing here")]
    [InlineData("log ..", "INSTANCE '..' is not a name")]
    [InlineData("log .hidden", "INSTANCE '.hidden' is not a name")]
    [InlineData("log --help", "INSTANCE '--help' is not a name")]
    [InlineData("log docs 9999", "LINES '9999' is not a whole number from 1 to 200")]
    [InlineData("log docs -5", "LINES '-5' is not a whole number")]
    [InlineData("vmstat 5 -n", "too much was typed: vmstat [SECONDS]")]
    [InlineData("/bin/sh", "'/' means nothing here")]
    [InlineData("sh", "'sh' is not on the list")]
    [InlineData("uptime\nid", "means nothing here")]
    [InlineData("uptime\u001b[2J", "means nothing here")]
    [InlineData("uptime\0", "means nothing here")]
    [InlineData("log dоcs", "means nothing here")]
    [InlineData("log", "INSTANCE is missing")]
    [InlineData("", "nothing was typed")]
    public void A_shell_s_characters_and_tricks_with_paths_run_nothing(string line, string words)
    {
        var (command, fault) = TerminalCommands.Read(TerminalCommands.OfMachine, line);
        Assert.Null(command);
        Assert.Contains(words, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_on_the_list_runs_with_the_arguments_of_the_list()
    {
        Assert.Equal(["1", "5"], TerminalCommands.Read(TerminalCommands.OfMachine, "vmstat").Command!.ProgramArguments);
        Assert.Equal(["1", "30"], TerminalCommands.Read(TerminalCommands.OfMachine, " vmstat  30 ").Command!.ProgramArguments);
        Assert.Equal(["docs", "20"], TerminalCommands.Read(TerminalCommands.OfMachine, "log docs").Command!.Values);
        Assert.Null(TerminalCommands.Read(TerminalCommands.OfMilvus, "uptime").Command);
    }

    [Fact]
    public void A_log_line_shows_the_engine_s_own_words_only()
    {
        Assert.Equal("2026-11-25T21:52:45.976Z INFO Recovered 3 collections with 12 rows, 0 log frames replayed", Agent.Emergency.LogTail.Redact("2026-11-25T21:52:45.976Z INFO Recovered 3 collections with 12 rows, 0 log frames replayed"));
        Assert.Equal("WARN Login refused for user · from ·", Agent.Emergency.LogTail.Redact("WARN Login refused for user alice from 10.1.2.3"));
        foreach (var secret in new[] { "password=hunter2", "customers", "4111111111111111", "alice@example.com", "/srv/acme/data", "\"a quoted user\"", "Wyr-CkrNgLvayTvTlosoFTHtUK2T615a1iWNmrS7SB0" })
            Assert.DoesNotContain(secret, Agent.Emergency.LogTail.Redact($"ERROR Checkpoint failed {secret} for user {secret}."), StringComparison.Ordinal);
    }

    private static (byte[] Bytes, RecordingMark Mark) Recording()
    {
        var chain = RecordingChain.Begin(Session.TermsHash);
        var bytes = new List<byte>();
        foreach (var line in new[] { RecordingChain.Header(Session, At), RecordingChain.Line(TimeSpan.FromSeconds(1), 'i', "log docs"), RecordingChain.Line(TimeSpan.FromSeconds(1.5), 'o', "a \"quoted\" line\r\n"), RecordingChain.Line(TimeSpan.FromSeconds(2), 'o', "日本語\r\n"), RecordingChain.Line(TimeSpan.FromSeconds(3), 'm', "ended") })
        {
            chain.Add(line);
            bytes.AddRange(line);
            bytes.Add((byte)'\n');
        }

        return ([.. bytes], chain.Mark);
    }

    private static Session New()
    {
        var (id, terms) = (SessionId.Parse("s-test"), new SessionTerms(SessionKind.Terminal, null, 30, false, null, "a \"reason\"\nof two lines"));
        return new Session(id, terms, terms.Hash(id, "v"), "v", Party.Vendor, At, SessionStatus.Requested, ApprovalNeed.OfCustomer, []);
    }
}
