"""How many records wait in Kafka for a job, read beside the loop: asked for in one turn, answered in a later one.

Called by `reconcile/scale_to_zero.py` from the loop's threads; never blocks them. A read runs in a thread of a small pool,
each call of it under a deadline; clusters are shared by all jobs that reach them with the same login, a cluster that does
not answer holds two threads at most, and a client that nobody used for a while is closed.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from penstock_operator.model.facts import Ref
from penstock_operator.model.kafka import KafkaSource, LagAnswer, Partition, SourceLag
from penstock_operator.observe.kafka_cluster import Cluster, ClusterSilent, Connect, KafkaCluster
from penstock_operator.observe.kafka_login import LoginNotPossible, client_properties

THREADS = 16
"""Reads at a time, over all jobs."""
OF_ONE_CLUSTER = 2
"""Reads at a time of one cluster, for one that is silent must not hold the others up."""
IDLE_SECONDS = 120.0
"""How long a client is kept that nobody uses."""
DEADLINE_SECONDS = 10.0
"""Of each call to a cluster."""

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the sources, and what of Secrets may be used to reach their clusters."""

    sources: tuple[KafkaSource, ...]
    secrets: tuple[Mapping[str, str], ...] = field(default=(), repr=False)


@dataclass(slots=True)
class _Held:
    """A client, and who uses it."""

    cluster: Cluster
    used: float
    readers: int = 0


@dataclass(slots=True)
class _Asked:
    """A job's newest answer, and whether the next is on its way."""

    answer: LagAnswer | None = None
    is_read: bool = False


class LagReader:
    """Reads lags beside the loop, for all jobs of one operator."""

    def __init__(self, connect: Connect = KafkaCluster, now: Callable[[], float] = time.time) -> None:
        self._connect, self._now = connect, now
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._asked: dict[Ref, _Asked] = {}
        self._clients: dict[Key, _Held] = {}

    def ask(self, ref: Ref, question: Question) -> None:
        """Begin to read, unless a read for this job is under way already."""
        with self._lock:
            asked = self._asked.setdefault(ref, _Asked())
            if asked.is_read:
                return
            asked.is_read = True
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="kafka-lag")
            self._pool.submit(self._read, asked, question, self._now())

    def answer(self, ref: Ref) -> LagAnswer | None:
        """The newest; None while there is none."""
        with self._lock:
            found = self._asked.get(ref)
            return found.answer if found is not None else None

    def is_reading(self, ref: Ref) -> bool:
        """Whether an answer is on its way."""
        with self._lock:
            return ref in self._asked and self._asked[ref].is_read

    def forget(self, ref: Ref) -> None:
        """Nobody wants to know of this job any more."""
        with self._lock:
            self._asked.pop(ref, None)
        self.tidy()

    def tidy(self) -> None:
        """Close clients that nobody has used for a while; all where no job is asked for any more."""
        with self._lock:
            limit = self._now() - IDLE_SECONDS if self._asked else float("inf")
            idle = [key for key, held in self._clients.items() if not held.readers and held.used < limit]
            closed = [self._clients.pop(key) for key in idle]
        del closed  # outside of the lock: librdkafka joins its threads where the last reference goes

    def clients(self) -> int:
        """How many clusters are connected."""
        return len(self._clients)

    def close(self) -> None:
        """Wait for what is being read, and close every client."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._asked.clear()
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self.tidy()

    def _read(self, asked: _Asked, question: Question, at: float) -> None:
        answer = LagAnswer(at, problem="the read was given up")
        try:
            found = tuple(self._of_source(source, question.secrets) for source in question.sources)
            answer = LagAnswer(at, found)
        except (ClusterSilent, LoginNotPossible) as error:
            answer = LagAnswer(at, problem=str(error))
        except Exception as error:  # noqa: BLE001 - a thread of the pool has nobody to raise to; the reason is the answer
            answer = LagAnswer(at, problem=f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                asked.answer, asked.is_read = answer, False

    def _of_source(self, source: KafkaSource, secrets: Iterable[Mapping[str, str]]) -> SourceLag:
        properties = client_properties(source.place, secrets)
        key = tuple(sorted(properties.items()))
        held = self._enter(key, properties)
        try:
            return lag_of(source, held.cluster)
        finally:
            with self._lock:
                held.readers -= 1
                held.used = self._now()

    def _enter(self, key: Key, properties: Mapping[str, str]) -> _Held:
        """The client of this cluster; made outside of the lock, for looking up its name may take long."""
        with self._lock:
            if key in self._clients:
                return self._read_by_one_more(key, properties)
        made = _Held(self._connect(properties, DEADLINE_SECONDS), self._now())
        with self._lock:
            self._clients.setdefault(
                key, made
            )  # another thread may have made one meanwhile: its readers count too
            return self._read_by_one_more(key, properties)

    def _read_by_one_more(self, key: Key, properties: Mapping[str, str]) -> _Held:
        """The client, counted as read; ClusterSilent where enough others wait for it. The lock is held."""
        held = self._clients[key]
        if held.readers >= OF_ONE_CLUSTER:
            raise ClusterSilent(
                f"{properties['bootstrap.servers']}: answers slowly, others are waiting for it"
            )
        held.readers += 1
        return held


def lag_of(source: KafkaSource, cluster: Cluster) -> SourceLag:
    """What waits for a source: ends less positions, of its checkpoint or else of its group; from the beginning where neither knows."""
    place = source.place
    positions = dict(source.positions)
    if not positions and place.group_id:
        positions = cluster.committed(place.group_id)
    wanted = _partitions(source, positions, cluster)
    known = {one: positions[one] for one in wanted if one in positions}
    if not known:
        where = (
            f"the group {place.group_id!r} has committed nothing" if place.group_id else "it has no group.id"
        )
        raise ClusterSilent(
            f"the source {source.name!r} tells no position: {where}, and there is no checkpoint of it"
        )
    unread = [one for one in wanted if one not in known]
    ends = cluster.ends(wanted, committed_only=place.isolation_level == "read_committed")
    starts = known | (cluster.beginnings(unread) if unread else {})
    waits = sum(max(0, ends[one] - starts[one]) for one in wanted)
    return SourceLag(source.id, source.name, waits, len(wanted))


def _partitions(source: KafkaSource, positions: Mapping[Partition, int], cluster: Cluster) -> list[Partition]:
    """Those that it reads. A pattern of topics is never evaluated here: what it matched has positions."""
    if source.place.partitions:
        return list(source.place.partitions)
    if source.place.topic_pattern is not None:
        return sorted(positions)
    return cluster.partitions(source.place.topics)
