"""Programs of a session cluster over REST: upload, list, plan, run, delete, where Flink takes a jar. Bodies as Flink's.

What stores and runs them is behind the port `Programs` (`launch.session`). In an application cluster there is none, and
every call is refused with the reason (Decision 15).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.graph.jobgraph import JobGraph
from penstock.rest.answers import answer, body_of, master_of
from penstock.rest.features import SUBMIT, require
from penstock.rest.jobs import plan_of
from penstock.rest.multipart import read_limited, uploaded_file

MAX_CONTENT_LENGTH = 104_857_600
"""Flink's default of `rest.server.max-content-length`."""
CLAIM_MODES = ("CLAIM", "NO_CLAIM", "LEGACY")
_JOB_ID = re.compile(r"^[0-9a-fA-F]{32}$")


class ProgramRefused(Exception):
    """A program was not stored or did not run; the text is for its owner. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class StoredProgram:
    """An uploaded program; `entries` are the modules that can be its main."""

    id: str
    name: str
    uploaded: int
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunWish:
    """How a program is to run."""

    entry: str | None = None
    arguments: tuple[str, ...] = ()
    parallelism: int | None = None
    job_id: str | None = None
    savepoint: str | None = None
    allow_non_restored: bool = False
    configuration: Mapping[str, str] = field(default_factory=dict)


class Programs(Protocol):
    """Stores programs and runs them. Every call raises ProgramRefused."""

    def listed(self) -> list[StoredProgram]:
        """All, newest first."""

    async def store(self, name: str, data: bytes) -> StoredProgram:
        """Keep a program."""

    def delete(self, program_id: str) -> None:
        """Forget it; jobs that it started go on."""

    async def run(self, program_id: str, wish: RunWish) -> str:
        """Run its main; the id of the first job that it submits."""

    async def plan(self, program_id: str, wish: RunWish) -> JobGraph:
        """The job that its main would submit."""


def _programs(request: Request) -> Programs:
    found: Programs | None = request.app.state.programs
    if found is None:
        raise HTTPException(
            403,
            "this is an application cluster: it runs the one program that it was started with and takes no others. "
            "Start a session cluster (`penstock jobmanager` without --program) to upload programs.",
        )
    require(master_of(request).configuration, SUBMIT, "uploading and running programs")
    return found


def _refusal(error: ProgramRefused) -> HTTPException:
    return HTTPException(error.status, str(error))


async def listed(request: Request) -> Response:
    """GET /jars."""
    rows = [
        {
            "id": program.id,
            "name": program.name,
            "uploaded": program.uploaded,
            "entry": [{"name": entry, "description": None} for entry in program.entries],
        }
        for program in _programs(request).listed()
    ]
    return answer({"address": str(request.base_url).rstrip("/"), "files": rows})


async def upload(request: Request) -> Response:
    """POST /jars/upload."""
    programs = _programs(request)
    limit = int(master_of(request).configuration.get("rest.server.max-content-length", MAX_CONTENT_LENGTH))
    if int(request.headers.get("content-length", "0")) > limit:
        raise HTTPException(
            413, f"the body is longer than {limit} bytes: raise rest.server.max-content-length"
        )
    file = uploaded_file(request.headers.get("content-type", ""), await read_limited(request, limit))
    try:
        stored = await programs.store(file.name, file.data)
    except ProgramRefused as error:
        raise _refusal(error) from None
    return answer({"filename": f"/programs/{stored.id}", "status": "success"})


async def delete(request: Request) -> Response:
    """DELETE /jars/:id."""
    try:
        _programs(request).delete(str(request.path_params["program"]))
    except ProgramRefused as error:
        raise _refusal(error) from None
    return answer({})


async def run(request: Request) -> Response:
    """POST /jars/:id/run."""
    programs, wish = _programs(request), await read_wish(request)
    try:
        job_id = await programs.run(str(request.path_params["program"]), wish)
    except ProgramRefused as error:
        raise _refusal(error) from None
    return answer({"jobid": job_id})


async def run_application(request: Request) -> Response:
    """POST /jars/:id/run-application: the same, for an application is one job here."""
    programs, wish = _programs(request), await read_wish(request)
    try:
        job_id = await programs.run(str(request.path_params["program"]), wish)
    except ProgramRefused as error:
        raise _refusal(error) from None
    return answer({"applicationid": job_id})


async def plan(request: Request) -> Response:
    """GET and POST /jars/:id/plan."""
    programs, wish = _programs(request), await read_wish(request)
    try:
        graph = await programs.plan(str(request.path_params["program"]), wish)
    except ProgramRefused as error:
        raise _refusal(error) from None
    return answer({"plan": plan_of("0" * 32, graph)})


async def read_wish(request: Request) -> RunWish:
    """From the body and, with Flink's older spellings, the query; the body wins. 400 names what is wrong."""
    body, query = await body_of(request), request.query_params
    said: dict[str, Any] = {
        "entryClass": query.get("entry-class"),
        "parallelism": query.get("parallelism"),
        "jobId": query.get("jobId"),
        "savepointPath": query.get("savepointPath"),
        "allowNonRestoredState": query.get("allowNonRestoredState"),
        "programArgsList": query.get("programArg", "").split(",") if query.get("programArg") else None,
    }
    said |= {key: value for key, value in body.items() if value is not None}
    job_id, parallelism = said.get("jobId"), said.get("parallelism")
    if job_id is not None and not _JOB_ID.match(str(job_id)):
        raise HTTPException(400, f"jobId: {job_id!r} is not 32 hex digits")
    if parallelism is not None and (not str(parallelism).isdigit() or not int(parallelism)):
        raise HTTPException(400, f"parallelism: {parallelism!r} is no positive number")
    return RunWish(
        entry=str(said["entryClass"]) if said.get("entryClass") else None,
        arguments=_arguments(said.get("programArgsList")),
        parallelism=int(parallelism) if parallelism is not None else None,
        job_id=str(job_id).lower() if job_id is not None else None,
        savepoint=str(said["savepointPath"]) if said.get("savepointPath") else None,
        allow_non_restored=str(said.get("allowNonRestoredState")).lower() == "true",
        configuration=_settings(said),
    )


def _arguments(found: Any) -> tuple[str, ...]:
    if found is None:
        return ()
    if not isinstance(found, list):
        raise HTTPException(400, "programArgsList: it must be a list of texts")
    return tuple(str(argument) for argument in found)


def _settings(said: Mapping[str, Any]) -> dict[str, str]:
    configuration = said.get("flinkConfiguration") or {}
    if not isinstance(configuration, dict):
        raise HTTPException(400, "flinkConfiguration: it must hold keys and values")
    found = {str(key): str(value) for key, value in configuration.items()}
    mode = said.get("claimMode") or said.get("restoreMode")
    if mode is not None:
        if str(mode).upper() not in CLAIM_MODES:
            raise HTTPException(400, f"claimMode: {mode!r} is none of {', '.join(CLAIM_MODES)}")
        found["execution.state-recovery.claim-mode"] = str(mode).upper()
    return found


ROUTES = (
    Route("/jars", listed),
    Route("/jars/upload", upload, methods=["POST"]),
    Route("/jars/{program}", delete, methods=["DELETE"]),
    Route("/jars/{program}/plan", plan, methods=["GET", "POST"]),
    Route("/jars/{program}/run", run, methods=["POST"]),
    Route("/jars/{program}/run-application", run_application, methods=["POST"]),
)
