"""What a test session runs against: the cluster, Kafka, S3, ZooKeeper, and the chart's release.

Written by `e2e.run` before pytest starts, read by the fixtures in every worker.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from e2e.cluster.layout import STATE

FILE = STATE / "environment.json"
OPERATOR_NAMESPACE = "penstock-system"
RELEASE = "penstock"


@dataclass(frozen=True, slots=True)
class Environment:
    """Addresses and credentials of one session's servers."""

    helm: str
    kafka: str
    """`host:port` for the tests, on loopback."""
    kafka_for_pods: str
    """`host:port` for pods, on the bridge."""
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    zookeeper: str

    def save(self) -> None:
        """Write it where the workers find it."""
        FILE.write_text(json.dumps(asdict(self)))

    @property
    def s3_configuration(self) -> dict[str, str]:
        """Flink's configuration keys that reach the S3 server."""
        return {
            "s3.endpoint": self.s3_endpoint,
            "s3.path.style.access": "true",
            "s3.access-key": self.s3_access_key,
            "s3.secret-key": self.s3_secret_key,
        }


def load(file: Path = FILE) -> Environment:
    """Read it, or say how to make one."""
    if not file.exists():
        raise RuntimeError("no cluster of these tests is up: run them with `python -m e2e.run`")
    return Environment(**json.loads(file.read_text()))
