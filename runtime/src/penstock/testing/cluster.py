"""A mini cluster for tests: environments whose jobs run in it, and every job over when the test is. Used by `testing.plugin`."""

from collections.abc import Mapping
from types import ModuleType

import cloudpickle

from penstock.common.configuration import Configuration
from penstock.common.job_client import JobClient
from penstock.common.job_execution_result import JobExecutionResult
from penstock.common.job_id import JobID
from penstock.datastream.stream_execution_environment import DEFAULT_JOB_NAME, StreamExecutionEnvironment
from penstock.graph.jobgraph import JobGraph
from penstock.launch.minicluster import MiniCluster, MiniJob

_END_SECONDS = 30.0
DEFAULTS = {"parallelism.default": "1"}


class ClusterEnvironment(StreamExecutionEnvironment):
    """An environment whose jobs run in a cluster that is there already."""

    def __init__(self, cluster: "JobCluster", configuration: Configuration) -> None:
        super().__init__(configuration)
        self._cluster = cluster

    def execute(self, job_name: str | None = None) -> JobExecutionResult:
        """Run the job and wait for its end; JobFailed if it does not end well."""
        result = self._start(job_name).result()
        return JobExecutionResult(JobID(result.job_id), result.net_runtime_ms)

    def execute_async(self, job_name: str = DEFAULT_JOB_NAME) -> JobClient:
        """Start the job and return a handle on it."""
        return JobClient(_Control(self._start(job_name)))

    def submit(self, job_name: str | None = None, savepoint: str | None = None) -> MiniJob:
        """Start the job, from a savepoint if there is one: its status, savepoints, stop and cancel are the handle's."""
        return self._start(job_name, savepoint)

    def _start(self, job_name: str | None, savepoint: str | None = None) -> MiniJob:
        graph = self.job_graph(job_name)
        self._executed = len(self._graph.nodes)
        return self._cluster.submit(graph, savepoint)


class JobCluster:
    """The cluster as one test sees it."""

    def __init__(self, cluster: MiniCluster, slots: int, module: ModuleType | None) -> None:
        self._cluster, self.slots = cluster, slots
        self._module = module
        self._jobs: list[MiniJob] = []

    def environment(self, configuration: Mapping[str, str] | None = None) -> ClusterEnvironment:
        """A new environment, of parallelism 1 unless told otherwise."""
        return ClusterEnvironment(self, Configuration.from_dict({**DEFAULTS, **(configuration or {})}))

    def submit(self, graph: JobGraph, savepoint: str | None = None) -> MiniJob:
        """Start a job."""
        job = self._cluster.submit(graph, savepoint=savepoint)
        self._jobs.append(job)
        return job

    def begin(self) -> None:
        """Functions of the test's module travel by value: slots cannot import a test."""
        if self._module is not None:
            cloudpickle.register_pickle_by_value(self._module)

    def end(self) -> None:
        """Cancel what still runs and wait until its slots are free."""
        if self._module is not None:
            cloudpickle.unregister_pickle_by_value(self._module)
        for job in self._jobs:
            if not job.running.ended.is_set():
                job.cancel()
                self._cluster.call(job.running.ended.wait(), _END_SECONDS)


class _Control:
    """A job of the cluster as the client wants it."""

    def __init__(self, job: MiniJob) -> None:
        self._job = job
        self.job_id = job.job_id

    def status(self) -> str:
        """The job's state."""
        return str(self._job.status)

    def wait(self) -> JobExecutionResult:
        """Its end."""
        return JobExecutionResult(JobID(self.job_id), self._job.result().net_runtime_ms)

    def cancel(self) -> None:
        """End it without state."""
        self._job.cancel()

    def savepoint(self, directory: str | None) -> str:
        """Take a savepoint."""
        return self._job.savepoint(_folder(directory))

    def stop(self, drain: bool, directory: str | None) -> str:
        """Stop with a savepoint."""
        return self._job.stop(_folder(directory), drain)


def _folder(directory: str | None) -> str:
    if directory is None:
        raise ValueError("name the folder of the savepoint")
    return directory
