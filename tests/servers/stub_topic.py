"""A topic that a stub job reads: one file holds how many records there are, for a test and an operator's process alike.

Given to a job with its load (`stub_load.py`). The job tells of it over REST and in its snapshots, as a Kafka source does; an
operator of `tests/operator_kubernetes/operator_process.py` looks into the file where others ask Kafka.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penstock_api.rest.source import KAFKA, JobSources, KafkaPlace, SourceDescription
from penstock_operator.model.kafka import Partition

_NAME = "clicks"


class StubTopic:
    """One topic of one partition. A job has read all that was there when it was snapshotted."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._written = 0
        self.write(1)

    def write(self, count: int) -> None:
        """So many records more; whoever looks finds the old number or the new one."""
        self._written += count
        beside = self.file.with_suffix(".new")
        beside.write_text(str(self._written))
        os.replace(beside, self.file)

    @property
    def _place(self) -> KafkaPlace:
        return KafkaPlace(bootstrap_servers="brokers:9092", topics=[_NAME])

    def sources(self, vertex_id: str) -> str:
        """GET /penstock/jobs/:id/sources."""
        described = SourceDescription(
            vertex_id=vertex_id,
            operator_id=vertex_id,
            uid="counter",
            name=_NAME,
            connector=KAFKA,
            place=self._place.model_dump(mode="json"),
        )
        return JobSources(sources=[described]).to_json().decode()

    def enumerator(self) -> dict[str, Any]:
        """What a snapshot says of the source: where it reads, and that it has read all that is there."""
        split = {"topic": _NAME, "partition": 0, "position": self._written}
        return {"source": self._place.model_dump(mode="json"), "pending": [split]}


class StubBrokers:
    """What an operator asks of a cluster, answered from the topic's file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        """One of each."""
        return [(name, 0) for name in topics]

    def ends(self, of: Iterable[Partition], *, committed_only: bool) -> dict[Partition, int]:
        """How many records there are."""
        return dict.fromkeys(of, int(self._file.read_text()))

    def beginnings(self, of: Iterable[Partition]) -> dict[Partition, int]:
        """None was ever deleted."""
        return dict.fromkeys(of, 0)

    def committed(self, group: str) -> dict[Partition, int]:
        """No group has committed anything."""
        return {}
