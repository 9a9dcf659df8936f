"""A Kafka broker (KRaft, one node). Used by integration and end-to-end tests.

Data lives as long as the object: `restart` and `kill` + `start` keep topics, offsets and open transactions.
"""

import shutil
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.servers.install import exclusive, java, maven_jars, run
from tests.servers.process import ServerProcess, free_port
from tests.servers.server import LocalServer

VERSION = "4.3.1"
MAX_TRANSACTION_TIMEOUT_MS = 900_000
_JAVA = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
_PROPERTIES = f"""\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
num.partitions=1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.max.timeout.ms={MAX_TRANSACTION_TIMEOUT_MS}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=4194304
log.segment.bytes=16777216
log.retention.ms=-1
"""


class KafkaServer(LocalServer):
    """One broker. `extra_listener` is a second address (a bridge of the run) that it serves and advertises too."""

    name = "kafka"

    def __init__(
        self,
        host: str = "127.0.0.1",
        extra_listener: str | None = None,
        overrides: dict[str, str] | None = None,
    ) -> None:
        super().__init__(host)
        self._controller = free_port(host)
        self._extra = (extra_listener, free_port(extra_listener)) if extra_listener else None
        self._overrides = overrides or {}

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{self._host}:{self._port}"

    @property
    def extra_bootstrap(self) -> str:
        """`host:port` of the second listener."""
        assert self._extra, "this broker was made without an extra listener"
        return f"{self._extra[0]}:{self._extra[1]}"

    def launch(self) -> ServerProcess:
        """Format the data folder on the first start, and start the broker."""
        distribution = maven_jars(
            "kafka", [f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36"]
        )
        properties = self._folder / "server.properties"
        properties.write_text(self._properties())
        self._format(distribution, properties)
        archive = distribution / "kafka.jsa"
        share = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        return ServerProcess(
            self.name,
            [
                java(),
                *_JAVA,
                *share,
                *_logging("warn"),
                "-cp",
                f"{distribution}/lib/*",
                "kafka.Kafka",
                str(properties),
            ],
            self._folder,
        )

    def _properties(self) -> str:
        listeners = [f"PLAINTEXT://{self.bootstrap}"]
        protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        if self._extra:
            listeners.append(f"EXTRA://{self.extra_bootstrap}")
            protocols += ",EXTRA:PLAINTEXT"
        controller = f"{self._host}:{self._controller}"
        lines = {
            "listeners": f"{','.join(listeners)},CONTROLLER://{controller}",
            "advertised.listeners": ",".join(listeners),
            "controller.quorum.voters": f"1@{controller}",
            "listener.security.protocol.map": protocols,
            "log.dirs": str(self._folder / "data"),
            **self._overrides,
        }
        return _PROPERTIES + "".join(f"{key}={value}\n" for key, value in lines.items())

    def _format(self, distribution: Path, properties: Path) -> None:
        data = self._folder / "data"
        if data.exists():
            return
        template = distribution / "data-template"
        if not template.exists():
            with exclusive("kafka-template"):
                if not template.exists():
                    self._make_template(distribution, properties)
        shutil.copytree(template, data)

    def _make_template(self, distribution: Path, properties: Path) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(properties)]
        class_path = f"{distribution}/lib/*"
        run([java(), *_JAVA, *_logging("error"), "-cp", class_path, *tool])
        data = self._folder / "data"
        partial = distribution / "data-template.part"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(data, partial)
        partial.rename(distribution / "data-template")
        shutil.rmtree(data)

    def answers(self) -> bool:
        """Whether it tells clients of its broker."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def _logging(level: str) -> list[str]:
    return [f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}"]
