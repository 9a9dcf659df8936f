"""A program that imports `pyflink` is checked by mypy against Penstock's own types, by the stubs that its wheel carries.

Stubs are written by `pytest tests/datastream/test_programs_are_typed.py --update-golden`.
"""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "runtime" / "src"
STUBS = SOURCE / "pyflink-stubs"
PACKAGES = ("common", "datastream", "metrics")
OURS = ("datastream.async_retry_predicates", "datastream.time_characteristic")

PROGRAM = """
from collections.abc import Iterable
from typing import Any

from pyflink.common import Configuration, Duration, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import (
    KeyedProcessFunction, MapFunction, ProcessWindowFunction, RuntimeContext, StreamExecutionEnvironment,
)
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.datastream.state import StateTtlConfig, ValueState, ValueStateDescriptor
from pyflink.datastream.window import TimeWindow, TumblingEventTimeWindows
from pyflink.metrics import Counter


class Assigner(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)


class Doubling(MapFunction):
    seen: Counter

    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_metrics_group().counter("seen")

    def map(self, value: int) -> int:
        self.seen.inc()
        return value * 2


class Counting(KeyedProcessFunction):
    count: ValueState[int]

    def open(self, runtime_context: RuntimeContext) -> None:
        descriptor = ValueStateDescriptor("count", Types.LONG())
        ttl = StateTtlConfig.new_builder(Time.hours(1)).set_update_type(StateTtlConfig.UpdateType.OnReadAndWrite)
        descriptor.enable_time_to_live(ttl.build())
        self.count = runtime_context.get_state(descriptor)

    def process_element(self, value: int, ctx: "KeyedProcessFunction.Context") -> Iterable[int]:
        held = (self.count.value() or 0) + 1
        self.count.update(held)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 1)
        yield held

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Iterable[int]:
        yield timestamp


class Bounds(ProcessWindowFunction[int, tuple[int, int], int, TimeWindow]):
    def process(
        self, key: int, context: ProcessWindowFunction.Context[TimeWindow], elements: Iterable[int]
    ) -> Iterable[tuple[int, int]]:
        yield context.window().start, context.window().end


env = StreamExecutionEnvironment.get_execution_environment(Configuration().set_integer("parallelism.default", 1))
strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1)).with_timestamp_assigner(Assigner())
numbers = env.from_source(NumberSequenceSource(1, 10), strategy, "numbers", Types.LONG()).map(Doubling(), Types.LONG())
numbers.key_by(lambda n: n % 2).process(Counting(), Types.LONG()).name("counts").uid("counts").print()
numbers.key_by(lambda n: n % 2).window(TumblingEventTimeWindows.of(Time.milliseconds(5))).process(Bounds()).print()
env.execute("typed")
"""


def is_public(module: str) -> bool:
    """A module that PyFlink has, or one that programs import here; the rest is Penstock's own."""
    surface = Path(__file__).with_name("pyflink_surface.txt").read_text(encoding="utf-8")
    is_named = any(f"\npyflink.{module}{end}" in surface for end in (":", "."))
    return is_named or module in OURS or module.startswith(("datastream.connectors", "datastream.formats"))


def wanted_stubs() -> dict[str, str]:
    """One stub for each public module, which has the names of Penstock's."""
    found = {"__init__.pyi": "from penstock import *\n"}
    for package in PACKAGES:
        for file in sorted((SOURCE / "penstock" / package).rglob("*.py")):
            path = file.relative_to(SOURCE / "penstock")
            if any(part.startswith("_") and part != "__init__.py" for part in path.parts):
                continue
            parts = path.with_suffix("").parts
            module = ".".join(part for part in parts if part != "__init__")
            if not is_public(module):
                continue
            found[path.with_suffix(".pyi").as_posix()] = f"from penstock.{module} import *\n"
    elsewhere = importlib.import_module("penstock.datastream.connectors")._ELSEWHERE
    found["datastream/connectors/__init__.pyi"] += "".join(f"from {name} import *\n" for name in elsewhere)
    return found


def test_every_public_module_has_a_stub(request: pytest.FixtureRequest) -> None:
    wanted = wanted_stubs()
    if request.config.getoption("--update-golden"):
        for name, text in wanted.items():
            (STUBS / name).parent.mkdir(parents=True, exist_ok=True)
            (STUBS / name).write_text(text, encoding="utf-8")
    have = {
        file.relative_to(STUBS).as_posix(): file.read_text(encoding="utf-8") for file in STUBS.rglob("*.pyi")
    }
    missing = sorted(set(wanted) - set(have))
    assert not missing, "run this test with --update-golden and commit the stubs"
    named = [line.split()[1] for text in have.values() for line in text.splitlines()]
    assert all(importlib.util.find_spec(name) is not None for name in named)


@pytest.mark.timeout(300)
def test_a_typed_program_passes_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "typed_job.py").write_text(PROGRAM)
    wrong = "from pyflink.common import Time\nfrom pyflink.datastream import StreamExecutionEnvironment\n"
    wrong += 'StreamExecutionEnvironment.get_execution_environment().set_parallelism("two")\nTime.weeks(1)\n'
    (tmp_path / "wrong_job.py").write_text(wrong)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            str(tmp_path / "typed_job.py"),
            str(tmp_path / "wrong_job.py"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=280,
    )
    said = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert all("wrong_job.py" in line for line in said), done.stdout
    assert any('"set_parallelism"' in line and "expected" in line for line in said), done.stdout
    assert any('"weeks"' in line for line in said), done.stdout
