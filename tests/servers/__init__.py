"""Real servers for tests: Kafka, S3, ZooKeeper, PostgreSQL, as processes of this machine, each a context manager.

Used by tests/integration and by the end-to-end harness, and by hand: `python -m tests.servers up kafka s3`.
What a server needs is installed on first use under `~/.cache/penstock`. Each binds one address, 127.0.0.1
unless told otherwise, on ports that were free, and is stopped by its own process id only.
"""

from tests.servers.kafka import KafkaServer
from tests.servers.postgres import PostgresServer
from tests.servers.s3 import S3Server
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["KafkaServer", "PostgresServer", "S3Server", "ZooKeeperServer"]
