"""Apache Flink 2.3's own files for conformance tests: its command line and its dashboard, from the apache-flink-libraries wheel.

Downloaded once into a cache folder of its own, never into the project's environment. The command line needs Java, which
is installed from Debian where it is missing.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers.install import CACHE, exclusive, java, run

VERSION = "2.3.0"
_UNUSED = "flink-table-planner"
_SWITCHES = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto")
DEADLINE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class FlinkDistribution:
    """An unpacked distribution."""

    folder: Path

    @property
    def dashboard(self) -> Path:
        """The static files of the web dashboard."""
        return self.folder / "web"

    def cli(self, configuration: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `flink ARGUMENTS` as its `bin/flink` does; `configuration` is its conf folder."""
        configuration.mkdir(parents=True, exist_ok=True)
        (configuration / "config.yaml").write_text("rest.address: 127.0.0.1\n")
        (configuration / "log4j-cli.properties").write_text("rootLogger.level = OFF\n")
        command = [
            java(),
            *_SWITCHES,
            f"-Dlog4j.configurationFile={configuration / 'log4j-cli.properties'}",
            "-cp",
            f"{self.folder / 'lib'}/*",
            "org.apache.flink.client.cli.CliFrontend",
            *arguments,
        ]
        return subprocess.run(
            command,
            env={
                **os.environ,
                "FLINK_CONF_DIR": str(configuration),
                "FLINK_LIB_DIR": str(self.folder / "lib"),
            },
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )


def flink_distribution() -> FlinkDistribution:
    """The distribution, fetched at first use (330 MB)."""
    folder = CACHE / f"flink-{VERSION}"
    with exclusive("flink"):
        if not folder.is_dir():
            fresh = CACHE / f"flink-{VERSION}.part"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            _fetch(fresh)
            fresh.rename(folder)
    return FlinkDistribution(folder)


def _fetch(folder: Path) -> None:
    wheels = folder / "wheels"
    run([sys.executable, "-m", "venv", str(folder / "env")])
    pip = [str(folder / "env" / "bin" / "pip"), "download", "-q", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "-d", str(wheels), f"apache-flink-libraries=={VERSION}"])
    wheel = next(wheels.glob("*.whl"))
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            if name.startswith("pyflink/lib/") and _UNUSED not in name:
                target = folder / "lib" / Path(name).name
                target.parent.mkdir(exist_ok=True)
                with opened.open(name) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    with zipfile.ZipFile(next((folder / "lib").glob("flink-dist-*.jar"))) as jar:
        jar.extractall(folder, [name for name in jar.namelist() if name.startswith("web/")])
    shutil.rmtree(wheels, ignore_errors=True)
    shutil.rmtree(folder / "env", ignore_errors=True)
