"""Whole programs, run as a user runs them, each in a process of its own with a mini cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = [sys.executable, "-m", "penstock.launch.program"]


def run_program(folder: Path, source: str, **settings: str) -> str:
    """Run a program and return what it printed; fails with its errors."""
    program = folder / "job.py"
    program.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [*RUN, str(program)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        cwd=folder,
        env={**os.environ, "PENSTOCK_CONFIGURATION": json.dumps({"parallelism.default": "2", **settings})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_in_old_style_without_a_main_guard(tmp_path: Path) -> None:
    source = """
from pyflink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
lines = env.from_collection(["ann,/home", "bob,/about_us", "ann,/shop", "bob,/shop"])
lines.filter(lambda e: "about_us" not in e).map(lambda e: (e.split(',')[0], 1)).key_by(lambda x: x[0]).sum(1).print()
env.execute("Real-Time Click Analytics")
"""
    assert run_program(tmp_path, source).splitlines() == ["('ann', 1)", "('ann', 2)", "('bob', 1)"]


def test_classes_and_modules_of_a_program_are_found_in_the_slots(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("def area(a, b):\n    return a * b\n", encoding="utf-8")
    source = """
from dataclasses import dataclass

from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.state import ValueStateDescriptor

from shapes import area


@dataclass
class Total:
    kind: str
    area: int


class Summing(KeyedProcessFunction):
    def open(self, runtime_context):
        self.total = runtime_context.get_state(ValueStateDescriptor("total"))

    def process_element(self, value, ctx):
        held = self.total.value() or Total(value[0], 0)
        held = Total(held.kind, held.area + area(value[1], value[2]))
        self.total.update(held)
        yield held


env = StreamExecutionEnvironment.get_execution_environment()
shapes = env.from_collection([("box", 2, 3), ("tile", 1, 1), ("box", 1, 4)])
with shapes.key_by(lambda shape: shape[0]).process(Summing()).execute_and_collect() as totals:
    print(sorted((total.kind, total.area) for total in totals))
"""
    assert run_program(tmp_path, source) == "[('box', 6), ('box', 10), ('tile', 1)]\n"


def test_two_jobs_one_after_the_other_and_a_limit(tmp_path: Path) -> None:
    source = """
from pyflink.common import WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource

env = StreamExecutionEnvironment.get_execution_environment()
numbers = env.from_source(NumberSequenceSource(1, 1000), WatermarkStrategy.no_watermarks(), "numbers")
print(sum(numbers.rebalance().map(lambda n: n * 2).execute_and_collect()))
numbers = env.from_source(NumberSequenceSource(1, 1000), WatermarkStrategy.no_watermarks(), "numbers")
print(len(numbers.execute_and_collect(limit=5)))
"""
    assert run_program(tmp_path, source).splitlines() == ["1001000", "5"]


def test_union_connect_broadcast_and_side_outputs_together(tmp_path: Path) -> None:
    source = """
from pyflink.common import Types
from pyflink.datastream import (
    BroadcastProcessFunction, CoMapFunction, OutputTag, ProcessFunction, StreamExecutionEnvironment,
)
from pyflink.datastream.state import MapStateDescriptor

ODD = OutputTag("odd", Types.INT())
RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())


class Split(ProcessFunction):
    def process_element(self, value, ctx):
        if value % 2:
            yield ODD, value
        else:
            yield value


class Named(CoMapFunction):
    def map1(self, value):
        return f"even {value}"

    def map2(self, value):
        return f"odd {value}"


class Count(BroadcastProcessFunction):
    def process_element(self, value, ctx):
        yield value

    def process_broadcast_element(self, value, ctx):
        ctx.get_broadcast_state(RULES).put("n", value)
        yield f"rule {value}"


env = StreamExecutionEnvironment.get_execution_environment()
even = env.from_collection([1, 2, 3]).union(env.from_collection([4, 5])).process(Split())
named = even.connect(even.get_side_output(ODD)).map(Named(), output_type=Types.STRING())
rules = env.from_collection([9]).broadcast(RULES)
with named.connect(rules).process(Count()).execute_and_collect() as results:
    print(sorted(results))
"""
    # Two subtasks see the broadcast record.
    expected = sorted(["even 2", "even 4", "odd 1", "odd 3", "odd 5", "rule 9", "rule 9"])
    assert run_program(tmp_path, source) == f"{expected}\n"


def test_a_failing_function_shows_its_own_error(tmp_path: Path) -> None:
    source = """
from pyflink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 0]).map(lambda x: 1 // x).print()
try:
    env.execute()
except Exception as error:
    print("failed with", "ZeroDivisionError" in str(error))
"""
    output = run_program(tmp_path, source, **{"restart-strategy.type": "none"})
    assert output.splitlines()[-1] == "failed with True"


@pytest.mark.parametrize("style", ["function", "class"])
def test_count_windows_of_a_keyed_stream(tmp_path: Path, style: str) -> None:
    reduce = "lambda a, b: (a[0], a[1] + b[1])" if style == "function" else "Adding()"
    source = f"""
from pyflink.datastream import ReduceFunction, StreamExecutionEnvironment


class Adding(ReduceFunction):
    def reduce(self, value1, value2):
        return value1[0], value1[1] + value2[1]


env = StreamExecutionEnvironment.get_execution_environment()
values = env.from_collection([("a", 1), ("a", 2), ("a", 3), ("b", 5), ("a", 4)])
with values.key_by(lambda v: v[0]).count_window(2).reduce({reduce}).execute_and_collect() as results:
    print(sorted(results))
"""
    assert run_program(tmp_path, source) == "[('a', 3), ('a', 7)]\n"
