"""What `execute` returns: which job ran and for how long."""

from typing import Any

from penstock.common.job_id import JobID


class JobExecutionResult:
    """The outcome of a job that finished, or of a submission that was accepted."""

    def __init__(
        self, job_id: JobID, net_runtime_ms: int = 0, accumulators: dict[str, Any] | None = None
    ) -> None:
        self._job_id = job_id
        self._net_runtime_ms = net_runtime_ms
        self._accumulators = accumulators or {}

    def get_job_id(self) -> JobID:
        """The id of the job."""
        return self._job_id

    def get_net_runtime(self) -> int:
        """How long it ran, in ms."""
        return self._net_runtime_ms

    def get_accumulator_result(self, accumulator_name: str) -> Any:
        """The value of an accumulator; None if there is none of that name."""
        return self._accumulators.get(accumulator_name)

    def get_all_accumulator_results(self) -> dict[str, Any]:
        """All accumulators."""
        return dict(self._accumulators)

    def __str__(self) -> str:
        return f"Job {self._job_id} ran {self._net_runtime_ms} ms"
