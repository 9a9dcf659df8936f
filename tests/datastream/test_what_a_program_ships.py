"""Modules, archives, requirements and cached files of a program reach its functions, whoever runs it."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from penstock.common import Configuration, UnsupportedOperation
from penstock.datastream import StreamExecutionEnvironment
from penstock.datastream import dependencies as shipping
from penstock.datastream.dependencies import Dependencies, DependencyError

PROGRAM = """
import os
from pathlib import Path

from pyflink.datastream import MapFunction, StreamExecutionEnvironment


class Look(MapFunction):
    def open(self, runtime_context):
        self.cached = runtime_context.get_distributed_cache().get_file("words")

    def map(self, value):
        import shipped_module, shipped_package.inner, zipped_module, wheel_module
        return [
            shipped_module.NAME, shipped_package.inner.NAME, zipped_module.NAME, wheel_module.NAME,
            Path("data/deep/table.txt").read_text(), Path("more.tar.gz/notes.txt").read_text(),
            self.cached.read_text(), os.access(self.cached, os.X_OK),
        ]


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)
env.add_python_file("lib/shipped_module.py")
env.add_python_file("lib/shipped_package")
env.add_python_file("lib/zipped.zip")
env.add_python_archive("table.zip", "data")
env.add_python_archive("more.tar.gz")
env.set_python_requirements("requirements.txt", "wheels")
env.register_cached_file("words.txt", "words", executable=True)
with env.from_collection([1, 2]).rebalance().map(Look()).execute_and_collect() as found:
    for line in found:
        print(line)
"""


def _zip(path: Path, **members: str) -> None:
    with zipfile.ZipFile(path, "w") as out:
        for name, text in members.items():
            out.writestr(name.replace("__", "/"), text)


def _wheel(folder: Path) -> None:
    """A wheel of one module, written by hand: nothing is downloaded."""
    folder.mkdir()
    info = "penstock_shipped_test-1.0.dist-info"
    with zipfile.ZipFile(folder / "penstock_shipped_test-1.0-py3-none-any.whl", "w") as out:
        out.writestr("wheel_module.py", "NAME = 'wheel'\n")
        out.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: penstock-shipped-test\nVersion: 1.0\n")
        out.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        out.writestr(f"{info}/RECORD", "")


def _write_dependencies(folder: Path) -> None:
    package = folder / "lib" / "shipped_package"
    package.mkdir(parents=True)
    (folder / "lib" / "shipped_module.py").write_text("NAME = 'module'\n")
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("NAME = 'package'\n")
    with zipfile.ZipFile(folder / "lib" / "zipped.zip", "w") as out:
        out.writestr("zipped_module.py", "NAME = 'zip'\n")
    _zip(folder / "table.zip", **{"deep__table.txt": "table"})
    with tarfile.open(folder / "more.tar.gz", "w:gz") as out:
        member = tarfile.TarInfo("notes.txt")
        member.size = 5
        out.addfile(member, io.BytesIO(b"notes"))
    (folder / "words.txt").write_text("words")
    (folder / "requirements.txt").write_text("penstock-shipped-test==1.0\n")
    _wheel(folder / "wheels")


def test_everything_a_program_ships_is_there_in_every_slot(tmp_path: Path) -> None:
    _write_dependencies(tmp_path)
    (tmp_path / "job.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "job.py"],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    line = "['module', 'package', 'zip', 'wheel', 'table', 'notes', 'words', True]"
    assert done.stdout.splitlines() == [line, line]


def test_the_keys_of_the_configuration_ship_too(tmp_path: Path) -> None:
    (tmp_path / "configured.py").write_text("NAME = 'configured'\n")
    _zip(tmp_path / "table.zip", table="rows")
    (tmp_path / "job.py").write_text(
        """
from pyflink.datastream import StreamExecutionEnvironment

def look(value):
    import configured
    return configured.NAME, open("here/table").read()

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1]).map(look).print()
env.execute()
"""
    )
    settings = {
        "parallelism.default": "1",
        "python.files": str(tmp_path / "configured.py"),
        "python.archives": f"{tmp_path / 'table.zip'}#here",
    }
    done = subprocess.run(
        [sys.executable, "-m", "penstock.launch.program", str(tmp_path / "job.py")],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path), "PENSTOCK_CONFIGURATION": json.dumps(settings)},
    )
    assert (done.stdout, done.returncode) == ("('configured', 'rows')\n", 0), done.stderr


def test_what_is_missing_is_named_before_the_job_starts(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match=r"nothing\.py' is not there"):
        Dependencies(files=[str(tmp_path / "nothing.py")]).pack(Configuration())
    (tmp_path / "plain.txt").write_text("x")
    with pytest.raises(DependencyError, match="neither a zip nor a tar"):
        Dependencies(archives=[(str(tmp_path / "plain.txt"), None)]).pack(Configuration())
    _zip(tmp_path / "a.zip", x="1")
    with pytest.raises(DependencyError, match="two archives want the folder 'a'"):
        Dependencies(archives=[(str(tmp_path / "a.zip"), "a")] * 2).pack(Configuration())
    with pytest.raises(DependencyError, match="outside of the job's folder"):
        Dependencies(archives=[(str(tmp_path / "a.zip"), "../a")]).pack(Configuration())


def test_an_archive_cannot_write_outside_of_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as out:
        out.writestr("../evil", "x")
    with pytest.raises(DependencyError, match=r"'\.\./evil'"):
        Dependencies(archives=[(str(tmp_path / "bad.zip"), None)]).pack(Configuration())


def test_too_much_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "MAX_BYTES", 10)
    (tmp_path / "big.py").write_text("#" * 11)
    with pytest.raises(DependencyError, match="put what is large into the image"):
        Dependencies(files=[str(tmp_path / "big.py")]).pack(Configuration())


def test_functions_run_in_the_interpreter_of_their_slots() -> None:
    env = StreamExecutionEnvironment()
    env.set_python_executable(sys.executable)
    with pytest.raises(UnsupportedOperation, match="set_python_requirements"):
        env.set_python_executable("/bin/sh")
    env.register_cached_file("a", "name")
    with pytest.raises(ValueError, match="registered already"):
        env.register_cached_file("b", "name")
