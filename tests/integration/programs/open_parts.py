"""Generated lines into part files that stay open over checkpoints. Run by test_connectors_in_jobs.py, which kills slots."""

import json
import sys

from pyflink.common import Configuration, Encoder, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.datagen import DataGeneratorSource, RateLimiterStrategy
from pyflink.datastream.connectors.file_system import (
    BucketAssigner,
    FileCompactor,
    FileCompactStrategy,
    FileSink,
    RollingPolicy,
)


def main() -> None:
    """Write `count` lines to `target` in two folders."""
    target, checkpoints, count, is_compacted, settings = sys.argv[1:6]
    configuration = Configuration()
    for key, value in json.loads(settings).items():
        configuration.set_string(key, value)
    configuration.set_string("execution.checkpointing.dir", checkpoints)
    configuration.set_string("restart-strategy.type", "fixed-delay")
    configuration.set_string("restart-strategy.fixed-delay.attempts", "10")
    configuration.set_string("restart-strategy.fixed-delay.delay", "100 ms")
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(2)
    env.enable_checkpointing(200)
    rate = RateLimiterStrategy.per_second(4_000)
    source = DataGeneratorSource(lambda number: f"line {number}", int(count), rate)
    sink = (
        FileSink.for_row_format(target, Encoder.simple_string_encoder())
        .with_rolling_policy(RollingPolicy.default_rolling_policy(60_000, 1_500, 1_500))
        .with_bucket_assigner(BucketAssigner.of(lambda line: f"folder-{int(line[-1]) % 2}"))
    )
    if is_compacted == "compacted":
        strategy = FileCompactStrategy.builder().enable_compaction_on_checkpoint(4).build()
        sink = sink.enable_compact(strategy, FileCompactor.concat_file_compactor())
    env.from_source(source, WatermarkStrategy.no_watermarks(), "lines").sink_to(sink.build())
    env.execute("open parts")


if __name__ == "__main__":
    main()
