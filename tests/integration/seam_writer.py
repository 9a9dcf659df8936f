"""A sink writer in a process of its own, which dies by -9 after its checkpoint and before the commit.

Run by test_kafka_exactly_once.py: `python -m tests.integration.seam_writer '{…}'`. Prints one JSON line, its
part of the checkpoint, then goes on writing into the next transaction and kills itself.
"""

import json
import os
import signal
import sys

from penstock.connectors.contract import SinkContext
from penstock.connectors.kafka.producing import RecordSerializer
from penstock.connectors.kafka.sink import DeliveryGuarantee, KafkaSink
from penstock.operators.contract import Batch
from tests.integration.sink_context import sink_context


def values(subtask: int, first: int, count: int) -> list[str]:
    """Distinct records of a subtask."""
    return [f"{subtask}:{number}" for number in range(first, first + count)]


def exactly_once_sink(bootstrap: str, topic: str, prefix: str, timeout_ms: int | None = None) -> KafkaSink:
    """A sink of text records."""
    properties = {"bootstrap.servers": bootstrap, "log_level": 2}
    if timeout_ms is not None:
        properties["transaction.timeout.ms"] = timeout_ms
    serializer = RecordSerializer(topic, str.encode)
    return KafkaSink(properties, serializer, DeliveryGuarantee.EXACTLY_ONCE, prefix)


def main() -> None:
    """Write, prepare, report, write on, die."""
    options = json.loads(sys.argv[1])
    subtask, count = options["subtask"], options["count"]
    sink = exactly_once_sink(
        options["bootstrap"], options["topic"], options["prefix"], options.get("timeout_ms")
    )
    writer = sink.create_writer()
    context: SinkContext = sink_context(subtask, options["parallelism"])
    writer.open(context, [], None)
    writer.write(Batch(values(subtask, 0, count)))
    committables = writer.prepare_commit(1)
    report = {"committables": committables, "writer": writer.snapshot()}
    writer.write(Batch(values(subtask, count, count)))
    writer.flush()
    print(json.dumps(report), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
