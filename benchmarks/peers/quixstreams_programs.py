"""The record benchmarks as quixstreams dataframes; runs in quixstreams' own environment, without a broker.

`python quixstreams_programs.py NAME INPUT RESULTS`, as `bytewax_programs`. Records are handed to the composed dataframe
as the Application does for each message, so neither Kafka nor a changelog costs it anything: its best case. State is
its RocksDB store; a checkpoint flushes every five seconds, as by default.
"""

import json
import sys
import tempfile
import time
from contextvars import copy_context
from pathlib import Path

from quixstreams import Application
from quixstreams.context import set_message_context
from quixstreams.models import MessageContext, Topic, TopicConfig

COMMIT_SECONDS = 5.0


def user_and_time(line):
    click = json.loads(line)
    return {"user": click["user"], "ts": click["ts"]}


def running_sum(sdf):
    def add(value, state):
        total = state.get("total", 0) + value["count"]
        state.set("total", total)
        return total

    return sdf.apply(lambda click: {"user": click["user"], "count": 1}).apply(add, stateful=True)


def window_count(sdf):
    return sdf.tumbling_window(duration_ms=10_000, grace_ms=1_000).count().final()


def visits(sdf):
    """quixstreams has no timers in event time: a session window gives the same results."""
    return sdf.session_window(inactivity_gap_ms=5_000, grace_ms=1_000).count().final()


def records(name, folder):
    """(key, timestamp, value) of each line. Decoding and the filter are the user's own Python code here, as everywhere."""
    for file in sorted(Path(folder).iterdir()):
        with file.open() as lines:
            for line in lines:
                yield from decoded(name, line)


def decoded(name, line):
    if name == "running_sum":
        click = json.loads(line)
        if click["action"] == "click":
            yield click["user"], click["ts"], click
    else:
        pair = user_and_time(line)
        yield pair["user"], pair["ts"], pair


def without_broker(name):
    """A topic whose partitions nobody asks a broker for."""
    topic = Topic(name, value_deserializer="json", create_config=TopicConfig(1, 1))
    topic.broker_config = TopicConfig(1, 1, {"retention.ms": "1000", "retention.bytes": "1"})
    return topic


def main():
    name, folder, results = sys.argv[1:]
    out = None if results == "-" else open(results, "w")
    with tempfile.TemporaryDirectory() as state:
        app = Application(
            broker_address="127.0.0.1:1", state_dir=state, use_changelog_topics=False, loglevel="ERROR"
        )
        topic = without_broker("clicks")
        sdf = {"running_sum": running_sum, "window_count": window_count, "visits": visits}[name](
            app.dataframe(topic)
        )

        def sink(value, key, timestamp, headers):
            if out is not None:
                out.write(json.dumps([key, value]) + "\n")

        run = sdf.compose(sink=sink)[topic.name]
        processing = app._processing_context
        app._state_manager.init()
        processing.init_checkpoint()
        app._state_manager.on_partition_assign(sdf.stream_id, 0, {})
        context = copy_context()
        context.run(set_message_context, MessageContext(topic=topic.name, partition=0, offset=0, size=1))
        started = committed = time.perf_counter()
        context.run(feed, name, folder, run, processing, committed)
        print(json.dumps({"net_runtime_ms": (time.perf_counter() - started) * 1000}))
    if out is not None:
        out.close()


def feed(name, folder, run, processing, committed):
    for number, (key, timestamp, value) in enumerate(records(name, folder)):
        run(value, key, timestamp, [])
        if number % 1000 == 0 and time.perf_counter() - committed > COMMIT_SECONDS:
            committed = time.perf_counter()
            flush(processing)
    flush(processing)


def flush(processing):
    """Write the transactions of the state stores, as a commit does after the producer's flush."""
    for transaction in processing.checkpoint._store_transactions.values():
        transaction.prepare(processed_offsets={})
        transaction.flush()
    processing.init_checkpoint()


if __name__ == "__main__":
    main()
