using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Agent.Local;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;

namespace Demarc.Agent.Emergency;

/// <summary>
/// Users of an instance that exist for one session. They stand in a file beside the instance's credentials, which the engine looks at with each call: who is
/// taken out of it is out with the next call, and what stands in it ends by itself at its time, also when no agent is there to take it out. The engine
/// lets such a user only read.
/// </summary>
public sealed class TemporaryUsers(IPrivateFiles files)
{
    /// <summary>The engine's list, by the name under which it looks for it.</summary>
    public const string FileName = "temporary.json";

    /// <summary>The Milvus user of a session.</summary>
    public static string NameOf(SessionId session) => "session_" + session.Value.Replace('-', '_');

    /// <summary>Adds a user, in the place of one of the same name.</summary>
    public void Put(InstanceId instance, string user, string passwordHash, DateTimeOffset until) =>
        Write(instance, [.. Read(instance).Where(known => known.User != user), new TemporaryUser(user, passwordHash, until.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture))]);

    /// <summary>Takes a user out; nothing happens when it is not there.</summary>
    public void Remove(InstanceId instance, string user)
    {
        var known = Read(instance);
        if (known.Any(other => other.User == user)) Write(instance, [.. known.Where(other => other.User != user)]);
    }

    private ImmutableArray<TemporaryUser> Read(InstanceId instance) =>
        files.Read(instance, FileName) is { } text && JsonSerializer.Deserialize(text, TemporaryJson.Default.TemporaryUserList) is { } list ? list.Users : [];

    private void Write(InstanceId instance, ImmutableArray<TemporaryUser> users)
    {
        if (users.IsEmpty) files.Delete(instance, FileName);
        else files.Write(instance, FileName, JsonSerializer.Serialize(new TemporaryUserList(users), TemporaryJson.Default.TemporaryUserList));
    }
}

/// <summary>A user for a while.</summary>
internal sealed record TemporaryUser(string User, string PasswordHash, string Until);

/// <summary>The engine's list of them.</summary>
internal sealed record TemporaryUserList(ImmutableArray<TemporaryUser> Users);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TemporaryUserList))]
internal sealed partial class TemporaryJson : JsonSerializerContext;
