"""A ZooKeeper server. Used by integration and end-to-end tests of high availability."""

import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.install import java, maven_jars
from tests.servers.process import ServerProcess, free_port

_JARS = [
    "org.apache.zookeeper:zookeeper:3.9.5",
    # Provided scope upstream, but the server does not start without them.
    "io.dropwizard.metrics:metrics-core:4.1.12.1",
    "org.xerial.snappy:snappy-java:1.1.10.5",
]


class ZooKeeperServer:
    """One standalone server; data lives as long as the object."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="penstock-zookeeper-"))
        self._host = host
        self._port = free_port(host)
        self._process: ServerProcess | None = None

    @property
    def endpoint(self) -> str:
        """`host:port` for clients."""
        return f"{self._host}:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process, "ZooKeeper is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until it says `imok`."""
        lib = maven_jars("zookeeper", _JARS) / "lib"
        configuration = self._folder / "zoo.cfg"
        configuration.write_text(
            f"tickTime=500\ndataDir={self._folder / 'data'}\nclientPortAddress={self._host}\n"
            f"clientPort={self._port}\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n"
            "minSessionTimeout=1000\nmaxSessionTimeout=60000\n"
        )
        switches = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        self._process = ServerProcess(
            "zookeeper", [java(), *switches, "-cp", f"{lib}/*", main, str(configuration)], self._folder
        )
        self._process.wait_ready(self._answers)
        return self

    def stop(self) -> None:
        """Stop in order; data stays."""
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Stop as a crash would; data stays."""
        if self._process:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self._host, self._port), timeout=1) as connection:
                connection.settimeout(1)
                connection.sendall(b"ruok")
                return connection.recv(4) == b"imok"
        except OSError:
            return False
