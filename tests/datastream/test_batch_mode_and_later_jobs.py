"""Batch mode gives final results only, and a program runs several jobs over the same streams."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pyflink.common import Configuration, Row, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import MapFunction, OutputTag, ProcessFunction, RuntimeExecutionMode, StreamExecutionEnvironment
from pyflink.datastream.window import TumblingEventTimeWindows


class At(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[1]


class Scale(MapFunction):
    def open(self, runtime_context):
        self.by = int(runtime_context.get_job_parameter("by", "1"))

    def map(self, value):
        return value[0], value[1] * self.by


class Split(ProcessFunction):
    def process_element(self, value, ctx):
        yield OutputTag("large") if value > 2 else OutputTag("small"), value


env = StreamExecutionEnvironment.get_execution_environment(
    Configuration().set_string("pipeline.global-job-parameters", "by:10,other:x")
)
env.set_parallelism(2).set_runtime_mode(RuntimeExecutionMode.BATCH)
pairs = env.from_collection([("a", 1), ("b", 2), ("a", 30), ("a", 4)]).map(Scale()).cache()
with pairs.key_by(lambda pair: pair[0]).sum(1).execute_and_collect() as totals:
    print(sorted(totals))
strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(At())
timed = pairs.assign_timestamps_and_watermarks(strategy)
windows = timed.key_by(lambda pair: pair[0]).window(TumblingEventTimeWindows.of(Time.milliseconds(100)))
with windows.reduce(lambda x, y: (x[0], x[1] + y[1])).execute_and_collect() as found:
    print(sorted(found))
env.set_runtime_mode(RuntimeExecutionMode.STREAMING)
with pairs.key_by(lambda pair: pair[0]).sum(1).execute_and_collect() as totals:
    print(sorted(totals))
env.read_text_file("lines.txt").map(len, Types.INT()).process(Split()).get_side_output(OutputTag("large")).print()
env.execute("lines")
"""


@pytest.mark.timeout(120)
def test_one_program_runs_four_jobs(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(PROGRAM)
    (tmp_path / "lines.txt").write_text("a\nabc\nab\nabcd\n")
    done = subprocess.run(
        [sys.executable, "job.py"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "[('a', 350), ('b', 20)]"
    # Nothing is late in batch mode, though the times of "a" go back.
    assert lines[1] == "[('a', 50), ('a', 300), ('b', 20)]"
    # Running sums: two subtasks send to one, in no certain order.
    sums = ast.literal_eval(lines[2])
    assert len(sums) == 4
    assert {("a", 350), ("b", 20)} <= set(sums)
    assert sorted(line.partition("> ")[2] for line in lines[3:]) == ["3", "4"]
