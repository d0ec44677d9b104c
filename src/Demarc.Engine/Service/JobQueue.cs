using Demarc.Engine.Errors;

namespace Demarc.Engine.Service;

/// <summary>Work that a client starts and asks after.</summary>
internal interface IJob
{
    long Id { get; }

    bool Ended { get; }
}

/// <summary>The jobs of one kind since the engine started, the latest of them; they run one after another. What they did is durable, that they ran is not.</summary>
/// <param name="limit">How many may wait or run, and how many are remembered.</param>
internal sealed class JobQueue<T>(int limit)
    where T : class, IJob
{
    private readonly Lock gate = new();
    private readonly List<T> jobs = [];
    private Task last = Task.CompletedTask;

    /// <summary>Those that are known, oldest first.</summary>
    public List<T> All
    {
        get
        {
            lock (gate)
            {
                return [.. jobs];
            }
        }
    }

    /// <summary>Puts a job behind those that wait.</summary>
    public void Start(T job, Func<T, Task> run)
    {
        lock (gate)
        {
            if (jobs.Count(j => !j.Ended) >= limit)
            {
                throw Faults.Invalid($"the number of jobs has reached the limit, please try again later, limit={limit}");
            }

            if (jobs.Count >= limit && jobs.FindIndex(j => j.Ended) is var oldest and >= 0)
            {
                jobs.RemoveAt(oldest);
            }

            jobs.Add(job);
            last = last.ContinueWith(_ => run(job), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Unwrap();
        }
    }

    public T? Find(long id)
    {
        lock (gate)
        {
            return jobs.Find(j => j.Id == id);
        }
    }
}
