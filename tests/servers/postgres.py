"""A PostgreSQL server with logical decoding on, from Debian's packages. Used by integration tests.

PostgreSQL refuses to run as root: as root it runs as the user `postgres`.
"""

import os
import shutil
import signal
import socket
from pathlib import Path

from tests.servers.install import exclusive, install_packages, run
from tests.servers.process import ServerProcess
from tests.servers.server import LocalServer

_INSTALLED = Path("/usr/lib/postgresql")


class PostgresServer(LocalServer):
    """One server, user `postgres`, no password, database `postgres`; data lives as long as the object."""

    name = "postgres"
    stop_by = signal.SIGINT
    """Its fast shutdown."""

    @property
    def endpoint(self) -> str:
        """`host:port` for clients."""
        return f"{self._host}:{self._port}"

    @property
    def dsn(self) -> str:
        """A connection URI for clients."""
        return f"postgresql://postgres@{self.endpoint}/postgres"

    def launch(self) -> ServerProcess:
        """Initialise the data folder on the first start, and start the server."""
        binaries = _binaries()
        data = self._folder / "data"
        if not data.exists():
            self._initialise(binaries, data)
        command = [str(binaries / "postgres"), "-D", str(data)]
        return ServerProcess(self.name, command, self._folder, user=_user())

    def _initialise(self, binaries: Path, data: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        options = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        run([str(binaries / "initdb"), "-D", str(data), *options], user=_user())
        with (data / "postgresql.conf").open("a") as configuration:
            # synchronous_commit stays on: logical decoding reads only what was flushed.
            configuration.write(
                f"listen_addresses='{self._host}'\nport={self._port}\nunix_socket_directories=''\n"
                "wal_level=logical\nmax_wal_senders=8\nmax_replication_slots=8\nfsync=off\n"
                "full_page_writes=off\nsynchronous_commit=on\n"
            )

    def answers(self) -> bool:
        """Whether it takes connections."""
        # An SSL request is answered with one byte as soon as the server takes connections.
        try:
            with socket.create_connection((self._host, self._port), timeout=1) as connection:
                connection.settimeout(1)
                connection.sendall(bytes.fromhex("0000000804d2162f"))
                return connection.recv(1) in (b"N", b"S")
        except OSError:
            return False


def _binaries() -> Path:
    found = sorted(_INSTALLED.glob("*/bin/initdb"))
    if not found:
        with exclusive("apt"):
            install_packages(["postgresql"])
        found = sorted(_INSTALLED.glob("*/bin/initdb"))
    return found[-1].parent


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None
