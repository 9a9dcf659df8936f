"""The command line: `penstock jobmanager | taskmanager`, and the verbs of `launch.run_verbs` and `launch.verbs`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from penstock.launch import run_verbs, state, verbs
from penstock.launch.client import fail
from penstock.launch.configuration import CannotStart, ConfigurationError, read_configuration

app = typer.Typer(help="Penstock's stream runtime.", no_args_is_help=True, add_completion=False)
run_verbs.register(app)
verbs.register(app)
state.register(app)

ConfigDir = Annotated[Path | None, typer.Option("--config-dir", help="Folder of config.yaml.")]
Settings = Annotated[
    list[str] | None, typer.Option("-D", help="A setting, key=value; wins over config.yaml.")
]
Arguments = Annotated[list[str] | None, typer.Argument(help="The program's own arguments, after --.")]
LogDir = Annotated[Path | None, typer.Option("--log-dir", help="Folder for log files; REST shows them.")]


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"penstock {version('penstock')}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Penstock's stream runtime."""


def _configuration(folder: Path | None, settings: list[str] | None) -> dict[str, str]:
    try:
        return read_configuration(folder, settings or ())
    except ConfigurationError as error:
        fail(str(error), status=2)


def _log_to(folder: Path | None, name: str, *more: logging.Handler) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(), *more]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(folder / f"{name}.log"))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-5s %(name)s - %(message)s", handlers=handlers
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


@app.command()
def jobmanager(  # noqa: PLR0913 - one parameter for each flag
    arguments: Arguments = None,
    config_dir: ConfigDir = None,
    setting: Settings = None,
    job_id: Annotated[str | None, typer.Option("--job-id", help="32 hex digits.")] = None,
    program: Annotated[str | None, typer.Option("--program", help="The program: a path or URI.")] = None,
    requirements: Annotated[str | None, typer.Option("--requirements", help="A requirements file.")] = None,
    from_savepoint: Annotated[str | None, typer.Option("--from-savepoint", "--fromSavepoint", "-s")] = None,
    allow_non_restored_state: Annotated[
        bool, typer.Option("--allow-non-restored-state", "--allowNonRestoredState", "-n")
    ] = False,
    claim_mode: run_verbs.Claim = None,
    parallelism: Annotated[int | None, typer.Option("--parallelism", "-p")] = None,
    entry_class: Annotated[str | None, typer.Option("--entry-class", help="Module to run as main.")] = None,
    wait_for_word: Annotated[
        bool,
        typer.Option("--wait-for-word", help="Run main when told: by REST, or word.json in --config-dir."),
    ] = False,
    log_dir: LogDir = None,
) -> None:
    """Run a JobManager: an application's with --program, else one that waits for programs."""
    from penstock.launch.jobmanager import JobManagerOptions, run_jobmanager
    from penstock.launch.word import WORD_FILE
    from penstock.rest.application import JobWish
    from penstock.rest.log_tail import LogTail

    if wait_for_word and (config_dir is None or program is None):
        raise typer.BadParameter("--wait-for-word needs --program and --config-dir")
    tail = LogTail()
    _log_to(log_dir, "jobmanager", tail)
    options = JobManagerOptions(
        configuration=_configuration(config_dir, setting)
        | ({run_verbs.CLAIM_KEY: claim_mode} if claim_mode else {}),
        program=program,
        arguments=tuple(arguments or ()),
        entry_class=entry_class,
        requirements=requirements,
        parallelism=parallelism,
        wish=JobWish(job_id, from_savepoint, allow_non_restored_state),
        log_folder=log_dir,
        log_tail=tail,
        word_file=config_dir / WORD_FILE if wait_for_word and config_dir is not None else None,
    )
    raise typer.Exit(run_jobmanager(options))


@app.command()
def taskmanager(
    config_dir: ConfigDir = None,
    setting: Settings = None,
    resource_id: Annotated[
        str | None, typer.Option("--resource-id", help="Its name; host name if unset.")
    ] = None,
    log_dir: LogDir = None,
) -> None:
    """Run a TaskManager with a process per slot."""
    from penstock.launch.taskmanager import run_taskmanager
    from penstock.rest.log_tail import LogTail
    from penstock.taskmanager.inspection import LogFiles

    tail = LogTail()
    _log_to(log_dir, "taskmanager", tail)
    logs = LogFiles("taskmanager.log", log_dir, tail)
    run_taskmanager(_configuration(config_dir, setting), resource_id, logs)


def main() -> None:
    """The entry point: a process that cannot begin says so in a line, without a traceback."""
    try:
        app()
    except CannotStart as error:
        typer.secho(f"penstock: {error}", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
