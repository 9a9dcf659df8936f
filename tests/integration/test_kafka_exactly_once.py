"""The seam of exactly-once output: producers die by -9 after "checkpoint completed" and before "commit" (Decision 14)."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from penstock.connectors.kafka.errors import TransactionLost
from penstock.connectors.kafka.protocol import CoordinatorClient
from penstock.connectors.kafka.transactions import (
    Outcome,
    PreparedTransaction,
    TransactionCommitter,
    abort_lingering,
    resume_commit,
)
from penstock.operators.contract import Batch
from tests.integration.seam_writer import exactly_once_sink, values
from tests.integration.sink_context import sink_context
from tests.servers import KafkaServer
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration
COUNT = 500

Topics = Callable[[int], str]
Read = Callable[[str], list[str]]


@pytest.fixture
def prefix() -> str:
    return f"sink-{uuid.uuid4().hex[:8]}"


def checkpoint_and_die(
    kafka: KafkaServer, topic: str, prefix: str, parallelism: int, timeout_ms: int | None = None
) -> list[dict[str, Any]]:
    """What each of the killed writers put into the completed checkpoint."""
    children = []
    for subtask in range(parallelism):
        options = {
            "bootstrap": kafka.bootstrap,
            "topic": topic,
            "prefix": prefix,
            "subtask": subtask,
            "parallelism": parallelism,
            "count": COUNT,
            "timeout_ms": timeout_ms,
        }
        command = [sys.executable, "-m", "tests.integration.seam_writer", json.dumps(options)]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    reports = []
    try:
        for child in children:
            out, _ = child.communicate(timeout=60)
            assert child.returncode == -9
            reports.append(json.loads(out))
    finally:
        for child in children:
            child.kill()
            child.communicate()
    return reports


def restore_and_finish(
    kafka: KafkaServer, topic: str, prefix: str, reports: list[dict[str, Any]], parallelism: int
) -> None:
    """As the sink operator does: commit the share, open, write again what was after the barrier, commit that."""
    for subtask in range(parallelism):
        share = [old for index, old in enumerate(reports) if index % parallelism == subtask]
        sink = exactly_once_sink(kafka.bootstrap, topic, prefix)
        committer = sink.create_committer()
        assert committer is not None
        writer = sink.create_writer()
        try:
            committer.commit([one for report in share for one in report["committables"]])
            states = [state for report in share for state in report["writer"]]
            writer.open(sink_context(subtask, parallelism, len(reports)), states, 1)
            for index, _ in enumerate(reports):
                if index % parallelism == subtask:
                    writer.write(Batch(values(index, COUNT, COUNT)))
            committer.commit(writer.prepare_commit(2))
        finally:
            writer.close()
            committer.close()


@pytest.mark.parametrize(("old", "new"), [(2, 2), (2, 1), (2, 3), (3, 2)])
def test_killed_before_commit_nothing_is_lost_or_doubled(
    old: int, new: int, kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(3)
    reports = checkpoint_and_die(kafka, topic, prefix, old)
    restore_and_finish(kafka, topic, prefix, reports, new)
    expected = [value for subtask in range(old) for value in values(subtask, 0, 2 * COUNT)]
    assert sorted(read_committed(topic)) == sorted(expected)


def test_killed_in_the_middle_of_the_commits(
    kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(2)
    reports = checkpoint_and_die(kafka, topic, prefix, 2)
    committer = TransactionCommitter({"bootstrap.servers": kafka.bootstrap})
    committer.commit(reports[0]["committables"])
    committer.close()
    restore_and_finish(kafka, topic, prefix, reports, 2)
    # And once more from the same checkpoint, as after a kill right after the commits: nothing is doubled by itself.
    committer = TransactionCommitter({"bootstrap.servers": kafka.bootstrap})
    committer.commit([one for report in reports for one in report["committables"]])
    committer.close()
    expected = [value for subtask in range(2) for value in values(subtask, 0, 2 * COUNT)]
    assert sorted(read_committed(topic)) == sorted(expected)


def test_the_broker_restarts_between_checkpoint_and_commit(
    kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(1)
    reports = checkpoint_and_die(kafka, topic, prefix, 1)
    kafka.restart()
    restore_and_finish(kafka, topic, prefix, reports, 1)
    assert sorted(read_committed(topic)) == sorted(values(0, 0, 2 * COUNT))


def test_every_answer_of_the_coordinator_has_an_outcome(
    kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(1)
    (report,) = checkpoint_and_die(kafka, topic, prefix, 1)
    prepared = PreparedTransaction.model_validate(report["committables"][0])
    client = CoordinatorClient({"bootstrap.servers": kafka.bootstrap})
    try:
        assert resume_commit(client, prepared).outcome is Outcome.COMMITTED
        assert resume_commit(client, prepared).outcome is Outcome.COMMITTED
        assert f"{prefix}-0-1" in abort_lingering(client, prefix, 0, 1, 60_000)
        assert client.list_ongoing(prefix) == []
        client.fence(prepared.transactional_id, 60_000)  # the next producer of the id
        assert resume_commit(client, prepared).outcome is Outcome.SUPERSEDED
        unknown = prepared.model_copy(update={"transactional_id": f"{prefix}-7-7"})
        assert resume_commit(client, unknown).outcome is Outcome.EXPIRED
    finally:
        client.close()
    assert read_committed(topic) == values(0, 0, COUNT)


def test_a_checkpoint_older_than_the_transaction_timeout_is_refused(
    kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(1)
    (report,) = checkpoint_and_die(kafka, topic, prefix, 1, timeout_ms=1000)
    client = CoordinatorClient({"bootstrap.servers": kafka.bootstrap})
    try:
        wait_until(lambda: client.list_ongoing(prefix) == [], "the broker aborts what expired", 30)
    finally:
        client.close()
    committer = TransactionCommitter({"bootstrap.servers": kafka.bootstrap})
    with pytest.raises(TransactionLost, match="too old") as raised:
        committer.commit(report["committables"])
    committer.close()
    assert raised.value.reason == "CheckpointTooOld"
    assert read_committed(topic) == []


def test_closing_a_writer_lets_readers_go_on(
    kafka: KafkaServer, make_topic: Topics, read_committed: Read, prefix: str
) -> None:
    topic = make_topic(1)
    sink = exactly_once_sink(kafka.bootstrap, topic, prefix)
    committer = sink.create_committer()
    assert committer is not None
    writer = sink.create_writer()
    writer.open(sink_context(0, 1), [], None)
    for checkpoint in range(1, 6):
        writer.write(Batch(values(0, checkpoint, 1)))
        committer.commit(writer.prepare_commit(checkpoint))
    assert writer.prepare_commit(6) == []
    writer.write(Batch(["never committed"]))
    writer.close()
    committer.close()
    client = CoordinatorClient({"bootstrap.servers": kafka.bootstrap})
    assert client.list_ongoing(prefix) == []
    client.close()
    assert read_committed(topic) == values(0, 1, 5)
    used = writer.snapshot()[0]["transactional_ids"]
    assert len(used) <= 3, f"ids are taken again: {used}"
