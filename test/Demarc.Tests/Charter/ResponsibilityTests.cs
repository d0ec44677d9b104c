using Demarc.Core.Charter;

namespace Demarc.Tests.Charter;

/// <summary>The table in code is the published one: names, groups and ticks, row by row.</summary>
public sealed class ResponsibilityTests
{
    [Fact]
    public void The_seventeen_tasks_stand_as_published()
    {
        var rows = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Charter", "responsibility-table.ja.txt")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('|')).ToList();
        Assert.Equal(17, rows.Count);
        Assert.Equal(17, Responsibilities.All.Length);
        foreach (var (published, ours) in rows.Zip(Responsibilities.All))
        {
            Assert.Equal(published[0], ours.Group.Name().Japanese);
            Assert.Equal(published[1], ours.Japanese);
            Assert.Equal(published[2] == "V" ? Owner.Vendor : published[2] == "C" ? Owner.Customer : Owner.Both, ours.DefaultOwner);
        }
    }

    [Fact]
    public void Slugs_name_each_task_once()
    {
        Assert.Equal(17, Responsibilities.All.Select(r => r.Slug).Distinct().Count());
        foreach (var row in Responsibilities.All)
        {
            Assert.Equal(row.Id, Responsibilities.BySlug(row.Slug));
            Assert.Same(row, Responsibilities.Of(row.Id));
        }

        Assert.Null(Responsibilities.BySlug("everything"));
    }
}
