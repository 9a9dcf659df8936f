"""Records for the job under chaos, written at a steady rate whatever happens to the broker, and what must come of them."""

import json
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.program import DISORDER_MS, WINDOW_MS

START_MS = 1_700_000_000_000
KEYS = 23
CLOCK_KEY = "clock"


@dataclass
class Answer:
    """What a plain pass over the records says: per key and window (count, sum), and per key the numbers of its records."""

    windows: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class Load:
    """A producer in a thread. Each partition's event times never go back by more than the job allows."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, rate: int, seed: int) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "linger.ms": 20,
                "log_level": 0,
            }
        )
        self._topic, self._partitions, self._rate = topic, partitions, rate
        self._choose = random.Random(seed)
        self._records: list[tuple[str, int, int]] = []
        self._failed: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(30)

    @property
    def sent(self) -> int:
        """How many records were given to the producer."""
        return len(self._records)

    def finish(self) -> Answer:
        """Stop, let the clock run far ahead on every partition so that all windows fire, and say what must come out."""
        self._end.set()
        self._thread.join(30)
        last_ms = self._event_ms(len(self._records)) + 1000 * WINDOW_MS
        for partition in range(self._partitions):
            self._send(CLOCK_KEY, last_ms, partition)
        left = self._producer.flush(120)
        if left or self._failed:
            raise AssertionError(f"{left} records were not delivered, and these failed: {self._failed[:5]}")
        return self._answer()

    def _run(self) -> None:
        begin = time.monotonic()
        while not self._end.is_set():
            due = int((time.monotonic() - begin) * self._rate)
            while len(self._records) < due and not self._end.is_set():
                number = len(self._records)
                event_ms = self._event_ms(number) - self._choose.randrange(DISORDER_MS)
                self._send(f"key{self._choose.randrange(KEYS)}", event_ms, number % self._partitions)
            self._producer.poll(0.02)

    def _event_ms(self, number: int) -> int:
        return START_MS + number * 1000 // self._rate

    def _send(self, key: str, event_ms: int, partition: int) -> None:
        number = len(self._records)
        value = json.dumps({"n": number, "key": key, "ts": event_ms})
        while True:
            try:
                self._producer.produce(self._topic, value, partition=partition, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._records.append((key, number, event_ms))

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))

    def _answer(self) -> Answer:
        totals: dict[tuple[str, int], tuple[int, int]] = {}
        answer = Answer()
        for key, number, event_ms in self._records:
            answer.numbers[key].append(number)
            if key != CLOCK_KEY:
                window = event_ms // WINDOW_MS * WINDOW_MS
                count, total = totals.get((key, window), (0, 0))
                totals[key, window] = (count + 1, total + number)
        answer.windows.update(
            f"{key},{window},{count},{total}" for (key, window), (count, total) in totals.items()
        )
        return answer
