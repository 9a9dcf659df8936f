"""A million keys in keyed state, touched without a pause; what follows the keyed operator notes the gaps it sees.

Run by `benchmarks.checkpoint_gap`: arguments are the number of keys and the file for the gaps.
"""

import json
import sys
import time
from pathlib import Path

from pyflink.common import WatermarkStrategy
from pyflink.datastream import KeyedProcessFunction, MapFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.datastream.state import ValueStateDescriptor

WORTH_NOTING = 0.002
STRIDE = 7_919_993
"""Prime to the number of keys: every key once before any twice, in no order."""


class Count(KeyedProcessFunction):
    """How often each key came."""

    def open(self, ctx):
        """Take the state."""
        self.count = ctx.get_state(ValueStateDescriptor("count"))

    def process_element(self, value, ctx):
        """One more."""
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        yield count


class NoteGaps(MapFunction):
    """Writes down when nothing came for a while: [end of the gap, seconds, seconds of this thread's own CPU]."""

    def __init__(self, path):
        self._path = path
        self._seen = 0

    def open(self, ctx):
        """Begin."""
        self._file = Path(self._path).open("w")
        self._last, self._cpu = time.perf_counter(), time.thread_time()

    def map(self, value):
        """Look at the clock."""
        now = time.perf_counter()
        if now - self._last > WORTH_NOTING:
            cpu = time.thread_time()
            self._file.write(json.dumps([time.time(), now - self._last, cpu - self._cpu]) + "\n")
            self._file.flush()
            self._cpu = cpu
            now = time.perf_counter()
        self._last = now
        return value

    def close(self):
        """End."""
        self._file.close()


def main(keys, path):
    """Build and run the job."""
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(1)
    numbers = env.from_source(NumberSequenceSource(1, 10**12), WatermarkStrategy.no_watermarks(), "numbers")
    counted = numbers.key_by(lambda n: n * STRIDE % keys).process(Count())
    counted.map(NoteGaps(path)).filter(lambda n: n < 0).print()
    env.execute("gaps")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
