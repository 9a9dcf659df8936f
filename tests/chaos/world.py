"""The processes of a run under chaos and what can be done to them: JobManagers and TaskManagers, ZooKeeper, a broker and an S3 server.

The broker and the S3 server are behind proxies. It does what Kubernetes and the operator would: a JobManager or
TaskManager that ended is started again, a stopped job is resumed from its savepoint under a new id. Nothing is signalled
that the run did not start.
"""

import contextlib
import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.chaos.faults import Fault, FaultKind
from tests.chaos.members import JOBMANAGERS, TASKMANAGERS, Members
from tests.chaos.proxy import Mood, Proxy
from tests.integration.test_kafka_jobs import slots_of
from tests.servers import KafkaServer, S3Server, ZooKeeperServer
from tests.servers.process import free_port
from tests.servers.server import LocalServer

PROGRAM = Path(__file__).parent / "program.py"
SOURCE, TARGET = "chaos-in", "chaos-out"
PARTITIONS, TARGET_PARTITIONS = 3, 2
SLOTS = 2
PROGRESS_SECONDS = 150
_STOPPED = "FINISHED"
_LOST = ("FAILED", "CANCELED")
_UNALIGNED = "execution.checkpointing.unaligned.enabled"
_TIMEOUT = "execution.checkpointing.aligned-checkpoint-timeout"
_ALIGNMENT = (
    {_UNALIGNED: "true", _TIMEOUT: "0 ms"},
    {_UNALIGNED: "false", _TIMEOUT: "0 ms"},
    {_UNALIGNED: "true", _TIMEOUT: "100 ms"},
)
"""Kinds of checkpoints: barriers overtake records, wait for them, or overtake after a while."""


class NoProgress(AssertionError):
    """The job did not come back within its deadline."""


