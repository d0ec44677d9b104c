using System.CommandLine;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes follow CHANGE</c>: stays with a change until it ends or awaits a person.</summary>
internal static class ChangesFollowCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        return new Verb(
            "follow", "Follow a change until it ends, or until it awaits somebody.",
            invocation => ChangeRequesting.FollowAsync(invocation, invocation.Looking, ChangeNames.Checked(invocation.Get(id)!), showPlan: true), [id]);
    }
}
