"""A cluster of ours with a job that runs, for Flink's own tools to look at: processes on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.launch.cluster_processes import Cluster, cluster

PROGRAM = """
import time
from penstock.common import WatermarkStrategy, Duration
from penstock.common.watermark_strategy import TimestampAssigner
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream.connectors.number_seq import NumberSequenceSource


class Stamp(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return 1_700_000_000_000 + value * 1000


def slow(x):
    time.sleep(0.0005)
    return (x % 3, 1)


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)
marks = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1)).with_timestamp_assigner(Stamp())
stamped = env.from_source(NumberSequenceSource(0, 10**9), marks, "numbers")
stamped.map(slow).name("slow").uid("slow").key_by(lambda x: x[0]).sum(1).name("counts").uid("counts").print()
env.execute("conformance")
"""


@contextmanager
def running_job(folder: Path) -> Iterator[Cluster]:
    """The cluster, its job running with a checkpoint complete."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    with cluster(folder) as running:
        running.settings["execution.checkpointing.interval"] = "1 s"
        running.settings["execution.checkpointing.num-retained"] = "20"
        running.start_jobmanager(program)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        running.wait_for("a checkpoint", lambda: running.completed() >= 1)
        yield running
