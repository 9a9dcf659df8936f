"""The `local` commands as a person uses them, with the stand-in runtime and a background operator of its own home."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RUNTIME = [sys.executable, str(Path(__file__).with_name("stand_in_runtime.py"))]

MANIFEST = """
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: clicks
spec:
  job:
    jarURI: job.py
    parallelism: 1
    upgradeMode: last-state
  flinkConfiguration:
    state.checkpoints.dir: {folder}/chk
"""

pytestmark = pytest.mark.timeout(300)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PENSTOCK_LAUNCHER", shlex.join(RUNTIME))

    def command(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "penstock_operator", "local", *words],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    yield command
    command("down")


def test_apply_to_delete(run: Run, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("count()")
    manifest = tmp_path / "clicks.yaml"
    manifest.write_text(MANIFEST.format(folder=tmp_path))
    assert "clicks created" in run("apply", "-f", str(manifest)).stdout
    run("wait", "clicks", "--for", "STABLE", "--timeout", "90")
    assert "STABLE" in run("get").stdout
    assert "Starting job" in run("describe", "clicks").stdout
    assert "jobmanager begins" in run("logs", "clicks").stdout
    assert run("url", "clicks").stdout.startswith("http://127.0.0.1:")
    assert "clicks unchanged" in run("apply", "-f", str(manifest)).stdout
    body = json.loads(run("get", "clicks", "-o", "json").stdout)
    assert body["spec"]["job"]["jarURI"] == str(tmp_path / "job.py")
    run("down")
    assert run("apply", "-f", str(tmp_path)).returncode == 0
    run("wait", "clicks", "--for", "STABLE", "--timeout", "90")
    assert "RUNNING" in run("get").stdout
    assert "deleted" in run("delete", "clicks").stdout
    assert "clicks" not in run("get").stdout


def test_unreadable_manifest_names_the_field(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "clicks.yaml"
    manifest.write_text(MANIFEST.format(folder=tmp_path).replace("parallelism: 1", "parallelism: many"))
    assert "spec.job.parallelism" in run("apply", "-f", str(manifest), code=1).stderr
    manifest.write_text("kind: Pod")
    assert "FlinkDeployment" in run("apply", "-f", str(manifest), code=1).stderr
    assert "no FlinkDeployment 'clicks'" in run("describe", "clicks", code=1).stderr
