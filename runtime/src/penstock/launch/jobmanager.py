"""The JobManager process: `penstock jobmanager`. Serves REST and the internal app, runs the program's main in a child.

Numbered as it happens: 1 servers up; 2 an end on record is reported, nothing runs again; 3 program and requirements
fetched; 4 (with --wait-for-word: when told) main runs in a child and submits; 5 the job runs to its end;
6 with shutdown-on-application-finish, exit.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from penstock.checkpoint.settings import duration_of, read_settings
from penstock.filesystems.errors import FileSystemError
from penstock.ha.settings import read_ha
from penstock.jobmanager.master import Master
from penstock.jobmanager.status import JobStatus
from penstock.jobmanager.storage import JobStorage
from penstock.launch.artifacts import ArtifactError
from penstock.launch.configuration import number_of, starting
from penstock.launch.dependencies import PREPARED_KEYS, Prepared, prepare
from penstock.launch.recovery import left_behind, recover_session
from penstock.launch.serving import HttpServer, listen_tcp, listen_unix, tls_of
from penstock.launch.session import SessionPrograms
from penstock.launch.word import wait_for_word
from penstock.rest.app import internal_app, rest_app
from penstock.rest.application import Application, JobWish
from penstock.rest.log_tail import LogTail
from penstock.taskmanager.dependencies import DIGEST_KEY
from penstock.web import folder as page_folder

if TYPE_CHECKING:
    from penstock.launch.standby import LeaderTerm

log = logging.getLogger(__name__)
TAIL = 4000
"""Characters of a failed program's output that its message quotes."""

ANSWER_SECONDS = 10.0
"""How long a JobManager whose job has ended stays for who asked it to stop or cancel, and polls for how that went."""


@dataclass(slots=True, frozen=True)
class JobManagerOptions:
    """The command line of `penstock jobmanager`."""

    configuration: Mapping[str, str]
    program: str | None = None
    arguments: tuple[str, ...] = ()
    entry_class: str | None = None
    requirements: str | None = None
    parallelism: int | None = None
    wish: JobWish = field(default_factory=JobWish)
    log_folder: Path | None = None
    log_tail: LogTail | None = None
    word_file: Path | None = None
    """Set: main runs when the word comes, in this file or over REST."""


def run_jobmanager(options: JobManagerOptions) -> int:
    """Serve; the exit status is 0 when the job ended well. Raises CannotStart."""
    with tempfile.TemporaryDirectory(prefix="penstock-jm-", ignore_cleanup_errors=True) as scratch:
        return asyncio.run(_run(options, Path(scratch)))


