"""Rollouts for crash, fault and campaign tests: an operator process beside stub JobManagers, and what a test asks of it.

Used by the tests of this folder and by `tests/campaign`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.waiting import Deadline
from penstock_operator.clients.kube import KubeClient
from tests.operator_kubernetes.api_server import ApiServer
from tests.servers.process import free_port
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

Manifest = dict[str, Any]
ROOT = Path(__file__).parents[2]


def eventually(what: str, check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the check finds, as soon as it finds something."""
    deadline = Deadline(seconds)
    while not (found := check()):
        assert not deadline.is_over(), f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


def stateful(
    namespace: str, folder: Path, name: str = "clicks", mode: str = "savepoint", **job: Any
) -> Manifest:
    """A resource whose job keeps its state in the folder."""
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "job": {"jarURI": "local:///opt/job.py", "parallelism": 1, "upgradeMode": mode, **job},
            "flinkConfiguration": {
                "state.checkpoints.dir": f"file://{folder}/checkpoints",
                "state.savepoints.dir": f"file://{folder}/savepoints",
                "kubernetes.operator.deployment.stability.window": "1 s",
            },
        },
    }


class OperatorProcess:
    """One operator, which watches one namespace; started again under the same name it goes on at once."""

    def __init__(
        self,
        api_server: ApiServer,
        stubs: StubJobManagers,
        namespace: str,
        folder: Path,
        *,
        port: int | None = None,
        topic: Path | None = None,
    ) -> None:
        self._log = folder / "operator.log"
        config = api_server.kubeconfig(folder / f"kubeconfig-{namespace}", port)
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(config),
            "WATCH_NAMESPACES": namespace,
            "PENSTOCK_LEASE_NAME": f"lease-{namespace}",
            "PENSTOCK_LEASE_SECONDS": "15",
            "PENSTOCK_STUBS": stubs.base,
            "PENSTOCK_WORKERS": "4",
        }
        if topic is not None:
            self._environment["PENSTOCK_TOPIC"] = str(topic)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """Start it; `more` is added to its environment this once."""
        environment = {**self._environment, "PENSTOCK_HEALTH_PORT": str(free_port()), **more}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.operator_kubernetes.operator_process"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code, once it has ended."""
        assert self._process
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"the operator runs on:\n{self.tail()}") from error

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process
        return self._process.pid

    def is_stopped(self) -> bool:
        """Whether it is stopped, as by a signal or a failpoint: it lives, and nothing of it runs."""
        state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    def resume(self) -> None:
        """Let it go on where it was stopped; nothing happens to one that runs or has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, in order if it does."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._process = None

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


@dataclass
class Scene:
    """What a rollout happens in."""

    client: KubeClient
    stubs: StubJobManagers
    kubelet: StubKubelet
    namespace: str
    folder: Path
    name: str = "clicks"

    @property
    def place(self) -> str:
        """The job's own namespace."""
        return f"{self.namespace}-{self.name}"

    def create(self, mode: str = "savepoint", **job: Any) -> str:
        """Make the resource; its uid."""
        made = self.client.create(stateful(self.namespace, self.folder, self.name, mode, **job))
        return str(made["metadata"]["uid"])

    def read(self) -> Manifest | None:
        """The resource."""
        return self.client.get("FlinkDeployment", self.name, self.namespace)

    def change(self, spec: Manifest) -> int:
        """Merge into the spec; the generation."""
        found = self.client.patch("FlinkDeployment", self.name, self.namespace, {"spec": spec})
        return int(found["metadata"]["generation"])

    def delete(self) -> None:
        """Ask for its end."""
        self.client.delete("FlinkDeployment", self.name, self.namespace)

    def is_in(self, lifecycle: str, generation: int) -> bool:
        """Whether this generation is in this lifecycle state."""
        status = (self.read() or {}).get("status") or {}
        seen = status.get("lifecycleState"), status.get("observedGeneration")
        return seen == (lifecycle, generation)

    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.read() is None and self.client.get("Namespace", self.place) is None

    def assert_one_job_with_all_its_state(self, uid: str) -> None:
        """The two things that no fault may cost."""
        assert self.kubelet.side_by_side == []
        assert [start for start in self.stubs.starts.get(uid, []) if start.lost_state] == []
