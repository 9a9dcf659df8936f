"""A bad version is rolled back by itself, and the owner goes back by `kubectl penstock`: each time with the state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from e2e.clicks import click_lines
from e2e.cluster.layout import KUBERNETES
from e2e.job import PROGRAMS, Job

ROLLBACK = {
    "kubernetes.operator.deployment.rollback.enabled": "true",
    "kubernetes.operator.deployment.stability.window": "2 s",
}


def _penstock(job: Job, *words: str) -> str:
    """Run `kubectl penstock`: kubectl itself finds the plugin on the path."""
    folders = [str(Path(sys.executable).parent), str(KUBERNETES.folder), os.environ["PATH"]]
    environment = os.environ | {
        "PATH": os.pathsep.join(folders),
        "KUBECONFIG": str(job.kubectl.cluster.kubeconfig),
        "COLUMNS": "300",
    }
    kubectl = shutil.which("kubectl", path=environment["PATH"])
    assert kubectl is not None
    command = [kubectl, "penstock", *words, "-n", job.namespace]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_bad_version_is_rolled_back_to_the_stable_one_with_its_state(job: Job) -> None:
    lines = click_lines(1_500)
    job.topics.send(lines[:500])
    job.apply(configuration=ROLLBACK)
    job.wait_lifecycle("STABLE")
    job.topics.wait_exact(lines[:500])
    job.program('raise RuntimeError("a bad version")\n', name="bad")
    job.apply({"jarURI": "configmap://bad/clicks.py"})
    rolled = job.wait_lifecycle("ROLLED_BACK")["status"]
    assert "a bad version" in rolled["reconciliationStatus"]["rollback"]["message"]
    degraded = {one["type"]: one["status"] for one in rolled["conditions"]}["Degraded"]
    assert degraded == "True"
    job.topics.send(lines[500:1_000])
    job.topics.wait_exact(lines[:1_000])
    job.program((PROGRAMS / "clicks.py").read_text(), version="v2", name="bad")
    job.apply(restartNonce=1)
    status = job.wait_lifecycle("STABLE")["status"]
    outcomes = [revision["outcome"] for revision in status["history"]]
    assert outcomes == ["Stable", "RolledBack", "Stable", "Stable"], "the third is the first, run again"
    job.topics.send(lines[1_000:])
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"v1", "v2"}


def test_kubectl_penstock_shows_what_ran_and_goes_back(job: Job) -> None:
    lines = click_lines(1_000)
    job.topics.send(lines[:500])
    job.apply(configuration=ROLLBACK)
    job.wait_lifecycle("STABLE")
    assert "STABLE" in _penstock(job, "status", job.name)
    job.topics.wait_exact(lines[:500])
    job.program(version="v2", name="second")
    job.apply({"jarURI": "configmap://second/clicks.py"})
    status = job.wait_lifecycle("STABLE")["status"]
    told = _penstock(job, "history", job.name)
    assert [line.split()[:2] for line in told.splitlines()[1:]] == [["1", "Stable"], ["2", "Stable"]]
    assert status["history"][1]["fromState"] in told
    assert "+  jarURI: configmap://second/clicks.py" in _penstock(job, "diff", job.name)
    assert "is rolled back to revision 1" in _penstock(job, "rollback", job.name)
    status = job.wait_lifecycle("STABLE")["status"]
    assert (status["history"][-1]["number"], status["history"][-1]["by"]) == (3, "kubectl-penstock")
    job.topics.send(lines[500:])
    found = job.topics.wait_exact(lines)
    assert {count.version for count in found} == {"v1"}
