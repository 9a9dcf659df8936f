"""`penstock state show | dump`: looks into a savepoint or checkpoint, local or on S3, without a cluster.

Registered on the command line by `launch.cli`; `launch.state_report` does the work and is imported only then.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look into a savepoint or checkpoint.", no_args_is_help=True)

Place = Annotated[str, typer.Argument(metavar="PATH", help="The snapshot's folder: a path or URI.")]
ConfigDir = Annotated[Path | None, typer.Option("--config-dir", help="Folder of config.yaml.")]
Settings = Annotated[list[str] | None, typer.Option("-D", help="A setting, key=value, as s3.endpoint=...")]
OperatorName = Annotated[str | None, typer.Option("--operator", help="Only this one: its uid, name or id.")]


def register(parent: typer.Typer) -> None:
    """Add the verb to the command line."""
    parent.add_typer(app, name="state")


@app.command()
def show(
    path: Place,
    operator: OperatorName = None,
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    count: Annotated[bool, typer.Option(help="Count entries, which reads the whole state.")] = True,
    config_dir: ConfigDir = None,
    setting: Settings = None,
) -> None:
    """Show operators, their uids, parallelism, states, sizes and numbers of entries."""
    from penstock.launch.state_report import Snapshot, show_snapshot

    show_snapshot(Snapshot(path, operator, config_dir, tuple(setting or ())), output, count)


@app.command()
def dump(  # noqa: PLR0913 - one parameter for each flag
    path: Place,
    operator: OperatorName = None,
    state: Annotated[str | None, typer.Option("--state", help="Only the state of this name.")] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Only this key, as JSON; other text is the key itself.")
    ] = None,
    output: Annotated[
        str, typer.Option("--format", help="jsonl (a line each) or json (one list).")
    ] = "jsonl",
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many entries.")] = None,
    python_files: Annotated[
        list[str] | None,
        typer.Option(
            "--python-files",
            help="The program (a .py file), then folders, zips or modules with its classes. They are imported: "
            "give only code that you trust.",
        ),
    ] = None,
    config_dir: ConfigDir = None,
    setting: Settings = None,
) -> None:
    """Print keys and values. Classes that are not given by --python-files are shown by name and content."""
    from penstock.launch.state_report import Selection, Snapshot, dump_snapshot

    keys = None if key is None else tuple(key)
    dump_snapshot(
        Snapshot(path, operator, config_dir, tuple(setting or ())),
        Selection(state, keys, output, limit, tuple(python_files or ())),
    )
