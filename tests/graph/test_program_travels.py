"""A program's main file in a slot: by reference under its stable name, up to `execute()`, with its arguments."""

import sys
from collections.abc import Iterator
from types import ModuleType

import msgspec
import pytest

from penstock.graph.program_module import (
    STABLE_NAME,
    ModuleSource,
    ProgramModule,
    capture_program,
    dumps,
    install_program,
    loads,
)

SOURCE = b"""
import sys
from penstock.datastream import StreamExecutionEnvironment
from travels_beside import DOUBLE

ARGUMENT = sys.argv[1]

def double(x):
    return x * DOUBLE

StreamExecutionEnvironment().execute()
raise AssertionError("a slot came past execute()")
"""


def installed(source: bytes, *argv: str) -> None:
    modules = [
        ModuleSource(STABLE_NAME, "/program/job.py", source),
        ModuleSource("travels_beside", "/program/travels_beside.py", b"DOUBLE = 2\n"),
    ]
    install_program(msgspec.msgpack.encode(ProgramModule(modules, [], ["job.py", *argv])))


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    before = sys.modules.get(STABLE_NAME)
    sys.modules.pop(STABLE_NAME, None)
    yield
    install_program(None)
    sys.modules.pop(STABLE_NAME, None)
    if before is not None:
        sys.modules[STABLE_NAME] = before


def test_a_slot_imports_the_main_file_up_to_execute() -> None:
    installed(SOURCE, "hello")
    module = __import__(STABLE_NAME)
    assert (module.double(3), module.ARGUMENT) == (6, "hello")
    assert sys.argv[-1] != "hello"


def test_a_main_file_that_exits_names_the_main_guard() -> None:
    installed(b"import sys\nsys.exit(2)\n")
    with pytest.raises(ImportError, match="__name__ == '__main__'"):
        __import__(STABLE_NAME)


def test_functions_of_the_main_file_go_by_reference_and_lambdas_by_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    path = f"{tmp_path}/job.py"
    source = b"def triple(x):\n    return x * 3\n"
    with open(path, "wb") as file:
        file.write(source)
    main = ModuleType("__main__")
    main.__file__ = path
    exec(source, main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    data = dumps(main.triple)
    assert b"triple" in data
    assert len(data) < 200
    closure = dumps(lambda x: main.__dict__["triple"](x) + 1 if x else None)
    blob = capture_program()
    assert blob is not None

    sys.modules.pop(STABLE_NAME, None)
    install_program(blob)
    assert loads(data) is sys.modules[STABLE_NAME].triple
    assert len(closure) > len(data)
