"""Bodies of a session cluster's programs: /jars, upload, run, plan. A program is a Python file or a zip, where Flink takes a jar.

Served by the JobManager, read by the operator, the command line and the web page.
"""

from pydantic import Field

from penstock_api.rest.job import Plan
from penstock_api.rest.model import CamelModel, RestModel


class ProgramEntry(RestModel):
    """A module that can be the program's main."""

    written_as_null = frozenset({"description"})

    name: str
    description: str | None = None


class UploadedProgram(RestModel):
    """An element of GET /jars; `uploaded` in milliseconds since the epoch."""

    id: str
    name: str
    uploaded: int
    entry: list[ProgramEntry] = Field(default_factory=list)


class ProgramList(RestModel):
    """GET /jars."""

    address: str
    files: list[UploadedProgram] = Field(default_factory=list)


class UploadResponse(RestModel):
    """POST /jars/upload; the program's id is the last part of `filename`."""

    filename: str
    status: str = "success"

    @property
    def program_id(self) -> str:
        """What /jars/:id takes."""
        return self.filename.rsplit("/", 1)[-1]


class RunRequest(CamelModel):
    """POST /jars/:id/run and /jars/:id/plan; `entry_class` is a module."""

    entry_class: str | None = None
    program_args_list: list[str] | None = None
    parallelism: int | None = None
    job_id: str | None = None
    savepoint_path: str | None = None
    allow_non_restored_state: bool | None = None
    claim_mode: str | None = None
    flink_configuration: dict[str, str] | None = None


class RunResponse(RestModel):
    """POST /jars/:id/run."""

    jobid: str


class PlanResponse(RestModel):
    """GET /jars/:id/plan."""

    plan: Plan
