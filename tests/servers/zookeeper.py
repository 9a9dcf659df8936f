"""A ZooKeeper server. Used by integration and end-to-end tests of high availability."""

import socket

from tests.servers.install import java, maven_jars
from tests.servers.process import ServerProcess
from tests.servers.server import LocalServer

_JARS = [
    "org.apache.zookeeper:zookeeper:3.9.5",
    # Provided scope upstream, but the server does not start without them.
    "io.dropwizard.metrics:metrics-core:4.1.12.1",
    "org.xerial.snappy:snappy-java:1.1.10.5",
]


class ZooKeeperServer(LocalServer):
    """One standalone server; data lives as long as the object."""

    name = "zookeeper"

    @property
    def endpoint(self) -> str:
        """`host:port` for clients."""
        return f"{self._host}:{self._port}"

    def launch(self) -> ServerProcess:
        """Write its configuration and start it."""
        lib = maven_jars("zookeeper", _JARS) / "lib"
        configuration = self._folder / "zoo.cfg"
        configuration.write_text(
            f"tickTime=500\ndataDir={self._folder / 'data'}\nclientPortAddress={self._host}\n"
            f"clientPort={self._port}\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n"
            "minSessionTimeout=1000\nmaxSessionTimeout=60000\n"
        )
        switches = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        return ServerProcess(
            self.name, [java(), *switches, "-cp", f"{lib}/*", main, str(configuration)], self._folder
        )

    def answers(self) -> bool:
        """Whether it says `imok`."""
        try:
            with socket.create_connection((self._host, self._port), timeout=1) as connection:
                connection.settimeout(1)
                connection.sendall(b"ruok")
                return connection.recv(4) == b"imok"
        except OSError:
            return False
