"""The servers of this suite keep their promises: they answer, survive a restart with their data, and listen on one address."""

import uuid
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from kazoo.client import KazooClient

from tests.servers import KafkaServer, PostgresServer, S3Server, ZooKeeperServer

pytestmark = pytest.mark.integration


def listening_addresses(pid: int) -> set[str]:
    """Local addresses of a process's listening TCP sockets, as the kernel writes them."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].split(":")[0])
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


def test_zookeeper_keeps_nodes_over_a_restart(zookeeper: ZooKeeperServer) -> None:
    client = KazooClient(zookeeper.endpoint, timeout=5)
    client.start(20)
    path = f"/test/{uuid.uuid4().hex}"
    client.create(path, b"value", makepath=True)
    zookeeper.restart()
    assert client.retry(client.get, path)[0] == b"value"
    client.stop()
    client.close()
    assert listening_addresses(zookeeper.pid) <= LOOPBACK


def test_postgres_restarts(postgres: PostgresServer) -> None:
    postgres.restart()
    postgres.kill()
    postgres.start()
    assert postgres.dsn.startswith("postgresql://postgres@127.0.0.1:")


def test_kafka_and_s3_listen_on_loopback_only(kafka: KafkaServer, s3: S3Server) -> None:
    assert listening_addresses(kafka.pid)
    assert listening_addresses(kafka.pid) <= LOOPBACK
    assert listening_addresses(s3.pid) <= LOOPBACK


def test_a_broker_serves_a_second_address() -> None:
    with KafkaServer(extra_listener="127.0.0.2") as server:
        for bootstrap in (server.bootstrap, server.extra_bootstrap):
            admin = AdminClient({"bootstrap.servers": bootstrap})
            host = admin.list_topics(timeout=10).brokers[1].host
            assert bootstrap.split(":")[0] == host
