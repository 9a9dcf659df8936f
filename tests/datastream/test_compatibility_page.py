"""The page on PyFlink compatibility says what is so: what is present, what is refused, what has no effect.

Written by `pytest tests/datastream/test_compatibility_page.py --update-golden`.
"""

import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from penstock.common.unsupported import Refusal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "pyflink-compatibility.md"
SURFACE = Path(__file__).with_name("pyflink_surface.txt")
INTRODUCTION = """# PyFlink compatibility

`pyflink.common`, `pyflink.datastream` and `pyflink.metrics` of PyFlink 2.3, name by name. Connectors and formats have pages of their
own. A program imports `pyflink` as before; where Penstock is installed, that is Penstock. This page is checked by a test.

## Behaviour that differs on purpose

- `.with_timestamp_assigner(X).with_idleness(d)` keeps the assigner; PyFlink loses it.
- A null in a nested row, and a SQL timestamp at the top level, can be collected.
- Functions run in the slot's own process: there is no second Python beside a JVM, no bundle size, and `python.executable` must be
  the interpreter that runs here.
- A program's main file is imported in slots under one stable name, up to its `execute()`: classes in state are found again by later
  versions of the program. What must run only once belongs under `if __name__ == "__main__":`.
- `DataStream.cache()` gives a stream for several jobs, and each job computes it anew.
- Accumulators are read by `JobExecutionResult` and `JobClient`; PyFlink has no way to add to one from Python, so there are none.
- Records take the shape of their declared type (`output_type`, `type_info`) where a chain of functions ends, as in PyFlink: rows
  get the type's names, an int for DOUBLE becomes a float, a float for INT an int, times are cut to milliseconds, and what does not
  fit fails the job. A tuple or row that is longer than its type is refused, which PyFlink cuts, and a BIG_INT may have more than
  64 bits.
- A list, dict, set or NaN cannot be a key (PyFlink compares their pickled bytes): use a tuple or frozen dataclass; the refusal says which.
- The `open` of a key selector or partitioner gets no runtime context: keys are taken in more than one task.
- A function that gives None where PyFlink wants an iterable (`flat_map`, `process_element`, `on_timer`) gives nothing, and
  `ValueState.update(None)` clears, as in Flink's Java API. `Types` of state and keys are not enforced; rows as keys get their names.
- A tuple's subclass (a namedtuple) may be summed, also by a field's name, and stays what it is.
- An int for a DOUBLE field of `from_collection` is that number; PyFlink makes it null without a word.
- Event timers that are set for a time already passed fire at once and in order, before the window or the input ends; PyFlink sends
  them around by Java, so that those of a trigger (`ContinuousEventTimeTrigger`) may come too late at the end of input.
- A `ContinuousProcessingTimeTrigger` on a window of event time that lies behind the clock fires once for what came; Flink fires it
  without end.
- `add_python_archive` takes tar files too; `register_cached_file` has a way to reach the files:
  `runtime_context.get_distributed_cache().get_file(name)`.
- Older programs' `set_state_backend`, `set_restart_strategy`, `set_stream_time_characteristic`, `read_text_file`,
  `set_checkpoint_storage` and `set_checkpoint_storage_dir`, which PyFlink 2 has dropped, still work.

## Accepted, without effect

| call | why |
|---|---|
| `env.add_jars`, `env.add_classpaths` | connectors need no jars |
| `env.enable_changelog_state_backend` | checkpoints write what changed without a log of changes |
| `SlotSharingGroup` resources | a slot's are its TaskManager's; the group itself counts |
| `DataStream.set_buffer_timeout` | the buffer timeout is the job's: `env.set_buffer_timeout` |
| `ExecutionConfig`: closure cleaner, Kryo, Avro, generic types, object reuse | they tune Java's serializers; values read back |

"""


def lines() -> dict[str, list[str]]:
    text = SURFACE.read_text(encoding="utf-8").splitlines()
    return {
        path: members.split() for path, _, members in (line.partition(":") for line in text if line[0] != "#")
    }


def module_of(path: str) -> str:
    is_package = path in ("pyflink.common", "pyflink.datastream", "pyflink.metrics")
    return path if is_package else path.rpartition(".")[0]


def found(path: str) -> object | None:
    """The module or class of that name here."""
    module = module_of(path).replace("pyflink", "penstock")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError:
        return None
    return loaded if module_of(path) == path else getattr(loaded, path.rpartition(".")[2], None)


def absent() -> list[str]:
    missing = []
    for path, members in lines().items():
        here = found(path)
        missing += [f"{path}.{member}" for member in members if here is None or not hasattr(here, member)]
    return missing


def own_refusals() -> dict[str, Refusal]:
    """Refusals of these packages, from a fresh process: other tests load other modules."""
    program = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "from penstock.common.unsupported import refusals\n"
        "print(json.dumps([[k, r.what, r.why, r.alternative] for k, r in refusals().items()]))\n"
    )
    modules = sorted({module_of(path).replace("pyflink", "penstock") for path in lines()})
    modules.append("penstock.datastream.cached_stream")
    import json

    done = subprocess.run(
        [sys.executable, "-c", program, *modules], capture_output=True, text=True, check=True, timeout=150
    )
    rows = json.loads(done.stdout)
    return {
        key: Refusal(what, why, alternative)
        for key, what, why, alternative in rows
        if not key.startswith(("penstock.connectors", "penstock.formats", "penstock.datastream.connectors"))
    }


def page() -> str:
    have: Counter[str] = Counter()
    want: Counter[str] = Counter()
    missing = absent()
    for path, members in lines().items():
        want[module_of(path)] += len(members)
        have[module_of(path)] += len(members) - sum(f"{path}.{member}" in missing for member in members)
    text = [INTRODUCTION.rstrip(), "", "## Refused, with the alternative", ""]
    text += [
        "These raise `pyflink.common.UnsupportedOperation`, whose message says what, why and what instead.",
        "",
        "| what | why | instead |",
        "|---|---|---|",
    ]
    rows = {(r.what, r.why, r.alternative) for r in own_refusals().values()}
    rows |= {
        (
            "EmbeddedRocksDBStateBackend.set_options",
            "a factory of options is a Java class",
            "Set RocksDB's options by configuration keys, state.backend.rocksdb.*",
        ),
        (
            "StreamExecutionEnvironment.set_python_executable of another interpreter",
            "functions run in the slot's own process",
            "Run the cluster by that interpreter, or ship packages by set_python_requirements",
        ),
        (
            "StreamExecutionEnvironment.create_input of a Java input format",
            "there is no JVM behind Penstock",
            "Read the files by FileSource with from_source",
        ),
    }
    text += [f"| `{what}` | {why} | {alternative} |" for what, why, alternative in sorted(rows)]
    text += ["", "## Present", "", "| module | names and members |", "|---|---|"]
    text += [f"| `{name}` | {have[name]} of {want[name]} |" for name in sorted(want) if want[name]]
    text += [f"| all | {sum(have.values())} of {sum(want.values())} |", "", "## Absent", ""]
    text += [f"- `{name}`" for name in sorted(missing)] or ["Nothing."]
    return "\n".join(text) + "\n"


def test_the_page_is_fresh(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run this test with --update-golden and commit the page"


def test_nearly_all_of_pyflink_is_there() -> None:
    missing, total = absent(), sum(len(members) for members in lines().values())
    assert 1 - len(missing) / total >= 0.95, missing
