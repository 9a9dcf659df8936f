"""A PostgreSQL server with logical decoding on, from Debian's packages. Used by integration tests.

PostgreSQL refuses to run as root: as root it runs as the user `postgres`.
"""

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.install import exclusive, install_packages, run
from tests.servers.process import ServerProcess, free_port

_INSTALLED = Path("/usr/lib/postgresql")


class PostgresServer:
    """One server, user `postgres`, no password, database `postgres`; data lives as long as the object."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="penstock-postgres-"))
        self._host = host
        self._port = free_port(host)
        self._process: ServerProcess | None = None

    @property
    def endpoint(self) -> str:
        """`host:port` for clients."""
        return f"{self._host}:{self._port}"

    @property
    def dsn(self) -> str:
        """A connection URI for clients."""
        return f"postgresql://postgres@{self.endpoint}/postgres"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process, "PostgreSQL is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until it answers."""
        binaries = _binaries()
        data = self._folder / "data"
        if not data.exists():
            self._initialise(binaries, data)
        command = [str(binaries / "postgres"), "-D", str(data)]
        self._process = ServerProcess("postgres", command, self._folder, user=_user())
        self._process.wait_ready(self._answers)
        return self

    def stop(self) -> None:
        """Stop in order; data stays."""
        if self._process:
            self._process.stop(by=signal.SIGINT)  # its fast shutdown
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

    def _answers(self) -> bool:
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
