"""Leadership by a Lease: one process handles, others wait; who cannot renew in time ends. Called by `handlers/app.py`.

A foreign Lease counts as expired when it was not renewed for its duration by our own clock, so skewed clocks do no harm.
A leader that was held up for longer than that writes nothing more: the client asks `check` before each write.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from penstock_api.reasons import Reason
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import Conflict, ExternalError, OperatorError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Which Lease, and its times: how long it counts, when a leader that cannot renew ends, how often one looks."""

    namespace: str
    name: str
    seconds: float = 15.0
    renew_seconds: float = 10.0
    retry_seconds: float = 2.0


class Leadership:
    """Our part in one Lease. `gained` is called once, from this class's thread; `lost` at most once after it."""

    def __init__(self, client: KubeClient, terms: LeaseTerms, identity: str) -> None:
        self._client = client
        self._terms = terms
        self._namespace, self._name = terms.namespace, terms.name
        self._identity = identity
        self._is_alone = False
        self._stopped = threading.Event()
        self._seen: tuple[str, float] = ("", 0.0)
        self._thread: threading.Thread | None = None
        self._held_until: float | None = None
        """Until when the Lease that we once had is ours for certain; None before that."""
        self.is_leader = False

    def start(self, gained: Callable[[], None], lost: Callable[[], None]) -> None:
        """Seek the Lease in a thread, then keep it."""
        self._thread = threading.Thread(target=self._run, args=(gained, lost), name="leadership", daemon=True)
        self._thread.start()

    def lead_alone(self, gained: Callable[[], None]) -> None:
        """Lead without a Lease: the caller vouches that there is no other."""
        self._is_alone = True
        self.is_leader = True
        gained()

    def check(self, what: str) -> None:
        """Raises where our Lease ran out or was given up: another may lead, and a write of ours would undo one of its."""
        if self._held_until is not None and time.monotonic() > self._held_until:
            raise ExternalError(
                Reason.ERROR, f"{what} was not sent, for Lease {self._name} is not held any more"
            )

    def stop(self) -> None:
        """Give the Lease up, so that another takes it at once; blocks for a few seconds at most."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)
        if self._held_until is not None:
            self._held_until = -math.inf
        if self.is_leader and self._is_alone:
            self.is_leader = False
        elif self.is_leader:
            self.is_leader = False
            try:
                self._write(self._client.get("Lease", self._name, self._namespace), holder="")
            except OperatorError as error:
                log.warning("the Lease was not given up", error=error.message)

    def _run(self, gained: Callable[[], None], lost: Callable[[], None]) -> None:
        renewed = time.monotonic()
        while not self._try_take():
            if self._stopped.wait(self._terms.retry_seconds):
                return
            renewed = time.monotonic()
        self._held_until = renewed + self._terms.seconds
        self.is_leader = True
        log.info("leading", lease=self._name, identity=self._identity)
        gained()
        while not self._stopped.wait(self._terms.retry_seconds):
            begun = time.monotonic()
            if self._try_take():
                renewed = begun
                self._held_until = renewed + self._terms.seconds
            elif time.monotonic() - renewed > self._terms.renew_seconds:
                self.is_leader = False
                log.error("the Lease is lost", lease=self._name)
                lost()
                return

    def _try_take(self) -> bool:
        try:
            held = self._client.get("Lease", self._name, self._namespace)
            if held is not None and not self._may_take(held):
                return False
            self._write(held, holder=self._identity)
        except Conflict:
            return False
        except OperatorError as error:
            log.warning("the Lease cannot be reached", error=error.message)
            return False
        return True

    def _may_take(self, held: Manifest) -> bool:
        spec = held.get("spec") or {}
        holder = spec.get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        mark = f"{holder} {spec.get('renewTime')}"
        if self._seen[0] != mark:
            self._seen = (mark, time.monotonic())
        valid = float(spec.get("leaseDurationSeconds") or self._terms.seconds)
        return time.monotonic() - self._seen[1] > valid

    def _write(self, held: Manifest | None, *, holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old = (held or {}).get("spec") or {}
        same = old.get("holderIdentity") == holder
        wanted: Manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": max(1, round(self._terms.seconds)),
                "acquireTime": old.get("acquireTime") if same else now,
                "renewTime": now,
                "leaseTransitions": int(old.get("leaseTransitions") or 0) + (0 if same else 1),
            },
        }
        if held is None:
            self._client.create(wanted)
            return
        wanted["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
        self._client.replace(wanted)
