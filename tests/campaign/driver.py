"""The operator's loop, turned by hand in the campaign's own thread: as fast as the API server, and the same every time.

Used by `changes.py` and `views.py`. What a turn does is the operator's; when there is one, and what it sees, is ours.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from penstock_api.reasons import Reason
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform
from penstock_operator.reconcile.loop import Loop
from tests.servers.stub_jobmanager import StubJobManagers
from tests.servers.stub_kubelet import StubKubelet

Manifest = dict[str, Any]

QUIET_TURNS = 3
"""So many turns without a write, while nothing moves, are the end of a rollout."""
LIMIT_SECONDS = 30.0
_READS = ("GET",)
_REASONS = frozenset(reason.value for reason in Reason)


class Stuck(AssertionError):
    """A rollout came to no end: neither what the spec says nor a reason."""


class CountedClient(KubeClient):
    """Counts the operator's own writes."""

    def __init__(self, api: Any) -> None:
        super().__init__(api)
        self.writes = 0

    def _send(self, method: str, path: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        if method not in _READS and not is_trial(arguments):
            self.writes += 1
        return super()._send(method, path, *arguments, **options)


def is_trial(arguments: tuple[Any, ...]) -> bool:
    """Whether a call has no effect; its query comes first."""
    return bool(arguments and arguments[0] and "dryRun" in arguments[0])


@dataclass
class World:
    """Where campaigns happen: the server's client, the stubs, a folder for state."""

    client: KubeClient
    stubs: StubJobManagers
    kubelet: StubKubelet
    folder: Path

    def namespace(self) -> str:
        """A new one, with what changes may name."""
        name = f"team-{os.urandom(4).hex()}"
        self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for kind in ("Secret", "ConfigMap"):
            body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "extra", "namespace": name}}
            self.client.create(body)
        account = {"name": "runner", "namespace": name}
        self.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        return name


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout ended."""

    is_declared: bool
    """The resource is as its spec says."""
    reason: str
    """Why not; empty where it is."""
    lifecycle: str
    turns: int
    message: str = ""


class Turner:
    """One operator for one resource."""

    def __init__(self, world: World, ref: Ref) -> None:
        self.world, self.ref = world, ref
        self.client = CountedClient(world.client._api)
        platform = KubernetesPlatform(self.client, Defaults(), rest_address=world.stubs.address)
        self._loop = Loop(platform, self.client.memory.recalling)

    def read(self) -> Manifest | None:
        """The resource."""
        return self.world.client.get("FlinkDeployment", self.ref.name, self.ref.namespace)

    def turn(self) -> bool:
        """One turn; whether anything was written. Every event of a watch counts as seen before it."""
        self.client.memory = type(self.client.memory)()
        before = self.client.writes
        self._loop.reconcile(self.ref)
        return self.client.writes != before

    def settle(self, limit: float = LIMIT_SECONDS) -> Outcome | None:
        """Turn until nothing happens any more and the end is one; None once the resource is gone."""
        deadline, quiet, turns = time.monotonic() + limit, 0, 0
        while True:
            turns += 1
            quiet = 0 if self.turn() or not self.world.kubelet.is_idle(self.ref.namespace) else quiet + 1
            found = self.read()
            if found is None:
                return None
            outcome = judge(found, turns)
            if quiet >= QUIET_TURNS and outcome is not None:
                return outcome
            if time.monotonic() > deadline:
                status = json.dumps(found.get("status") or {})[-1500:]
                kind = "never quiet" if quiet < QUIET_TURNS else "neither as declared nor refused"
                raise Stuck(f"{kind} after {turns} turns: {status}")
            time.sleep(0.02)


def judge(found: Manifest, turns: int = 0) -> Outcome | None:
    """The outcome that the resource shows; None while it shows none."""
    status, spec = found.get("status") or {}, found["spec"]
    lifecycle = status.get("lifecycleState") or ""
    if status.get("error"):
        error = json.loads(status["error"])
        reason, message = error.get("type", ""), error.get("message", "")
        return Outcome(False, reason, lifecycle, turns, message) if reason in _REASONS else None
    is_suspended = (spec.get("job") or {}).get("state") == "suspended"
    is_current = status.get("observedGeneration") == found["metadata"]["generation"]
    if is_current and lifecycle == ("SUSPENDED" if is_suspended else "STABLE"):
        return Outcome(True, "", lifecycle, turns)
    return None
