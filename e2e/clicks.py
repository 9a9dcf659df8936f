"""The input of the end-to-end tests, its way into Kafka, and the exact output that it must lead to.

The program under test counts clicks per user and emits every new count. Counted exactly once, a user with n clicks has
the counts 1 to n in the output, each once: a lost record leaves a gap at the end, a doubled one a count too many, and
state that went back without its output shows the same count twice.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from e2e.waiting import Deadline


def click_lines(limit: int) -> list[str]:
    """Return JSON lines of clicks: real ones where the machine has them, else generated ones of their shape."""
    folder = os.environ.get("PENSTOCK_TEST_DATA")
    if folder and (Path(folder) / "clicks.jsonl").exists():
        return (Path(folder) / "clicks.jsonl").read_text().splitlines()[:limit]
    chance = random.Random(42)
    start = 1_431_857_103_000
    return [
        json.dumps(
            {
                "ts": start + index * 1000 + chance.randint(-30_000, 30_000),
                "user": f"u{int(chance.paretovariate(0.6)) % 1800:04d}",
                "page": f"/page/{chance.randint(1, 300)}",
                "status": 200,
            }
        )
        for index in range(limit)
    ]


def expected_counts(lines: Iterable[str]) -> Counter[tuple[str, int]]:
    """Return the output as a plain batch pass over the input finds it: every (user, count), once."""
    seen: Counter[str] = Counter()
    output: Counter[tuple[str, int]] = Counter()
    for line in lines:
        user = json.loads(line)["user"]
        seen[user] += 1
        output[user, seen[user]] += 1
    return output


@dataclass(frozen=True, slots=True)
class Count:
    """One record of the output: a user's new count, and the version of the program that emitted it."""

    user: str
    count: int
    version: str
    at: float = 0.0
    """When it was written, in seconds since the epoch."""


class Topics:
    """A test's own input and output topic."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap = bootstrap
        self.input = f"{name}-clicks"
        self.output = f"{name}-counts"
        admin = AdminClient({"bootstrap.servers": bootstrap})
        # The sink passes the clicks' own times on: the broker's clock says when a count was written.
        written = {"message.timestamp.type": "LogAppendTime"}
        topics = [
            NewTopic(self.input, num_partitions=4),
            NewTopic(self.output, num_partitions=2, config=written),
        ]
        for future in admin.create_topics(topics).values():
            future.result(30)

    def send(self, lines: Sequence[str], per_second: float = 0, hurry: threading.Event | None = None) -> None:
        """Write lines to the input, all at once or at a steady rate, which ends with the event."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "enable.idempotence": True, "linger.ms": 5}
        )
        started = time.monotonic()
        hurry = hurry or threading.Event()
        for index, line in enumerate(lines):
            producer.produce(self.input, line.encode())
            if per_second and index % 10 == 0:
                hurry.wait(max(0.0, started + index / per_second - time.monotonic()))
            if index % 10 == 0:
                producer.poll(0)
        left = producer.flush(60)
        if left:
            raise RuntimeError(f"{left} clicks could not be sent to {self.input}")

    def flow(self, lines: Sequence[str], per_second: float) -> Flow:
        """Write lines at a steady rate in the background."""
        return Flow(self, lines, per_second)

    def committed(self) -> list[Count]:
        """Return the whole output that a read_committed consumer sees now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "penstock-e2e-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )
        try:
            partitions = consumer.list_topics(self.output, timeout=20).topics[self.output].partitions
            consumer.assign([TopicPartition(self.output, number, 0) for number in partitions])
            return _read_to_end(consumer, len(partitions))
        finally:
            consumer.close()

    def wait_exact(self, lines: Sequence[str], seconds: float = 120) -> list[Count]:
        """Wait until the output is exactly what the lines lead to; fails at once when it can no longer be."""
        expected = expected_counts(lines)
        deadline = Deadline(seconds)
        while True:
            found = self.committed()
            counts = Counter((count.user, count.count) for count in found)
            too_many = counts - expected
            assert not too_many, f"counted more than once, or never sent: {too_many.most_common(5)}"
            if counts == expected:
                return found
            missing = expected - counts
            assert not deadline.is_over(), (
                f"after {seconds:.0f} s {missing.total()} of {expected.total()} counts are missing, such as"
                f" {missing.most_common(3)}"
            )
            time.sleep(0.5)

    def wait_some(self, number: int, seconds: float = 150, version: str | None = None) -> None:
        """Wait until the output has so many records (of one version of the program)."""
        deadline = Deadline(seconds)
        while True:
            found = [count for count in self.committed() if version in (None, count.version)]
            if len(found) >= number:
                return
            assert not deadline.is_over(), f"after {seconds:.0f} s only {len(found)} counts of {number}"
            time.sleep(0.3)


class Flow:
    """Lines being sent in the background, at a steady rate until `finish`."""

    def __init__(self, topics: Topics, lines: Sequence[str], per_second: float) -> None:
        self._errors: list[BaseException] = []
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(topics, lines, per_second))
        self._thread.start()

    def finish(self, seconds: float = 120) -> None:
        """Send what is left at once, and wait until it is."""
        self._hurry.set()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the clicks were not all sent within {seconds:.0f} s"
        if self._errors:
            raise self._errors[0]

    def _send(self, topics: Topics, lines: Sequence[str], per_second: float) -> None:
        try:
            topics.send(lines, per_second, self._hurry)
        except BaseException as error:  # noqa: BLE001 - raised again in finish(), in the test's own thread
            self._errors.append(error)


def _read_to_end(consumer: Consumer, partitions: int) -> list[Count]:
    found: list[Count] = []
    at_end: set[int] = set()
    deadline = time.monotonic() + 30
    while len(at_end) < partitions and time.monotonic() < deadline:
        for message in consumer.consume(1000, timeout=0.2):
            error = message.error()
            if error is not None:
                at_end.add(message.partition() or 0)
                continue
            user, count, version = (message.value() or b"").decode().split(",")
            found.append(Count(user, int(count), version, message.timestamp()[1] / 1000))
    return found
