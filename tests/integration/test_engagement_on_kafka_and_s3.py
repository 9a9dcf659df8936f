"""The engagement example, Kafka to Kafka with checkpoints on S3, as processes that are killed, stopped and resumed."""

import json
import os
import random
import signal
import uuid
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tests.integration.conftest import read_partitions
from tests.integration.test_kafka_jobs import slots_of
from tests.launch.cluster_processes import JOB_ID, Cluster, cluster
from tests.servers import KafkaServer, S3Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
PROGRAM = Path(__file__).parents[2] / "examples" / "engagement" / "engagement.py"
WINDOW_MS = 5_000
SECOND_JOB = "f" * 32

Metrics = Counter[tuple[int, str, str, int]]


def clicks(count: int, start_ms: int) -> list[dict[str, object]]:
    """Clicks 20 ms apart whose times are up to two seconds out of order."""
    choose = random.Random(start_ms)
    return [
        {
            "ts": start_ms + number * 20 - choose.randrange(2000),
            "user": f"user{choose.randrange(5)}",
            "page": f"page{choose.randrange(7)}",
        }
        for number in range(count)
    ]


def expected_metrics(given: list[dict[str, object]]) -> Metrics:
    """A plain pass over the same clicks."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for click in given:
        window = int(str(click["ts"])) // WINDOW_MS * WINDOW_MS
        counts[window, "page", str(click["page"])] += 1
        counts[window, "user", str(click["user"])] += 1
    return Counter({(*key, count): 1 for key, count in counts.items()})


def written_metrics(kafka: KafkaServer) -> Metrics:
    """What a reader of committed records sees."""
    lines = [json.loads(value) for value in read_partitions(kafka.bootstrap, "user-metrics")[0]]
    return Counter((line["window"], line["kind"], line["key"], line["count"]) for line in lines)


def send(kafka: KafkaServer, given: list[dict[str, object]]) -> None:
    """Write clicks to the one partition, in order."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True})
    for click in given:
        producer.produce("website-clicks", json.dumps(click))
    assert producer.flush(30) == 0


def start(running: Cluster, kafka: KafkaServer, *arguments: str, job_id: str = JOB_ID) -> None:
    """Start the JobManager with the example."""
    program = ["--", "--bootstrap-servers", kafka.bootstrap]
    running.start_jobmanager(PROGRAM, *arguments, *program, job_id=job_id)


def wait_written(running: Cluster, kafka: KafkaServer, count: int) -> None:
    """Wait until that many metrics are committed."""
    running.wait_for(f"{count} metrics", lambda: sum(written_metrics(kafka).values()) >= count, 90)


def test_engagement_counts_every_click_once(kafka: KafkaServer, s3: S3Server, tmp_path: Path) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics(
        [NewTopic("website-clicks", 1, 1), NewTopic("user-metrics", 1, 1)]
    ).values():
        made.result(30)
    bucket = s3.make_bucket(f"checkpoints-{uuid.uuid4().hex[:8]}")
    begin = 1_700_000_000_000
    parts = [clicks(3000, begin + part * 60_000) for part in range(5)]
    total = expected_metrics([click for part in parts for click in part])
    with cluster(tmp_path, slots=2) as running:
        running.settings |= s3.configuration | {
            "state.checkpoints.dir": f"{bucket}/checkpoints",
            "state.savepoints.dir": f"{bucket}/savepoints",
        }
        send(kafka, parts[0])
        start(running, kafka)
        running.start("taskmanager", "--resource-id", "tm")
        running.wait_status("RUNNING")
        wait_written(running, kafka, 60)

        send(kafka, parts[1])
        os.kill(slots_of(running.processes["taskmanager"].pid)[0], signal.SIGKILL)
        wait_written(running, kafka, 180)

        send(kafka, parts[2])
        running.kill("taskmanager")
        running.start("taskmanager", "--resource-id", "tm")
        wait_written(running, kafka, 300)

        send(kafka, parts[3])
        running.kill("jobmanager")
        start(running, kafka)
        wait_written(running, kafka, 440)

        running.wait_status("RUNNING")
        trigger = running.post(f"/jobs/{JOB_ID}/stop", {"drain": False})["request-id"]
        path = f"/jobs/{JOB_ID}/savepoints/{trigger}"
        running.wait_for("stopped", lambda: running.get(path)["status"]["id"] == "COMPLETED")
        location = running.get(path)["operation"]["location"]
        running.wait_status("FINISHED")
        running.end("jobmanager")

        last = {"ts": begin + 5 * 60_000 + 3_600_000, "user": "clock", "page": "clock"}
        send(kafka, [*parts[4], last])
        running.settings["parallelism.default"] = "2"
        start(running, kafka, "--from-savepoint", location, job_id=SECOND_JOB)
        wait_written(running, kafka, sum(total.values()))
        running.wait_status("RUNNING", SECOND_JOB)
        assert running.patch(f"/jobs/{SECOND_JOB}") == 202
        running.wait_status("CANCELED", SECOND_JOB)
    assert written_metrics(kafka) == total
