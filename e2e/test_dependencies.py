"""What a program needs beside itself reaches pods of other hosts: a function imports what only `requirements` brings."""

from __future__ import annotations

import base64
import io
import zipfile

from e2e.clicks import click_lines
from e2e.job import PROGRAMS, Job


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return buffer.getvalue()


def _wheel() -> bytes:
    """A wheel with one module, as a build would leave it."""
    info = "penstock_e2e_version-1.0.dist-info"
    files = {
        "penstock_e2e_version.py": b"import pathlib\n\n\ndef version():\n"
        b'    return pathlib.Path("names/version.txt").read_text()\n',
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: penstock-e2e-version\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]).encode()
    return _zip({**files, f"{info}/RECORD": record})


def test_requirements_and_archives_are_in_the_pods_of_taskmanagers(job: Job) -> None:
    wheels = _zip({"penstock_e2e_version-1.0-py3-none-any.whl": _wheel()})
    archive = _zip({"version.txt": b"from-an-archive"})
    content = {"wheels.zip": wheels, "names.zip": archive}
    job.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "parts", "namespace": job.namespace},
            "binaryData": {name: base64.b64encode(data).decode() for name, data in content.items()},
        }
    )
    source = (PROGRAMS / "clicks.py").read_text()
    job.program(source.replace(",{VERSION}", ",{__import__('penstock_e2e_version').version()}"))
    lines = click_lines(500)
    job.topics.send(lines)
    job.apply(
        {"requirements": "configmap://parts/wheels.zip", "archives": ["configmap://parts/names.zip#names"]}
    )
    job.wait_running()
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"from-an-archive"}
