"""What `penstock state` prints: a snapshot's operators and counts, or its entries as JSON.

Called by `launch.state`, which keeps the command line free of what this imports. Imports no code of the program unless
files with it are given.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from penstock.checkpoint.plain_values import plain
from penstock.checkpoint.reader import NotInSnapshot, SnapshotReader, StateEntry
from penstock.checkpoint.store import SnapshotProblem
from penstock.filesystems.errors import FileSystemError
from penstock.graph.program_module import STABLE_NAME, ModuleSource, ProgramModule, install_program
from penstock.launch.configuration import ConfigurationError, read_configuration
from penstock.state.errors import StateError
from penstock.state.opaque import OpaqueLoader
from penstock_api.keys import KeyTypeError
from penstock_api.manifest import OperatorState

_WORTH_A_BAR = 20 << 20
"""Bytes from which on a progress bar is shown."""


@dataclass(slots=True, frozen=True)
class Snapshot:
    """Which snapshot, and which of its operators; None for all."""

    path: str
    operator: str | None
    config_dir: Path | None
    settings: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Selection:
    """Which entries, and how."""

    state: str | None
    keys: tuple[str, ...] | None
    output: str
    limit: int | None
    python_files: tuple[str, ...]


def show_snapshot(wanted: Snapshot, output: str, is_counted: bool) -> None:
    """Print operators, states, sizes and counts."""
    _one_of("--format", output, ("text", "json"))
    with _told():
        reader = SnapshotReader(wanted.path, read_configuration(wanted.config_dir, wanted.settings))
        chosen = _operators(reader, wanted.operator)
        counts: dict[str, dict[str, int]] = {found.uid: {} for found in chosen}
        if is_counted:
            with _progress(chosen) as on_bytes:
                counts = {found.uid: reader.count(found, on_bytes) for found in chosen}
        document = _document(reader, chosen, counts)
        if output == "json":
            typer.echo(json.dumps(document, indent=2))
        else:
            _print(document)


def dump_snapshot(wanted: Snapshot, selection: Selection) -> None:
    """Print entries as JSON."""
    _one_of("--format", selection.output, ("json", "jsonl"))
    with _told():
        files = [name for given in selection.python_files for name in given.split(",") if name]
        _install(files)
        loader = OpaqueLoader(imports=bool(files))
        configuration = read_configuration(wanted.config_dir, wanted.settings)
        reader = SnapshotReader(wanted.path, configuration, loader)
        chosen = _operators(reader, wanted.operator)
        _check_state(reader, chosen, selection.state)
        with _progress(chosen) as on_bytes:
            found = _entries(reader, chosen, selection.state, _keys(selection.keys), on_bytes)
            _write((_row(entry) for entry in islice(found, selection.limit)), selection.output)
        if loader.unknown:
            names = ", ".join(loader.unknown)
            typer.echo(f"classes that are not here, shown by content: {names} (see --python-files)", err=True)


# ---------------------------------------------------------------------------------------------------------- reading


def _operators(reader: SnapshotReader, name: str | None) -> list[OperatorState]:
    return list(reader.metadata.operators) if name is None else [reader.operator(name)]


def _check_state(reader: SnapshotReader, chosen: list[OperatorState], state: str | None) -> None:
    known = {info.name for found in chosen for subtask in found.subtasks for info in subtask.states}
    if state is not None and known and state not in known and not state.startswith("("):
        names = ", ".join(sorted(map(repr, known)))
        raise NotInSnapshot(f"there is no state {state!r} in {reader.location}; there are {names}")


def _keys(given: tuple[str, ...] | None) -> tuple[Any, ...] | None:
    return None if given is None else tuple(_key(text) for text in given)


def _key(text: str) -> Any:
    try:
        return _frozen(json.loads(text))
    except ValueError:
        return text


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _entries(
    reader: SnapshotReader,
    chosen: list[OperatorState],
    state: str | None,
    keys: tuple[Any, ...] | None,
    on_bytes: Callable[[int], None],
) -> Iterator[StateEntry]:
    for operator in chosen:
        for entry in reader.entries(operator, keys, on_bytes):
            if state is None or entry.state == state:
                yield entry


def _install(files: list[str]) -> None:
    """Make the program's classes importable under the names that its state knows."""
    missing = [name for name in files if not Path(name).exists()]
    if missing:
        raise NotInSnapshot(f"--python-files: there is no {', '.join(missing)}")
    paths = [Path(name).resolve() for name in files]
    modules = [
        ModuleSource(path.stem if number else STABLE_NAME, str(path), path.read_bytes())
        for number, path in enumerate(paths)
        if path.suffix == ".py"
    ]
    folders = [str(path if path.is_dir() or path.suffix != ".py" else path.parent) for path in paths]
    if files:
        install_program(msgspec.msgpack.encode(ProgramModule(modules, list(dict.fromkeys(folders)))))


