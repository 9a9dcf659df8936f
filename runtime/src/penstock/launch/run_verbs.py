"""`penstock run | run-application | info`: a program on a mini cluster, on a session cluster, or on a cluster of its own.

Registered on the command line by `launch.cli`. Options come before the program; all that follows it is the program's.
"""

import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from penstock.launch.application import run_cluster
from penstock.launch.client import UPLOAD_SECONDS, JobManagerClient, Refused, fail, with_client
from penstock.launch.configuration import ConfigurationError, number_of, read_configuration

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROGRAM [ARGUMENTS]…", help="A .py file, a project folder or a zip; then its own arguments."
    ),
]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", help="Folder of config.yaml.")]
Settings = Annotated[
    list[str] | None, typer.Option("-D", metavar="KEY=VALUE", help="A setting; wins over config.yaml.")
]
Parallelism = Annotated[int | None, typer.Option("--parallelism", "-p", min=1)]
FromSavepoint = Annotated[
    str | None,
    typer.Option("--fromSavepoint", "--from-savepoint", "-s", metavar="PATH", help="Go on from this state."),
]
AllowNonRestored = Annotated[
    bool,
    typer.Option(
        "--allowNonRestoredState",
        "--allow-non-restored-state",
        "-n",
        help="State that no operator claims may be dropped.",
    ),
]
Claim = Annotated[
    str | None,
    typer.Option(
        "--claimMode", "-cm", "--restoreMode", "-rm", help="CLAIM or NO_CLAIM: who owns the savepoint."
    ),
]
CLAIM_KEY = "execution.state-recovery.claim-mode"
Python = Annotated[
    str | None, typer.Option("--python", "-py", metavar="FILE", help="The program, as Flink's CLI names it.")
]
Module = Annotated[
    str | None,
    typer.Option("--pyModule", "-pym", "--class", "-c", metavar="MODULE", help="The module to run as main."),
]
Files = Annotated[
    str | None, typer.Option("--pyFiles", "-pyfs", help="Modules and packages beside it, by comma.")
]
Requirements = Annotated[str | None, typer.Option("--pyRequirements", "-pyreq", metavar="FILE")]
Archives = Annotated[str | None, typer.Option("--pyArchives", "-pyarch")]
_CONTEXT = {"allow_interspersed_args": False}


def _settings(folder: Path | None, settings: list[str] | None, more: dict[str, str | None]) -> dict[str, str]:
    try:
        found = read_configuration(folder, settings or ())
    except ConfigurationError as error:
        fail(str(error), status=2)
    return found | {key: value for key, value in more.items() if value is not None}


def _program(words: list[str] | None, python: str | None) -> tuple[str, list[str]]:
    """The program and its arguments; `--` between them is left out."""
    rest = list(words or ())
    if python is None:
        if not rest:
            fail("name the program: penstock run [OPTIONS] PROGRAM [ARGUMENTS]…", status=2)
        python = rest.pop(0)
    if rest and rest[0] == "--":
        del rest[0]
    return python, rest


def run(  # noqa: PLR0913 - one parameter for each flag
    words: Words = None,
    jobmanager: Annotated[
        str | None,
        typer.Option(
            "--jobmanager",
            "-m",
            metavar="HOST:PORT",
            help="Submit to this session cluster; a mini cluster of its own without.",
        ),
    ] = None,
    detached: Annotated[
        bool, typer.Option("--detached", "-d", help="With -m: do not wait for the job's end.")
    ] = False,
    parallelism: Parallelism = None,
    from_savepoint: FromSavepoint = None,
    allow_non_restored_state: AllowNonRestored = False,
    claim_mode: Claim = None,
    job_id: Annotated[str | None, typer.Option("--job-id", help="32 hex digits, with -m.")] = None,
    python: Python = None,
    module: Module = None,
    py_files: Files = None,
    py_requirements: Requirements = None,
    py_archives: Archives = None,
    config_dir: ConfigDir = None,
    setting: Settings = None,
) -> None:
    """Run a program and wait for its job."""
    program, arguments = _program(words, python)
    configuration = _settings(
        config_dir,
        setting,
        {
            "python.files": py_files,
            "python.requirements": py_requirements,
            "python.archives": py_archives,
            CLAIM_KEY: claim_mode,
        },
    )
    if jobmanager is None:
        if from_savepoint is not None:
            configuration["execution.state-recovery.path"] = from_savepoint
        if allow_non_restored_state:
            configuration["execution.state-recovery.ignore-unclaimed-state"] = "true"
        if parallelism is not None:
            configuration["parallelism.default"] = str(parallelism)
        _run_here(program, arguments, module, configuration)
    wish = {
        "entryClass": module,
        "programArgsList": arguments,
        "parallelism": parallelism,
        "jobId": job_id,
        "savepointPath": from_savepoint,
        "allowNonRestoredState": allow_non_restored_state,
        "flinkConfiguration": configuration,
    }
    with_client(jobmanager, lambda client: _run_there(client, program, wish, detached))


