"""Programs of a session cluster: kept in a folder, their mains run in child processes that submit to this JobManager.

Made by `launch.jobmanager` where no program is given; implements `rest.programs.Programs`. The JobManager never imports
a program: each main has a socket of its own to submit to, so every job is known by the run that wants it (Decision 7).
A main that goes on after its submission is left alone, and ended with the JobManager.
"""

import ast
import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import uuid
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.checkpoint.settings import duration_of
from penstock.graph.jobgraph import JobGraph
from penstock.jobmanager.master import Master
from penstock.launch.artifacts import ArtifactError
from penstock.launch.dependencies import PREPARED_KEYS, Prepared, prepare
from penstock.launch.serving import HttpServer, listen_unix
from penstock.rest.answers import answer, on_error
from penstock.rest.app import control_routes
from penstock.rest.programs import ProgramRefused, RunWish, StoredProgram
from penstock.taskmanager.dependencies import DIGEST_KEY

log = logging.getLogger(__name__)
TAIL = 4000
"""Characters of a failed program's output that its refusal quotes."""
_SUFFIXES = (".py", ".zip")
_MAINS = ("__main__.py", "main.py")
Submit = Callable[[JobGraph], str]


class SessionPrograms:
    """See `rest.programs.Programs`. Everything runs in the JobManager's event loop."""

    def __init__(self, master: Master, scratch: Path, bundles: dict[str, Path]) -> None:
        configured = master.configuration.get("web.upload.dir")
        self._master = master
        self._scratch = scratch / "runs"
        self._folder = Path(configured) / "penstock-upload" if configured else scratch / "uploads"
        self._bundles = bundles
        """Where the internal app finds what the slots of a job need beside its program, by digest."""
        self._mains: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ the store

    def listed(self) -> list[StoredProgram]:
        """All, newest first."""
        found = [self._stored(path) for path in self._files()]
        return sorted(found, key=lambda program: program.uploaded, reverse=True)

    async def store(self, name: str, data: bytes) -> StoredProgram:
        """Keep a program."""
        check_program(name, data)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{uuid.uuid4()}_{name}"
        await asyncio.to_thread(path.write_bytes, data)
        log.info("program %s uploaded as %s", name, path.name)
        return self._stored(path)

    def delete(self, program_id: str) -> None:
        """Forget it; jobs that it started go on."""
        self._path(program_id).unlink()

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [path for path in self._folder.iterdir() if path.suffix in _SUFFIXES and "_" in path.name]

    def _stored(self, path: Path) -> StoredProgram:
        name = path.name.partition("_")[2]
        uploaded = int(path.stat().st_mtime * 1000)
        return StoredProgram(path.name, name, uploaded, tuple(entries_of(path)))

    def _path(self, program_id: str) -> Path:
        for path in self._files():
            if path.name == program_id:
                return path
        raise ProgramRefused(f"there is no program {program_id}: GET /jars lists those that are here", 404)

    # ------------------------------------------------------------------ running

    async def run(self, program_id: str, wish: RunWish) -> str:
        """Run its main; the id of the first job that it submits."""
        if wish.job_id in self._master.jobs:
            raise ProgramRefused(f"there is a job {wish.job_id} already", 409)
        submitted: list[str] = []

        def submit(graph: JobGraph) -> str:
            if submitted and (wish.job_id or wish.savepoint):
                raise ValueError(
                    "the program called execute() a second time: a job id or a savepoint is for one job. "
                    "Run it without, or as one job"
                )
            graph = graph.model_copy(update={"configuration": {**graph.configuration, **wish.configuration}})
            first = not submitted
            job = self._master.submit(
                graph,
                wish.job_id if first else None,
                wish.savepoint if first else None,
                wish.allow_non_restored,
                bundle=self._bundles.get(graph.configuration.get(DIGEST_KEY, "")),
            )
            submitted.append(job.machine.job.id)
            return submitted[-1]

        await self._run_main(program_id, wish, submit, lambda: bool(submitted))
        return submitted[0]

    async def plan(self, program_id: str, wish: RunWish) -> JobGraph:
        """The job that its main would submit."""
        graphs: list[JobGraph] = []

        def submit(graph: JobGraph) -> str:
            graphs.append(graph)
            return "0" * 32

        await self._run_main(program_id, wish, submit, lambda: bool(graphs))
        return graphs[0]

    async def close(self) -> None:
        """End mains that still run."""
        for task in self._mains:
            task.cancel()
        await asyncio.gather(*self._mains, return_exceptions=True)

    async def _run_main(
        self, program_id: str, wish: RunWish, submit: Submit, has_submitted: Callable[[], bool]
    ) -> None:
        """Return when the first job is submitted; the rest of main goes on in a task of its own."""
        path = self._path(program_id)
        folder = self._scratch / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        program = folder / path.name.partition("_")[2]
        await asyncio.to_thread(shutil.copyfile, path, program)
        configuration = {**self._master.configuration, **wish.configuration}
        try:
            prepared = await asyncio.to_thread(prepare, str(program), None, folder / "program", configuration)
        except ArtifactError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ProgramRefused(str(error)) from None
        if prepared.bundle is not None and prepared.digest is not None:
            self._bundles[prepared.digest] = prepared.bundle
        limit = duration_of(configuration, 120_000, "penstock.program.timeout") / 1000
        main = _Main(folder, prepared, wish, configuration, submit, self._master)
        task = asyncio.create_task(main.run())
        self._mains.add(task)
        task.add_done_callback(self._mains.discard)
        first = asyncio.create_task(main.submitted.wait())
        try:
            await asyncio.wait({task, first}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            first.cancel()
        if has_submitted():
            return
        if not task.done():
            task.cancel()
            raise ProgramRefused(f"ProgramTimedOut: main did not call execute() within {limit:.0f} s")
        raise ProgramRefused(main.why_nothing_runs())


class _Main:
    """One run of a program's main."""

    def __init__(
        self,
        folder: Path,
        prepared: Prepared,
        wish: RunWish,
        configuration: Mapping[str, str],
        submit: Submit,
        master: Master,
    ) -> None:
        self.submitted = asyncio.Event()
        self._master = master
        self._folder, self._prepared, self._wish = folder, prepared, wish
        self._configuration, self._submit = configuration, submit
        self._status: int | None = None
        self._refusal: str | None = None

    async def run(self) -> None:
        """Run it to its end; killed when the task is cancelled."""
        take = Route("/penstock/jobs", self._take, methods=["POST"])
        app = Starlette(
            routes=[take, *control_routes()],
            exception_handlers={HTTPException: on_error, Exception: on_error},
        )
        app.state.master = self._master
        server = HttpServer(app, listen_unix(self._folder / "rpc.sock"))
        await server.start()
        process = None
        try:
            with (self._folder / "main.out").open("wb") as sink:
                process = await asyncio.create_subprocess_exec(
                    *self._command(),
                    env=self._environment(),
                    cwd=self._prepared.working_directory or self._folder,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sink,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            self._status = await process.wait()
            if self._said().strip():
                log.info("main said:\n%s", self._said()[-TAIL:])
        finally:
            if process is not None and process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            await server.close()

    def why_nothing_runs(self) -> str:
        """Why main ended without a job."""
        said = self._said().strip()
        if self._refusal is not None:
            return f"ProgramFailed: {self._refusal}"
        if self._status:
            last = said.splitlines()[-1] if said else f"exit status {self._status}"
            return f"ProgramFailed: {last}\n{said[-TAIL:]}"
        return f"ProgramNeverExecuted: main ended without calling execute(): there is no job to run\n{said[-TAIL:]}"

    async def _take(self, request: Request) -> Response:
        """POST /penstock/jobs, from this main alone."""
        try:
            job_id = self._submit(JobGraph.model_validate_json(await request.body()))
        except ValueError as error:
            self._refusal = str(error)
            return answer({"errors": [str(error)]}, 400)
        self.submitted.set()
        return answer({"job_id": job_id}, 202)

    def _said(self) -> str:
        path = self._folder / "main.out"
        return path.read_text(errors="replace") if path.is_file() else ""

    def _command(self) -> list[str]:
        entry = self._wish.entry
        target = ["--module", entry] if entry else [str(self._prepared.program.path)]
        return [sys.executable, "-m", "penstock.launch.program", *target, *self._wish.arguments]

    def _environment(self) -> dict[str, str]:
        configuration = dict(self._configuration)
        if self._wish.parallelism is not None:
            configuration["parallelism.default"] = str(self._wish.parallelism)
        for key in PREPARED_KEYS:
            configuration.pop(key, None)
        if self._prepared.digest is not None:
            configuration[DIGEST_KEY] = self._prepared.digest
        program = self._prepared.program
        path = [str(entry) for entry in program.python_path]
        if self._wish.entry:
            path.insert(0, str(program.path if program.path.is_dir() else program.path.parent))
        path += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return {
            **os.environ,
            "PENSTOCK_SUBMIT": f"unix:{self._folder / 'rpc.sock'}",
            "PENSTOCK_CONFIGURATION": json.dumps(configuration),
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
        }


def check_program(name: str, data: bytes) -> None:
    """Refuse what cannot be a program, and say what could."""
    suffix = Path(name).suffix.lower()
    if suffix == ".jar":
        raise ProgramRefused(
            f"{name} holds Java, which this runtime cannot run: upload a Python file or a zip of a project"
        )
    if suffix not in _SUFFIXES or not Path(name).stem:
        raise ProgramRefused(f"{name!r}: only Python files (.py) and zips of a project (.zip) are allowed.")
    if not data:
        raise ProgramRefused(f"{name} is empty")
    if suffix == ".py":
        try:
            ast.parse(data, name)
        except (SyntaxError, ValueError) as error:
            raise ProgramRefused(f"{name} is no Python program: {error}") from None
        return
    try:
        with zipfile.ZipFile(BytesIO(data)) as opened:
            bad, names = opened.testzip(), opened.namelist()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ProgramRefused(f"{name} is not a zip file: {error}") from None
    if bad:
        raise ProgramRefused(f"{name} is damaged: {bad} in it cannot be read")
    if not any(entry.endswith(".py") for entry in names):
        raise ProgramRefused(f"{name} holds no Python file")


def entries_of(path: Path) -> list[str]:
    """Modules of an uploaded program that can be its main, the one that runs by default first."""
    if path.suffix == ".py":
        return [path.stem.partition("_")[2]]
    try:
        with zipfile.ZipFile(path) as opened:
            names = [name for name in opened.namelist() if "/" not in name and name.endswith(".py")]
    except (zipfile.BadZipFile, OSError):
        return []
    names.sort(key=lambda name: (_MAINS.index(name) if name in _MAINS else len(_MAINS), name))
    return [name.removesuffix(".py") for name in names]