# ---------------------------------------------------------------------------------------------------------- writing


def _row(entry: StateEntry) -> dict[str, Any]:
    found: dict[str, Any] = {"operator": entry.operator, "state": entry.state}
    if entry.subtask is not None:
        return {**found, "subtask": entry.subtask, "value": plain(entry.value)}
    found["key"] = plain(entry.key)
    if entry.namespace is not None:
        found["namespace"] = plain(entry.namespace)
    return {**found, "value": plain(entry.value)}


def _write(rows: Iterator[dict[str, Any]], output: str) -> None:
    if output == "jsonl":
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
        return
    sys.stdout.write("[")
    for number, row in enumerate(rows):
        sys.stdout.write((",\n " if number else "\n ") + json.dumps(row))
    sys.stdout.write("\n]\n")


def _document(
    reader: SnapshotReader, chosen: list[OperatorState], counts: dict[str, dict[str, int]]
) -> dict[str, Any]:
    metadata = reader.metadata
    return {
        "location": reader.location,
        "kind": str(metadata.kind),
        "job_id": metadata.job_id,
        "job_name": metadata.job_name,
        "checkpoint_id": metadata.checkpoint_id,
        "completed_timestamp": metadata.completed_timestamp,
        "python_version": metadata.python_version,
        "penstock_version": metadata.penstock_version,
        "bytes": metadata.state_size(),
        "operators": [_described(operator, counts[operator.uid]) for operator in chosen],
    }


def _described(operator: OperatorState, counts: dict[str, int]) -> dict[str, Any]:
    infos = {info.name: info for subtask in operator.subtasks for info in subtask.states}
    names = sorted({*infos, *counts})
    subtasks = operator.subtasks
    return {
        "uid": operator.uid,
        "id": operator.operator_id,
        "name": operator.name,
        "parallelism": operator.parallelism,
        "max_parallelism": operator.max_parallelism,
        "bytes": sum(stored.size for subtask in subtasks for stored in subtask.objects()),
        "format": "native" if any(subtask.native for subtask in subtasks) else "canonical",
        "splits": sum(len(subtask.splits) for subtask in subtasks),
        "committables": sum(len(subtask.committables) for subtask in subtasks),
        "states": [
            {
                "name": name,
                "kind": infos[name].kind if name in infos else "",
                "type": infos[name].type if name in infos else "",
                "entries": counts.get(name, 0) if counts else None,
            }
            for name in names
        ],
    }


def _print(document: dict[str, Any]) -> None:
    typer.echo(f"{document['kind'].lower()} {document['checkpoint_id']} of {document['job_name']!r}")
    typer.echo(
        f"  job {document['job_id']}, {document['bytes']:,} bytes, python {document['python_version']}"
    )
    for found in document["operators"]:
        typer.echo(f"{found['uid']}  ({found['name']}, id {found['id']})")
        extra = "".join(f", {found[name]:,} {name}" for name in ("splits", "committables") if found[name])
        typer.echo(
            f"  parallelism {found['parallelism']} of {found['max_parallelism']}, {found['bytes']:,} bytes, "
            f"{found['format']}{extra}"
        )
        for state in found["states"]:
            described = " ".join(part for part in (state["kind"], state["type"]) if part)
            entries = "" if state["entries"] is None else f"{state['entries']:,} entries"
            typer.echo(f"    {state['name']:<30} {described:<20} {entries}".rstrip())


# ------------------------------------------------------------------------------------------------------ the terminal


def _one_of(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        typer.echo(f"{flag} is {value!r}: use one of {', '.join(allowed)}", err=True)
        raise typer.Exit(2)


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong is said in a line, with status 1."""
    try:
        yield
    except (SnapshotProblem, NotInSnapshot, FileSystemError, StateError, KeyTypeError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@contextmanager
def _progress(chosen: list[OperatorState]) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal for long reads; the results go to standard output."""
    total = sum(
        stored.size for operator in chosen for subtask in operator.subtasks for stored in subtask.objects()
    )
    console = Console(stderr=True)
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=total < _WORTH_A_BAR or not console.is_terminal
    ) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda size: bar.update(task, advance=size)
