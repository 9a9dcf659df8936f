"""A schema registry that speaks Confluent's REST protocol (Apicurio). Used by integration tests of the Avro format."""

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.install import CACHE, exclusive, java, require_program, run
from tests.servers.process import ServerProcess, free_port

_VERSION = "2.6.13.Final"
_ARTIFACT = f"io.apicurio:apicurio-registry-app:{_VERSION}:tar.gz:all"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


class SchemaRegistryServer:
    """One registry that keeps everything in memory."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="penstock-registry-"))
        self._host = host
        self._port = free_port(host)
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """What clients of the protocol are given."""
        return f"http://{self._host}:{self._port}/apis/ccompat/v7"

    def start(self) -> Self:
        """Start and wait until it lists subjects."""
        application = _installed()
        jar = next(application.glob("apicurio-registry-app-*-runner.jar"))
        switches = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        settings = [f"-Dquarkus.http.host={self._host}", f"-Dquarkus.http.port={self._port}"]
        command = [java(), *switches, *settings, "-Dquarkus.log.level=WARN", "-jar", str(jar)]
        self._process = ServerProcess("schema-registry", command, self._folder)
        self._process.wait_ready(self._answers)
        return self

    def stop(self) -> None:
        """Stop; what it kept is gone."""
        if self._process:
            self._process.stop()
            self._process = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _installed() -> Path:
    folder = CACHE / f"apicurio-{_VERSION}"
    if folder.is_dir():
        return folder
    with exclusive("apicurio"):
        if not folder.is_dir():
            maven = require_program("mvn", ["maven"])
            fresh = CACHE / f".apicurio-{os.getpid()}.part"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            run([maven, "-q", "-B", "-ntp", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={fresh}"])
            archive = next(fresh.glob("*.tar.gz"))
            run(["tar", "xzf", str(archive), "-C", str(fresh)])
            archive.unlink()
            fresh.rename(folder)
    return folder
