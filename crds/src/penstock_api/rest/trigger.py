"""Bodies of what takes a while: savepoints, stops, checkpoints, disposal; and of a job's and a program's result.

A POST answers with a `request-id`; GET on it says IN_PROGRESS, or COMPLETED with an operation that holds either what
came of it or a failure. The operator chooses the `trigger_id` itself where it can, so that a request whose answer was
lost can be found again.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from penstock_api.rest.model import CamelModel, HyphenModel, RestModel


class QueueStatus(StrEnum):
    """Whether an asynchronous operation is over."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class QueueStatusId(RestModel):
    """The status as Flink wraps it."""

    id: QueueStatus


class TriggerResponse(HyphenModel):
    """The answer of every trigger."""

    request_id: str


class SavepointTriggerRequest(RestModel):
    """POST /jobs/:id/savepoints."""

    target_directory: str | None = Field(default=None, alias="target-directory")
    cancel_job: bool = Field(default=False, alias="cancel-job")
    format_type: str = Field(default="CANONICAL", alias="formatType")
    trigger_id: str | None = Field(default=None, alias="triggerId")


class StopRequest(CamelModel):
    """POST /jobs/:id/stop."""

    drain: bool = False
    target_directory: str | None = None
    format_type: str = "CANONICAL"
    trigger_id: str | None = None


class CheckpointTriggerRequest(CamelModel):
    """POST /jobs/:id/checkpoints."""

    checkpoint_type: str = "FULL"
    trigger_id: str | None = None


class DisposalRequest(HyphenModel):
    """POST /savepoint-disposal."""

    savepoint_path: str


class FailureCause(HyphenModel):
    """A failure as Flink serialises it; `failure_class` is the exception's class name."""

    failure_class: str = Field(default="", alias="class")
    stack_trace: str = ""
    serialized_throwable: str | None = None

    @property
    def message(self) -> str:
        """The first line of the trace: class and message."""
        return self.stack_trace.strip().partition("\n")[0] or self.failure_class


class SavepointOperation(HyphenModel):
    """What came of a savepoint or a stop: its path or a failure."""

    location: str | None = None
    failure_cause: FailureCause | None = None


class CheckpointOperation(HyphenModel):
    """What came of a checkpoint: its number or a failure."""

    checkpoint_id: int | None = Field(default=None, alias="checkpointId")
    failure_cause: FailureCause | None = None


class DisposalOperation(HyphenModel):
    """What came of a disposal: nothing or a failure."""

    failure_cause: FailureCause | None = None


class SavepointStatus(RestModel):
    """GET /jobs/:id/savepoints/:trigger, for savepoints and stops."""

    written_as_null = frozenset({"operation"})

    status: QueueStatusId
    operation: SavepointOperation | None = None


class CheckpointTriggerStatus(RestModel):
    """GET /jobs/:id/checkpoints/:trigger."""

    written_as_null = frozenset({"operation"})

    status: QueueStatusId
    operation: CheckpointOperation | None = None


class DisposalStatus(RestModel):
    """GET /savepoint-disposal/:trigger."""

    written_as_null = frozenset({"operation"})

    status: QueueStatusId
    operation: DisposalOperation | None = None


class JobExecutionResult(HyphenModel):
    """How a job ended; `application_status` is SUCCEEDED, FAILED, CANCELED or UNKNOWN."""

    id: str
    name: str | None = None
    application_status: str
    accumulator_results: dict[str, Any] = Field(default_factory=dict)
    net_runtime: int = 0
    application_id: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    failure_cause: FailureCause | None = None


class JobExecutionResultResponse(HyphenModel):
    """GET /jobs/:id/execution-result."""

    status: QueueStatusId
    job_execution_result: JobExecutionResult | None = None


class ApplicationStatus(StrEnum):
    """How the program's main is doing."""

    WAITING = "WAITING"
    """All is ready for it, and the word to run it has not come yet (`--wait-for-word`)."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class StartWord(RestModel):
    """PUT /penstock/application/word, of the bundled runtime alone; also the file `word.json` beside `config.yaml`.

    Run main now, and restore its job from this state. A JobManager that has the word already stays as it is.
    """

    from_savepoint: str | None = None
    """A savepoint or checkpoint; unset, the job starts without state."""


class PenstockApplication(RestModel):
    """GET /penstock/application, of the bundled runtime alone: how the program's main is doing, and why not well."""

    status: ApplicationStatus
    reason: str | None = None
    """A word of `penstock_api.reasons.Reason`."""
    message: str | None = None
