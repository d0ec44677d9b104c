using System.Text;
using Demarc.Core.Instances;

namespace Demarc.Agent.Local;

/// <summary>The agent's small files per instance, in a folder of its data that only its user may enter.</summary>
public sealed class PrivateFiles(string root) : IPrivateFiles
{
    public string? Read(InstanceId instance, string name) =>
        PrivateDisk.Read(PathOf(instance, name)) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    public void Write(InstanceId instance, string name, string content)
    {
        PrivateDisk.EnsureFolder(root);
        PrivateDisk.EnsureFolder(FolderOf(instance));
        PrivateDisk.Write(PathOf(instance, name), Encoding.UTF8.GetBytes(content));
    }

    public void Delete(InstanceId instance, string name)
    {
        if (Directory.Exists(FolderOf(instance))) File.Delete(PathOf(instance, name));
    }

    public void DeleteAll(InstanceId instance)
    {
        if (Directory.Exists(FolderOf(instance))) Directory.Delete(FolderOf(instance), recursive: true);
    }

    public string PathOf(InstanceId instance, string name) => Path.Combine(FolderOf(instance), name);

    private string FolderOf(InstanceId instance) => Path.Combine(root, instance.Value);
}