async def _run(options: JobManagerOptions, scratch: Path) -> int:
    """Serve at once, or with high availability whenever this JobManager leads."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    with starting():
        ha = read_ha(options.configuration)
    if ha is None:
        return await _serve(options, scratch, ended, None)
    from penstock.launch.standby import stand_by

    async def serve(term: "LeaderTerm") -> int:
        own = Path(tempfile.mkdtemp(dir=scratch))
        return await _serve(options, own, ended, term)

    return await stand_by(ha, options.configuration, ended, serve)


async def _serve(
    options: JobManagerOptions, scratch: Path, ended: asyncio.Event, term: "LeaderTerm | None"
) -> int:
    configuration = options.configuration
    fallback = term.storage if term else str(scratch / "checkpoints")
    with starting():
        master = Master(configuration, fallback, term.jobs if term else None)
    master.start()
    waits = options.word_file is not None
    application = Application(master, options.wish, waits=waits) if options.program else None
    stop = application.shut_down if application else asyncio.Event()
    bundles: dict[str, Path] = {}
    session = None if application else SessionPrograms(master, scratch, bundles)
    ends = [asyncio.create_task(_then(event, stop)) for event in (ended, term.lost if term else ended)]
    rest = rest_app(master, application, options.log_folder, page_folder(), options.log_tail, stop, session)
    internal = internal_app(master, application, bundles)
    with starting():
        servers, target = await _start_servers(configuration, rest, internal, scratch)
    work = None
    try:
        if application is not None:
            work = asyncio.create_task(_run_application(options, application, scratch, target, term))
        elif term is not None:
            work = asyncio.create_task(recover_session(master, term.jobs, bundles, scratch / "bundles"))
        await stop.wait()
    finally:
        for task in (*ends, work):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if session is not None:
            await session.close()
        await master.close()
        for server in servers:
            await server.close()
    return 0 if application is None or application.reason is None else 1


async def _then(event: asyncio.Event, follows: asyncio.Event) -> None:
    await event.wait()
    follows.set()


async def _start_servers(
    configuration: Mapping[str, str], rest: Starlette, internal: Starlette, scratch: Path
) -> tuple[list[HttpServer], str]:
    hosts = [host.strip() for host in configuration.get("rest.bind-address", "127.0.0.1").split(",")]
    port = number_of(configuration, 8081, "rest.port", "rest.bind-port")
    local = Path(configuration.get("penstock.rpc.socket") or scratch / "rpc.sock")
    tls = tls_of(configuration)
    bind = configuration.get("jobmanager.bind-host") or configuration.get(
        "jobmanager.rpc.address", "127.0.0.1"
    )
    with ExitStack() as opened:  # if one of them cannot be had, none is kept
        listeners = [opened.enter_context(listen_tcp(host, port)) for host in hosts]
        inside = opened.enter_context(listen_unix(local))
        if tls is not None:
            rpc_port = number_of(configuration, 6123, "jobmanager.rpc.port")
            secured = opened.enter_context(listen_tcp(bind, rpc_port))
        opened.pop_all()
    servers = [HttpServer(rest, listener) for listener in listeners]
    servers.append(HttpServer(internal, inside))
    if tls is not None:
        servers.append(HttpServer(internal, secured, tls))
    for server in servers:
        await server.start()
    log.info("REST at %s", ", ".join(f"http://{host}:{port}" for host in hosts))
    return servers, f"unix:{local}"


async def _run_application(
    options: JobManagerOptions,
    application: Application,
    scratch: Path,
    target: str,
    term: "LeaderTerm | None",
) -> None:
    if await asyncio.to_thread(_ended_before, options, application):
        log.info("the job is already %s: nothing runs again", application.finished_before)
    else:
        prepared = await asyncio.to_thread(_fetch, options, application, scratch)
        stored = await left_behind(term.jobs, options.wish.job_id) if term and prepared else None
        if stored is not None:
            log.info("job %s is taken over", stored.job_id)
            application.job = application.master.recover(stored)
            application.submitted.set()
        elif prepared is not None:
            if options.word_file is not None:
                await wait_for_word(application, options.word_file)
            await _run_main(options, application, prepared, scratch, target)
    if application.job is not None:
        await application.job.ended.wait()
        log.info("job is %s", application.job.machine.job.status)
        if application.job.machine.job.status is JobStatus.FAILED:
            application.fail(application.status().reason or "JobFailed", application.status().message or "")
    if options.configuration.get("execution.shutdown-on-application-finish", "true") != "false":
        if not await application.owed.all_told(ANSWER_SECONDS):
            log.info("nobody came for the answer to a stop or a cancellation")
        application.shut_down.set()


def _ended_before(options: JobManagerOptions, application: Application) -> bool:
    """Report an end that is on record for this job id."""
    directory = read_settings(options.configuration).directory
    job_id = options.wish.job_id
    if not directory or not job_id:
        return False
    try:
        application.finished_before = JobStorage(
            directory, job_id, options.configuration, None
        ).store.read_result()
    except FileSystemError as error:
        log.warning("whether the job has ended before cannot be read: %s", error)
    return application.finished_before is not None


def _fetch(options: JobManagerOptions, application: Application, scratch: Path) -> Prepared | None:
    try:
        prepared = prepare(
            str(options.program), options.requirements, scratch / "program", options.configuration
        )
    except ArtifactError as error:
        application.fail(str(error.reason), str(error))
        log.error("%s: %s", error.reason, error)
        return None
    application.bundle = prepared.bundle
    return prepared


async def _run_main(
    options: JobManagerOptions, application: Application, prepared: Prepared, scratch: Path, target: str
) -> None:
    output = scratch / "main.out"
    environment = _environment(options, prepared, target)
    arguments = ["--module", options.entry_class] if options.entry_class else [str(prepared.program.path)]
    with output.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "penstock.launch.program",
            *arguments,
            *options.arguments,
            env=environment,
            cwd=prepared.working_directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    waiting = asyncio.create_task(process.wait())
    submitted = asyncio.create_task(application.submitted.wait())
    limit = duration_of(options.configuration, 120_000, "penstock.program.timeout") / 1000
    try:
        await asyncio.wait({waiting, submitted}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done() and application.job is None:
            application.fail("ProgramTimedOut", f"main did not call execute() within {limit:.0f} s")
            return
        status = await waiting
        _judge(application, status, output.read_text(errors="replace"))
    finally:
        submitted.cancel()
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await waiting


def _judge(application: Application, status: int, said: str) -> None:
    if said.strip():
        log.info("main said:\n%s", said[-TAIL:])
    if application.reason is not None:
        return
    if application.job is not None and application.job.machine.job.status.is_terminal:
        return  # a main that waits for its job raises when that fails: the job's own reason counts
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if status != 0:
        application.fail("ProgramFailed", f"{last or f'exit status {status}'}\n{said[-TAIL:]}".strip())
    elif application.job is None:
        application.fail(
            "ProgramNeverExecuted", "main ended without calling execute(): there is no job to run"
        )


def _environment(options: JobManagerOptions, prepared: Prepared, target: str) -> dict[str, str]:
    configuration = dict(options.configuration)
    if options.parallelism is not None:
        configuration["parallelism.default"] = str(options.parallelism)
    for key in PREPARED_KEYS:
        configuration.pop(key, None)
    if prepared.digest is not None:
        configuration[DIGEST_KEY] = prepared.digest
    path = [str(entry) for entry in prepared.program.python_path]
    path += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {
        **os.environ,
        "PENSTOCK_SUBMIT": target,
        "PENSTOCK_CONFIGURATION": json.dumps(configuration),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
    }
