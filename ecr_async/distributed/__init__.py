"""The bulk scan past one machine, over a dask.distributed cluster; needs the extra `distributed`.

    summary = await scan_distributed("images/", profiles=["prod", "dev"], regions=["eu-west-1", "us-east-1"])
    print(summary.total.images, summary.failed)

    duckdb.sql("SELECT repository, sum(size) FROM 'images/**/*.parquet' GROUP BY repository")

Theory of operation
-------------------

*What is a partition.* A repository of a registry, that is, of an account in a region. Its rows are one
Parquet file, under a name that depends on nothing else, and the file appears in one step, when the
repository has been read to its end. So a partition is done if and only if its file is there; doing it again
gives the same file; and a worker that dies halfway leaves no row behind. A partition that failed has no
file, and the next scan into the same folder does what is missing, and only that.

*What is a task.* Not a partition, but a whole registry. ECR's rate limits belong to an account and region,
and what has been learnt about one lives in the memory of the process that calls. Were the partitions of
a registry tasks of their own, they would have to be kept from running on two workers at once: a lock
does that, but lets waiting tasks hold the cluster's threads, and every partition would learn the limit
anew. As one task, a registry is on one worker at a time because the scheduler runs a task once; its
partitions share one limiter, one connection pool and `concurrency`, and pass between them without a
pause. More workers than registries would not help: one process reaches any limit that ECR has.

*When a worker dies*, the scheduler notices and runs its tasks again elsewhere, up to dask's
`distributed.scheduler.allowed-failures` times. The new run finds the files of the old one and goes on with
the rest: that costs the partitions that were under way, and no row. A worker that is cut off from the
scheduler, yet alive, ends itself; if both runs overlap for a moment, the limiter meets a second client,
which it is made for, and files are replaced by equal ones.

*When the caller is cancelled*, the scheduler passes that on to the tasks, which end within seconds.

Workers need this library with the extra, the folder under the same path, and the profiles: credentials
are found on each worker, and are never sent.
"""

from ecr_async._optional import extra

with extra("distributed"):
    from ecr_async.distributed.cluster import scan_distributed
    from ecr_async.distributed.results import DistributedSummary, FailedPartition, RegistrySummary

__all__ = ["DistributedSummary", "FailedPartition", "RegistrySummary", "scan_distributed"]
