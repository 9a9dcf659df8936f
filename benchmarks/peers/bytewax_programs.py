"""The record benchmarks as bytewax dataflows; runs in bytewax's own environment.

`python bytewax_programs.py NAME INPUT RESULTS`: NAME as in `benchmarks/programs`, RESULTS a file for the results, one
JSON line each, or `-` for nowhere. The last line of the output is JSON: milliseconds of the run.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as windowing
from bytewax.connectors.files import DirSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Partition(StatelessSinkPartition):
    def __init__(self, path):
        self.out = None if path == "-" else open(path, "a")

    def write_batch(self, items):
        if self.out is not None:
            self.out.writelines(json.dumps(item) + "\n" for item in items)

    def close(self):
        if self.out is not None:
            self.out.close()


class Results(DynamicSink):
    def __init__(self, path):
        self.path = path

    def build(self, step_id, worker_index, worker_count):
        return Partition(self.path)


def user_and_time(line):
    click = json.loads(line)
    return click["user"], click["ts"]


def time_of(pair):
    return EPOCH + timedelta(milliseconds=pair[1])


def running_sum(lines):
    clicks = op.filter(
        "clicks", op.map("decode", lines, json.loads), lambda click: click["action"] == "click"
    )
    pairs = op.map("pair", clicks, lambda click: (click["user"], 1))
    keyed = op.key_on("key", pairs, lambda pair: pair[0])

    def add(total, pair):
        total = (total or 0) + pair[1]
        return total, total

    return op.stateful_map("sum", keyed, add)


def counted(lines, windower):
    timed = op.map("pair", lines, user_and_time)
    clock = windowing.EventClock(ts_getter=time_of, wait_for_system_duration=timedelta(seconds=1))
    return windowing.count_window("count", timed, clock, windower, lambda pair: pair[0]).down


def window_count(lines):
    return counted(lines, windowing.TumblingWindower(length=timedelta(seconds=10), align_to=EPOCH))


def visits(lines):
    """bytewax has no timers in event time: a session window gives the same results."""
    return counted(lines, windowing.SessionWindower(gap=timedelta(seconds=5)))


def main():
    name, folder, results = sys.argv[1:]
    flow = Dataflow(name)
    lines = op.input("lines", flow, DirSource(Path(folder), batch_size=1000))
    op.output(
        "out",
        {"running_sum": running_sum, "window_count": window_count, "visits": visits}[name](lines),
        Results(results),
    )
    started = time.perf_counter()
    run_main(flow)
    print(json.dumps({"net_runtime_ms": (time.perf_counter() - started) * 1000}))


if __name__ == "__main__":
    main()