def _run_here(
    program: str, arguments: list[str], module: str | None, configuration: dict[str, str]
) -> NoReturn:
    """Become the program's process: one interpreter less to start, and signals reach it."""
    if not Path(program).exists():
        fail(f"there is no program at {program}")
    environment = {**os.environ, "PENSTOCK_CONFIGURATION": json.dumps(configuration)}
    target = [program]
    if module is not None:
        target = ["--module", module]
        root = Path(program) if Path(program).is_dir() or program.endswith(".zip") else Path(program).parent
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(root.resolve()), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    command = [sys.executable, "-m", "penstock.launch.program", *target, *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - without a shell


def _run_there(client: JobManagerClient, program: str, wish: dict[str, Any], detached: bool) -> None:
    name, data = packed(Path(program))
    stored = client.call("POST", "/jars/upload", files={"jarfile": (name, data)}, seconds=UPLOAD_SECONDS)
    stored_id = str(stored["filename"]).rsplit("/", 1)[-1]
    try:
        body = {key: value for key, value in wish.items() if value is not None}
        job_id = client.call("POST", f"/jars/{stored_id}/run", body, seconds=UPLOAD_SECONDS)["jobid"]
    finally:
        client.call("DELETE", f"/jars/{stored_id}")
    typer.echo(f"Job has been submitted with JobID {job_id}")
    if detached:
        return
    state = client.wait_for_end(job_id, float("inf"))
    typer.echo(f"Job {job_id} is {state}.")
    if state != "FINISHED":
        history = client.call("GET", f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
        raise Refused(history[0]["stacktrace"].strip() if history else f"the job is {state}")


def packed(program: Path) -> tuple[str, bytes]:
    """A program as it is uploaded: a file as it is, a folder as a zip. Raises Refused."""
    if program.is_file():
        try:
            return program.name, program.read_bytes()
        except OSError as error:
            raise Refused(f"the program at {program} cannot be read: {error.strerror}") from error
    if not program.is_dir():
        raise Refused(f"there is no program at {program}")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(program.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                out.write(path, path.relative_to(program))
    return f"{program.resolve().name}.zip", held.getvalue()


def run_application(  # noqa: PLR0913 - one parameter for each flag
    words: Words = None,
    parallelism: Parallelism = None,
    from_savepoint: FromSavepoint = None,
    allow_non_restored_state: AllowNonRestored = False,
    claim_mode: Claim = None,
    python: Python = None,
    module: Module = None,
    rest_port: Annotated[
        int, typer.Option("--rest-port", help="Where the page and the REST API are.")
    ] = 8081,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Slots of its TaskManager.")] = None,
    config_dir: ConfigDir = None,
    setting: Settings = None,
) -> None:
    """Run a program on a cluster of its own on this machine: JobManager with page and REST API, and a TaskManager."""
    program, arguments = _program(words, python)
    configuration = _settings(config_dir, setting, {CLAIM_KEY: claim_mode})
    configuration.setdefault("rest.port", str(rest_port))
    configuration.setdefault("rest.bind-address", "127.0.0.1")
    try:
        width = slots or number_of(configuration, 0, "taskmanager.numberOfTaskSlots") or parallelism or 1
    except ValueError as error:
        fail(str(error), status=2)
    configuration["taskmanager.numberOfTaskSlots"] = str(width)
    options = {"--entry-class": module, "--parallelism": parallelism, "--from-savepoint": from_savepoint}
    flags = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    if allow_non_restored_state:
        flags.append("--allow-non-restored-state")
    with tempfile.TemporaryDirectory(prefix="penstock-app-") as folder:
        configuration.setdefault("penstock.rpc.socket", str(Path(folder) / "rpc.sock"))
        (Path(folder) / "config.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        status = run_cluster(Path(folder), ["--program", program, *flags, "--", *arguments])
    raise typer.Exit(status)


def info(words: Words = None, python: Python = None) -> None:
    """Print a program's plan as JSON, without running it."""
    from penstock.launch.planning import plan_program

    program, arguments = _program(words, python)
    if not Path(program).exists():
        fail(f"there is no program at {program}")
    with tempfile.TemporaryDirectory(prefix="penstock-") as scratch:
        text, status = plan_program(program, arguments, Path(scratch))
    if status:
        fail(text, status)
    typer.echo(text)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("run", context_settings=_CONTEXT)(run)
    app.command("run-application", context_settings=_CONTEXT)(run_application)
    app.command("info", context_settings=_CONTEXT)(info)
