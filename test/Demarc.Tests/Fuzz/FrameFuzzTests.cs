using Demarc.Core.Agents;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Protocol;
using Demarc.Tests.Agents;
using Demarc.Tests.Ledger;
using Google.Protobuf;

namespace Demarc.Tests.Fuzz;

/// <summary>Frames that no agent of ours would send: the plane answers or hangs up with a reason, and goes on serving.</summary>
public sealed class FrameFuzzTests
{
    [Fact]
    public async Task Frames_to_the_plane()
    {
        await using var hub = await HubWorld.CreateAsync();
        var samples = Samples(hub.World).Select(frame => frame.ToByteArray()).ToArray();
        var size = (await hub.ViewAsync()).Size;
        var ended = 0;
        for (var seed = 0; seed < 150; seed++)
        {
            var mutator = new Mutator(seed);
            await using var conversation = seed % 5 == 0 ? hub.Dial() : await hub.ConversingAsync();
            for (var i = 0; i < 20; i++)
            {
                if (Read(mutator.Of(samples[mutator.Next(samples.Length)])) is { } frame) conversation.Say(frame);
            }

            conversation.HangUp();
            if (conversation.Stalled is null && (await conversation.Ended.WaitAsync(Patience.Limit)).Length > 0) ended++;
        }

        Assert.Equal(150, ended);
        var view = await hub.ViewAsync();
        Assert.True(view.Size >= size);

        // What got in is what the agent may say; the plane still talks to the real one.
        await using var real = await hub.ConversingAsync();
        real.Submit(hub.World.Finding("after-all-that"));
        Assert.Equal("", (await real.ResultAsync()).Refusal);
    }

    private static AgentFrame? Read(byte[] bytes)
    {
        try
        {
            return AgentFrame.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static IEnumerable<AgentFrame> Samples(PlaneWorld world)
    {
        var finding = world.Finding("mine");
        yield return new AgentFrame { Hello = new Hello { Protocol = 1, Environment = "acme", AgentVersion = "1.2.3", Size = 6, Root = ByteString.CopyFrom(new byte[32]) } };
        yield return new AgentFrame { Ping = new Ping { UnixMs = 1 } };
        yield return new AgentFrame { Submit = new Submit { EntryId = finding.Id, Envelope = ByteString.CopyFrom(finding.Bytes.Span) } };
        yield return new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8("""{"at":"2026-11-24T12:00:00Z","substrate":"local","freePorts":[19530],"versions":["2.6.4"],"instances":{}}""") } };
        foreach (var field in AgentFrame.Descriptor.Fields.InDeclarationOrder())
        {
            var frame = new AgentFrame();
            field.Accessor.SetValue(frame, field.MessageType.Parser.ParseFrom([]));
            yield return frame;
        }
    }
}
