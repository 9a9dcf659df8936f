"""`penstock state` on snapshots made here: what it shows, dumps and refuses."""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from penstock.checkpoint.keyed_io import write_blob
from penstock.checkpoint.keyed_state import StoragePlace, store_keyed
from penstock.filesystems.local import LocalFileSystem
from penstock.launch.cli import app
from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.codec import dump_state
from penstock.state.contract import SnapshotForm
from penstock_api.manifest import CheckpointMetadata, OperatorState, SnapshotKind, SubtaskState

MakeSavepoint = Callable[..., Path]


@dataclass
class Cart:
    """A class of the program."""

    items: list[str]


class Seen(NamedTuple):
    """Another."""

    at: datetime.date
    times: int


VALUES: dict[Any, Any] = {
    "ann": Cart(["tea"]),
    "bob": Seen(datetime.date(2026, 1, 2), 3),
    7: {"a": 1.5, "b": (1, b"\x00")},
    ("x", 1): {1, 2},
}


@pytest.fixture(params=["hashmap", "rocksdb"])
def savepoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A savepoint of two operators in the backend's own form."""
    settings = {
        "state.backend.type": request.param,
        "state.backend.rocksdb.localdir": str(tmp_path / "local"),
    }
    backend = make_backend(KeyedPlace(128, 0, 127, "carts"), settings)
    backend.declare("carts", "value")
    backend.declare("sizes", "list", "LONG")
    for key, value in VALUES.items():
        backend.set_current_key(key)
        backend.table("carts").put(value)
        backend.table("sizes").put([1, 2], (0, 1000))
        backend.event_timers.add(backend.group, 999, key, (0, 1000))
    folder = tmp_path / "savepoint"
    frozen = backend.freeze(SnapshotForm.NATIVE, 3)
    while not frozen.step(0.01):
        pass
    stored = store_keyed(frozen, StoragePlace(str(folder), "op", {}))
    blob = write_blob(LocalFileSystem(), str(folder), "blob", dump_state({"rules": [1, 2]}))
    states = backend.declared()
    backend.close()
    carts = SubtaskState(index=0, keyed=stored.keyed, native=stored.native, states=states)
    source = SubtaskState(index=0, splits=[{"id": "0"}], operator=[blob])
    metadata = CheckpointMetadata(
        kind=SnapshotKind.SAVEPOINT,
        job_id="c" * 32,
        job_name="shop",
        checkpoint_id=3,
        attempt=1,
        trigger_timestamp=1,
        completed_timestamp=2,
        python_version="3.11",
        penstock_version="0.1",
        operators=[
            OperatorState(
                uid=uid,
                operator_id=letter * 32,
                name=uid.title(),
                parallelism=1,
                max_parallelism=128,
                subtasks=[subtask],
            )
            for uid, letter, subtask in (("orders", "a", source), ("carts", "b", carts))
        ],
    )
    (folder / "_metadata").write_text(metadata.model_dump_json())
    return folder


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["state", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return str(result.output)


def rows(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("dump", *arguments).splitlines() if line.startswith("{")]


def test_show_names_operators_states_and_counts(savepoint: Path) -> None:
    shown = run("show", savepoint)
    assert "savepoint 3 of 'shop'" in shown
    assert "carts  (Carts, id " + "b" * 32 in shown
    assert "1 splits" in shown
    document = json.loads(run("show", savepoint, "--operator", "bbbbbb", "--format", "json"))
    (carts,) = document["operators"]
    entries = {state["name"]: (state["kind"], state["type"], state["entries"]) for state in carts["states"]}
    assert entries == {"carts": ("value", "", 4), "sizes": ("list", "LONG", 4), "(event timers)": ("", "", 4)}
    quick = json.loads(run("show", savepoint, "--format", "json", "--no-count"))
    assert {state["entries"] for found in quick["operators"] for state in found["states"]} == {None}


def test_dump_shows_classes_by_name_and_content(savepoint: Path) -> None:
    found = rows(savepoint, "--operator", "carts", "--state", "carts")
    by_key = {json.dumps(row["key"]): row["value"] for row in found}
    assert by_key['"ann"'] == {"__class__": f"{__name__}.Cart", "content": {"items": ["tea"]}}
    assert by_key['"bob"']["__class__"] == f"{__name__}.Seen"
    assert by_key["7"] == {"a": 1.5, "b": [1, {"__class__": "bytes", "base64": "AA=="}]}
    assert by_key['["x", 1]'] == {"__class__": "set", "items": [1, 2]}
    assert "classes that are not here" in run("dump", savepoint, "--state", "carts")


def test_dump_of_one_key_window_timers_and_operator_state(savepoint: Path) -> None:
    found = rows(savepoint, "--key", '["x", 1]', "--key", "ann")
    assert {row["state"] for row in found} == {"carts", "sizes", "(event timers)"}
    assert {json.dumps(row["key"]) for row in found} == {'["x", 1]', '"ann"'}
    sizes = next(row for row in found if row["state"] == "sizes")
    assert (sizes["namespace"], sizes["value"]) == ([0, 1000], [1, 2])
    timer = next(row for row in found if row["state"] == "(event timers)")
    assert timer["value"] == 999
    (blob,) = rows(savepoint, "--operator", "orders")
    assert blob == {
        "operator": "orders",
        "state": "(operator state)",
        "subtask": 0,
        "value": {"rules": [1, 2]},
    }


def test_dump_as_one_list_with_a_limit(savepoint: Path) -> None:
    text = run("dump", savepoint, "--operator", "carts", "--state", "sizes", "--format", "json", "--limit", 3)
    assert len(json.loads(text[text.index("[\n") :])) == 3


def test_what_is_not_there_is_said(savepoint: Path, tmp_path: Path) -> None:
    assert "there is no savepoint or checkpoint at" in run("show", tmp_path, status=1)
    assert "its uids are 'orders', 'carts'" in run("dump", savepoint, "--operator", "x", status=1)
    assert "there is no state 'x'" in run("dump", savepoint, "--state", "x", status=1)
    assert "use one of json, jsonl" in run("dump", savepoint, "--format", "xml", status=2)
    assert "--python-files: there is no nowhere.py" in run(
        "dump", savepoint, "--python-files", "nowhere.py", status=1
    )
    (victim,) = [path for path in savepoint.iterdir() if path.name == "blob"]
    victim.write_bytes(b"")
    assert "should have" in run("show", savepoint, status=1)
