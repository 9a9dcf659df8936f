"""What the servers are made of: Maven jars, Go programs and Debian packages, fetched once into a cache folder.

Used by the starters of this package. Several processes may ask at once: a lock file makes one of them do the
work. Debian packages are installed only where a program is missing and only as root; otherwise the error
names the apt line.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_GO_TOOLCHAIN = "v0.0.1-go1.26.8.linux"


class MissingProgram(RuntimeError):
    """A program is not installed and this user cannot install it."""


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock file `name` of the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_program(program: str, packages: Sequence[str]) -> str:
    """The path of a program; its Debian packages are installed if it is missing and we are root."""
    found = shutil.which(program)
    if found:
        return found
    line = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingProgram(f"{program} is not installed; as root: {line}")
    with exclusive("apt"):
        if not shutil.which(program):
            install_packages(packages)
    found = shutil.which(program)
    if not found:
        raise MissingProgram(f"{program} is still missing after: {line}")
    return found


def install_packages(packages: Sequence[str]) -> None:
    """Install Debian packages without questions."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if subprocess.run(command, env=env, capture_output=True, check=False).returncode:
        run(["apt-get", "update", "-qq"], env=env)
        run(command, env=env)


def java() -> str:
    """The Java program."""
    return require_program("java", ["default-jre-headless"])


def maven_jars(name: str, dependencies: Sequence[str]) -> Path:
    """A folder of the runtime jars of `group:artifact:version` coordinates and all that they need."""
    pom = _pom(name, dependencies)
    folder = CACHE / f"{name}-{hashlib.sha256(pom.encode()).hexdigest()[:12]}"
    if (folder / "lib").is_dir():
        return folder
    with exclusive(name):
        if (folder / "lib").is_dir():
            return folder
        java()
        maven = require_program("mvn", ["maven"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(pom)
        fresh = folder / "lib.part"
        shutil.rmtree(fresh, ignore_errors=True)
        arguments = [f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
        run([maven, "-q", "-B", "-ntp", "-f", str(folder / "pom.xml"), _COPY, *arguments])
        fresh.rename(folder / "lib")
    return folder


def go_program(module: str, version: str) -> Path:
    """A program built from a Go module, kept as `bin/<name>-<version>`."""
    name = module.rsplit("/", 1)[1]
    target = CACHE / "bin" / f"{name}-{version.removeprefix('v')}"
    if target.exists():
        return target
    with exclusive(f"go-{name}"):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        built = CACHE / "bin" / f".{name}.part"
        env = {"GOBIN": str(built), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false -ldflags=-s"}
        command = ["nice", go(), "install", f"{module}@{version}"]
        run(command, env={**os.environ, **env, "GOTOOLCHAIN": "auto"})
        (built / name).rename(target)
        shutil.rmtree(built, ignore_errors=True)
    return target


def go() -> str:
    """A Go that builds current modules: the installed one, or a toolchain module fetched by an older one."""
    installed = require_program("go", ["golang-go"])
    version = run([installed, "env", "GOVERSION"]).strip().removeprefix("go")
    if tuple(int(part) for part in version.split(".")[:2]) >= (1, 21):
        return installed  # it fetches a newer toolchain by itself where a module asks for one
    machine = "arm64" if os.uname().machine == "aarch64" else "amd64"
    asked = f"golang.org/toolchain@{_GO_TOOLCHAIN}-{machine}"
    run([installed, "mod", "download", asked])
    folder = Path(run([installed, "env", "GOMODCACHE"]).strip()) / asked
    for program in [folder / "bin" / "go", *(folder / "pkg" / "tool").rglob("*")]:
        if program.is_file() and not os.access(program, os.X_OK):
            program.chmod(0o555)  # module archives hold no modes
    return str(folder / "bin" / "go")


def run(command: Sequence[str], env: dict[str, str] | None = None, user: str | None = None) -> str:
    """Run a command to its end; its output. Raises with both streams when it fails."""
    done = subprocess.run(command, env=env, user=user, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _pom(name: str, dependencies: Sequence[str]) -> str:
    entries = []
    for dependency in dependencies:
        group, artifact, version = dependency.split(":")
        entries.append(
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version></dependency>"
        )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"<groupId>penstock.tests</groupId><artifactId>{name}</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>\n{chr(10).join(entries)}\n</dependencies></project>\n"
    )
