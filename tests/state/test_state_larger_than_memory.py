"""The rocksdb backend holds more state than the process may have memory, and snapshots it too."""

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.state.local_folder import LocalFolder, sweep

PROGRAM = """
import resource, sys
from pathlib import Path

from penstock.checkpoint.keyed_state import StoragePlace, load_keyed, store_keyed
from penstock.state.backends import KeyedPlace, make_backend
from penstock.state.contract import MISSING, SnapshotForm
from penstock_api.manifest import SubtaskState

folder, keys, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
settings = {
    "state.backend.type": "rocksdb",
    "state.backend.rocksdb.localdir": str(folder / "local"),
    "state.backend.rocksdb.memory.fixed-per-slot": "16mb",
    "state.backend.rocksdb.compression.per.level": "NO_COMPRESSION",
}


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def make():
    return make_backend(KeyedPlace(128, 0, 127, "large"), settings)


backend = make()
before = resident()
most = 0
for key in range(keys):
    backend.set_current_key(key)
    backend.table("s").put([key, "x" * size])
    backend.event_timers.add(backend.group, key, key, None)
    if key % 1000 == 0:
        most = max(most, resident() - before)
frozen = backend.freeze(SnapshotForm.CHECKPOINT, 1)
while not frozen.step(0.01):
    pass
stored = store_keyed(frozen, StoragePlace(str(folder / "chk-1"), "op", {}))
state = SubtaskState(index=0, keyed=stored.keyed, native=stored.native)
most = max(most, resident() - before)
backend.close()
again = make()
load_keyed([state], str(folder / "chk-1"), {}, again)
for key in range(0, keys, 97):
    again.set_current_key(key)
    assert again.table("s").get() == [key, "x" * size], key
for key in range(1000):
    assert again.event_timers.peek()[1][0] == key
    again.event_timers.pop()
most = max(most, resident() - before)
again.close()
print(keys * size, most)
"""


@pytest.mark.timeout(240)
def test_state_may_be_larger_than_memory(tmp_path: Path) -> None:
    program = tmp_path / "large.py"
    program.write_text(PROGRAM)
    keys, size = 15_000, 20_000
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(keys), str(size)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    data, most = map(int, done.stdout.split())
    assert data == 300_000_000
    assert most < data / 3, f"{most / 1e6:.0f} MB of memory for {data / 1e6:.0f} MB of state"
    assert list((tmp_path / "local").iterdir()) == []


def test_folders_of_killed_processes_are_cleared_away(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from penstock.state.local_folder import LocalFolder\n"
        "folder = LocalFolder(Path(sys.argv[1])); print(folder.path, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    orphan = Path(done.stdout.strip())
    assert orphan.is_dir()
    living = LocalFolder(tmp_path)
    assert not orphan.exists()
    assert sweep(tmp_path) == 0
    assert living.path.is_dir()
    living.close()
    assert list(tmp_path.iterdir()) == []