class World:
    """A running job with everything around it."""

    def __init__(self, folder: Path, servers: "Servers", members: Members, seed: int) -> None:
        self.kafka, self.s3, self._zookeeper = servers.kafka, servers.s3, servers.zookeeper
        self._kafka_proxy, self._s3_proxy = servers.kafka_proxy, servers.s3_proxy
        self._members = members
        self._job_id = uuid.uuid4().hex
        self._savepoint: str | None = None
        self._paused: list[int] = []
        self.bucket = f"chaos-{uuid.uuid4().hex[:8]}"
        base = self.s3.make_bucket(self.bucket)
        self.local_files = folder / "files"
        members.configure(self._settings(base, servers) | _ALIGNMENT[seed % len(_ALIGNMENT)])

    def _settings(self, base: str, servers: "Servers") -> dict[str, str]:
        return servers.s3.configuration | {
            "s3.endpoint": f"http://127.0.0.1:{self._s3_proxy.port}",
            "high-availability.type": "zookeeper",
            "high-availability.zookeeper.quorum": servers.zookeeper.endpoint,
            "high-availability.zookeeper.client.session-timeout": "4 s",
            "high-availability.storageDir": f"{base}/ha",
            "state.checkpoints.dir": f"{base}/checkpoints",
            "state.savepoints.dir": f"{base}/savepoints",
            "execution.checkpointing.interval": "500 ms",
            "execution.checkpointing.timeout": "30 s",
            "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "1000000",
            "restart-strategy.fixed-delay.delay": "200 ms",
            "heartbeat.timeout": "5 s",
            "parallelism.default": "2",
        }

    @property
    def bootstrap(self) -> str:
        """Kafka through its proxy."""
        return f"127.0.0.1:{self._kafka_proxy.port}"

    def start(self) -> None:
        """Topics, TaskManagers and the job."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        # Records carry their event time, which is long ago: a broker must not take them for old ones.
        kept = {"retention.ms": "-1"}
        topics = [
            NewTopic(SOURCE, PARTITIONS, 1, config=kept),
            NewTopic(TARGET, TARGET_PARTITIONS, 1, config=kept),
        ]
        for made in admin.create_topics(topics).values():
            made.result(60)
        self._start_jobmanagers()
        for name in TASKMANAGERS:
            self._start_taskmanager(name)
        self.await_progress()

    def bring(self, fault: Fault) -> None:
        """Make it happen and, where it lasts, last; afterwards everything may run again."""
        _ACTS[fault.kind](self, fault)
        self._tend()

    def await_progress(self, checkpoints: int = 2) -> None:
        """Wait until the job has completed newer checkpoints than it has now; NoProgress after the deadline."""
        deadline = time.monotonic() + PROGRESS_SECONDS
        first = self._newest()
        while True:
            self._tend()
            now = self._newest()
            if first is None:
                first = now
            elif now is not None and now >= first + checkpoints:
                return
            if time.monotonic() > deadline:
                raise NoProgress(
                    f"no newer checkpoint than {first} within {PROGRESS_SECONDS} s, the job is {self._status()}\n"
                    + self._members.outputs()
                )
            time.sleep(0.1)

    def stop(self) -> str:
        """Stop the job with a savepoint, trying again what a fault spoiled; its path."""
        deadline = time.monotonic() + PROGRESS_SECONDS
        while True:
            self._tend()
            location = self._try_to_stop()
            if location:
                return location
            if time.monotonic() > deadline:
                raise NoProgress(f"the job cannot be stopped\n{self._members.outputs()}")
            time.sleep(0.2)

    def written(self) -> str:
        """How far the output topic is, and how much of it readers of committed records may see."""
        ends = []
        for isolation in ("read_committed", "read_uncommitted"):
            consumer = Consumer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "group.id": "look",
                    "isolation.level": isolation,
                    "log_level": 0,
                }
            )
            try:
                offsets = [
                    consumer.get_watermark_offsets(TopicPartition(TARGET, number), 30)
                    for number in range(TARGET_PARTITIONS)
                ]
                ends.append(sum(high for _, high in offsets))
            finally:
                consumer.close()
        return f"the output is committed up to {ends[0]} of {ends[1]} offsets"

    def outputs(self) -> str:
        """The ends of the logs."""
        return self._members.outputs()

    def make_well(self) -> None:
        """Take every fault away: servers up, proxies quiet, nothing paused."""
        self._kafka_proxy.mood = self._s3_proxy.mood = Mood.PASS
        for pid in self._paused:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._paused.clear()

    # What can be done to it.

    def kill_slot(self, fault: Fault) -> None:
        for pid in self._choose_slot(fault):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_taskmanager(self, fault: Fault) -> None:
        self._members.kill(TASKMANAGERS[fault.choice % len(TASKMANAGERS)])

    def kill_leader(self, fault: Fault) -> None:
        """The JobManager that stands by takes over."""
        self._members.kill(self._members.leader())

    def kill_standby(self, fault: Fault) -> None:
        self._members.kill(self._members.standby())

    def kill_jobmanagers(self, fault: Fault) -> None:
        """Both at once: whichever is back first leads."""
        for name in JOBMANAGERS:
            self._members.kill(name)

    def kill_kafka(self, fault: Fault) -> None:
        self._kill_server(self.kafka, fault.seconds)

    def kill_s3(self, fault: Fault) -> None:
        self._kill_server(self.s3, fault.seconds)

    def kill_zookeeper(self, fault: Fault) -> None:
        self._kill_server(self._zookeeper, fault.seconds)

    def pause_slot(self, fault: Fault) -> None:
        self._pause(self._choose_slot(fault), fault.seconds)

    def pause_taskmanager(self, fault: Fault) -> None:
        process = self._members.process(TASKMANAGERS[fault.choice % len(TASKMANAGERS)])
        self._pause([process.pid, *slots_of(process.pid)], fault.seconds)

    def pause_leader(self, fault: Fault) -> None:
        """Past its session's end it is followed by the other one, and must not complete anything when it wakes."""
        self._pause([self._members.process(self._members.leader()).pid], fault.seconds)

    def pause_kafka(self, fault: Fault) -> None:
        self._pause([self.kafka.pid], fault.seconds)

    def pause_s3(self, fault: Fault) -> None:
        self._pause([self.s3.pid], fault.seconds)

    def pause_zookeeper(self, fault: Fault) -> None:
        self._pause([self._zookeeper.pid], fault.seconds)

    def slow_kafka(self, fault: Fault) -> None:
        self._moody(self._kafka_proxy, Mood.SLOW, fault.seconds)

    def cut_kafka(self, fault: Fault) -> None:
        self._moody(self._kafka_proxy, Mood.CUT, fault.seconds)

    def slow_s3(self, fault: Fault) -> None:
        self._moody(self._s3_proxy, Mood.SLOW, fault.seconds)

    def cut_s3(self, fault: Fault) -> None:
        self._moody(self._s3_proxy, Mood.CUT, fault.seconds)

    def refuse_s3(self, fault: Fault) -> None:
        self._moody(self._s3_proxy, Mood.REFUSE, fault.seconds)

    def savepoint(self, fault: Fault) -> None:
        """Trigger one and do not wait for it: the next fault may meet it."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            self._members.post(f"/jobs/{self._job_id}/savepoints", {"cancel-job": False})

    def stop_and_resume(self, fault: Fault) -> None:
        """Stop with a savepoint; go on from it with another parallelism and kind of checkpoint under a new job id."""
        self._savepoint = self.stop()
        self._members.end_jobmanagers()
        self._job_id = uuid.uuid4().hex
        parallelism = {"parallelism.default": str(fault.choice % 3 + 1)}
        self._members.configure(parallelism | _ALIGNMENT[fault.choice // 3 % len(_ALIGNMENT)])
        self._start_jobmanagers()

    def rescale(self, fault: Fault) -> None:
        """Ask for another parallelism of every vertex, in place; it may be refused while nobody leads.

        Never more than there are partitions: a reader without one holds event time back, as in Flink.
        """
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            vertices = self._members.get(f"/jobs/{self._job_id}")["vertices"]
            bounds = {"parallelism": {"lowerBound": 1, "upperBound": fault.choice % PARTITIONS + 1}}
            path = f"/jobs/{self._job_id}/resource-requirements"
            self._members.put(path, {vertex["id"]: bounds for vertex in vertices})

    # The hands.

    def _start_jobmanagers(self) -> None:
        for name in JOBMANAGERS:
            self._start_jobmanager(name)

    def _start_jobmanager(self, name: str) -> None:
        restore = ["--from-savepoint", self._savepoint] if self._savepoint else []
        program = ["--bootstrap-servers", self.bootstrap, "--source", SOURCE, "--target", TARGET]
        files = ["--files", str(self.local_files), "--files", f"s3://{self.bucket}/files"]
        job = ["--job-id", self._job_id, "--program", str(PROGRAM)]
        self._members.start(name, *job, *restore, "--", *program, *files)

    def _start_taskmanager(self, name: str) -> None:
        self._members.start(name, "--resource-id", name)

    def _tend(self) -> None:
        for name in self._members.take_ended():
            if name in JOBMANAGERS:
                self._start_jobmanager(name)
            else:
                self._start_taskmanager(name)
        if (status := self._status()) in _LOST:
            raise NoProgress(f"the job is {status}\n{self._members.outputs()}")

    def _kill_server(self, server: LocalServer, seconds: float) -> None:
        server.kill()
        time.sleep(seconds)
        server.start()

    def _pause(self, pids: list[int], seconds: float) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._paused.append(pid)
        time.sleep(seconds)
        self.make_well()

    def _moody(self, proxy: Proxy, mood: Mood, seconds: float) -> None:
        proxy.mood = mood
        time.sleep(seconds)
        proxy.mood = Mood.PASS

    def _choose_slot(self, fault: Fault) -> list[int]:
        slots = [pid for name in TASKMANAGERS for pid in slots_of(self._members.process(name).pid)]
        return [random.Random(fault.choice).choice(sorted(slots))] if slots else []

    def _get(self, path: str) -> Any:
        try:
            return self._members.get(path)
        except (httpx.HTTPError, ValueError):
            return {}

    def _status(self) -> str:
        return str(self._get(f"/jobs/{self._job_id}/status").get("status", "not known"))

    def _newest(self) -> int | None:
        latest = self._get(f"/jobs/{self._job_id}/checkpoints").get("latest") or {}
        completed = latest.get("completed")
        return int(completed["id"]) if completed else None

    def _try_to_stop(self) -> str | None:
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            trigger = self._members.post(f"/jobs/{self._job_id}/stop", {"drain": False})["request-id"]
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                self._tend()
                found = self._members.get(f"/jobs/{self._job_id}/savepoints/{trigger}")
                if found["status"]["id"] == "COMPLETED":
                    location = found["operation"].get("location")
                    return str(location) if location and self._is_stopped() else None
                time.sleep(0.1)
        return None

    def _is_stopped(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self._status() == _STOPPED:
                return True
            time.sleep(0.05)
        return False


_ACTS: dict[FaultKind, Callable[[World, Fault], None]] = {
    kind: getattr(World, kind.value.replace("-", "_")) for kind in FaultKind
}


@dataclass(frozen=True, slots=True)
class Servers:
    """What the job uses, and the proxies before them."""

    kafka: KafkaServer
    s3: S3Server
    zookeeper: ZooKeeperServer
    kafka_proxy: Proxy
    s3_proxy: Proxy


@contextmanager
def world(folder: Path, seed: int) -> Iterator[World]:
    """Everything started; everything ended at the end."""
    kafka_port, s3_port = free_port(), free_port()
    with ExitStack() as stack:
        kafka = KafkaServer(
            overrides={
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{kafka_port}",
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            }
        )
        s3 = stack.enter_context(S3Server())
        zookeeper = stack.enter_context(ZooKeeperServer())
        target = int(kafka.bootstrap.rpartition(":")[2])
        kafka_proxy = stack.enter_context(Proxy(kafka_port, target, seed))
        s3_proxy = stack.enter_context(Proxy(s3_port, int(s3.endpoint.rpartition(":")[2]), seed + 1))
        stack.enter_context(kafka)
        members = Members(folder, stack, SLOTS)
        servers = Servers(kafka, s3, zookeeper, kafka_proxy, s3_proxy)
        made = World(folder, servers, members, seed)
        stack.callback(made.make_well)
        yield made
