"""A program's requirements, files and archives reach main and the slots of TaskManagers that share nothing with it."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from penstock.launch.artifacts import ArtifactError
from penstock.launch.dependencies import prepare
from penstock.taskmanager.dependencies import DIGEST_KEY, DependenciesMissing, install_dependencies
from tests.launch.cluster_processes import JOB_ID, Cluster, cluster
from tests.launch.test_trust_between_hosts import make_certificates
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(400)

PROGRAM = """
from pathlib import Path
from pyflink.datastream import StreamExecutionEnvironment


def season(month):
    import seasons  # only the requirements bring it, and only when the function runs
    from penstock_test_names import NAMES

    return NAMES[seasons.of(month)] + Path("words.zip/suffix.txt").read_text() + Path("more/tail.txt").read_text()


env = StreamExecutionEnvironment.get_execution_environment()
Path("{output}").with_name("main").write_text(Path("more/tail.txt").read_text())


def note(text):
    with open("{output}", "a") as out:
        return out.write(text + " ")


env.from_collection([1, 4, 7, 10]).map(season).map(note)
env.execute("seasons")
"""


def make_wheel(folder: Path) -> Path:
    """A wheel with one module, as a build would leave it."""
    path = folder / "seasons-1.0-py3-none-any.whl"
    files = {
        "seasons.py": "def of(month):\n    return (month - 1) // 3\n",
        "seasons-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: seasons\nVersion: 1.0\n",
        "seasons-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, "seasons-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, "seasons-1.0.dist-info/RECORD": record}.items():
            wheel.writestr(name, text)
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def make_parts(folder: Path) -> dict[str, str]:
    """The flags and keys of a job that needs a wheel, a file and two archives."""
    folder.mkdir()
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{make_wheel(folder)}\n")
    names = folder / "penstock_test_names.py"
    names.write_text('NAMES = ["winter", "spring", "summer", "autumn"]\n')
    words = make_zip(folder / "words.zip", {"suffix.txt": b"!"})
    more = make_tar(folder / "tail.tar.gz", {"tail.txt": b"?"})
    return {
        "requirements": str(requirements),
        "python.files": str(names),
        "penstock.program.archives": f"{words};{more}#more",
    }


@contextmanager
def two_hosts(folder: Path) -> Iterator[Cluster]:
    """A JobManager and TaskManagers that reach each other over TLS only."""
    with cluster(folder, slots=2) as running:
        del running.settings["penstock.rpc.socket"]
        running.settings |= make_certificates(folder)
        running.settings |= {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(free_port()),
            "taskmanager.host": "127.0.0.1",
            "parallelism.default": "1",
            "restart-strategy.type": "none",
        }
        yield running


def test_requirements_files_and_archives_are_there_in_main_and_in_slots(tmp_path: Path) -> None:
    output = tmp_path / "said"
    parts = make_parts(tmp_path / "parts")
    requirements = parts.pop("requirements")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("{output}", str(output)))
    with two_hosts(tmp_path) as running:
        running.settings |= parts
        running.start_jobmanager(program, "--requirements", requirements)
        running.start("taskmanager-1", "--resource-id", "tm-1")
        # pip takes long on a busy machine.
        running.wait_for(
            "FINISHED", lambda: running.get(f"/jobs/{JOB_ID}/status")["status"] == "FINISHED", 240
        )
        assert output.read_text().split() == ["winter!?", "spring!?", "summer!?", "autumn!?"]
        assert (tmp_path / "main").read_text() == "?"
        answer = httpx.get(f"http://127.0.0.1:{running.port}/penstock/dependencies/{'0' * 64}", timeout=60)
        assert answer.status_code == 404, "code is handed out by the internal app only"


def test_a_bundle_is_the_same_when_it_is_made_again(tmp_path: Path) -> None:
    parts = make_parts(tmp_path / "parts")
    program = make_zip(tmp_path / "job.zip", {"main.py": b"import seasons\n", "lib/more.py": b""})
    made = [
        prepare(str(program), parts["requirements"], tmp_path / name, parts) for name in ("first", "second")
    ]
    assert made[0].digest
    assert made[0].digest == made[1].digest
    assert made[0].bundle is not None
    with zipfile.ZipFile(made[0].bundle) as bundle:
        names = set(bundle.namelist())
    assert {
        "project/main.py",
        "project/lib/more.py",
        "site-packages/seasons.py",
        "site-packages/penstock_test_names.py",
        "archives/words.zip/suffix.txt",
        "archives/more/tail.txt",
    } <= names


def test_a_zip_of_wheels_is_installed_without_an_index(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    wheels = make_zip(tmp_path / "wheels.zip", {wheel.name: wheel.read_bytes()})
    program = tmp_path / "job.py"
    program.write_text("")
    made = prepare(str(program), str(wheels), tmp_path / "job", {})
    assert (tmp_path / "job" / "site-packages" / "seasons.py").exists()
    assert made.program.python_path == (tmp_path / "job" / "site-packages",)


def test_a_program_that_needs_nothing_has_no_bundle(tmp_path: Path) -> None:
    program = tmp_path / "job.py"
    program.write_text("")
    made = prepare(str(program), None, tmp_path / "job", {})
    assert made.bundle is None
    assert made.working_directory is None


@pytest.mark.parametrize(
    ("entry", "word"),
    [("words.zip#../out", "outside"), ("words.txt", "neither"), ("gone.zip", "no ")],
)
def test_an_archive_that_cannot_be_used_is_named(tmp_path: Path, entry: str, word: str) -> None:
    make_zip(tmp_path / "words.zip", {"suffix.txt": b"!"})
    (tmp_path / "words.txt").write_text("plain")
    program = tmp_path / "job.py"
    program.write_text("")
    with pytest.raises(ArtifactError, match=word):
        prepare(str(program), None, tmp_path / "job", {"python.archives": f"{tmp_path}/{entry}"})


def test_an_archive_that_would_write_outside_its_folder_is_refused(tmp_path: Path) -> None:
    evil = make_tar(tmp_path / "evil.tar.gz", {"../../evil.txt": b"!"})
    program = tmp_path / "job.py"
    program.write_text("")
    with pytest.raises(ArtifactError, match="outside"):
        prepare(str(program), None, tmp_path / "job", {"python.archives": str(evil)})
    assert not (tmp_path / "evil.txt").exists()


def test_a_digest_that_is_none_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(DependenciesMissing, match="64 hex digits"):
        install_dependencies({DIGEST_KEY: "../x"}, {})


def test_installing_needs_no_pip_of_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, "pip comes with the runtime, for spec.job.requirements"
