"""Leadership by a Lease: one process handles, others wait; who cannot renew in time ends. Called by `handlers/app.py`.

A foreign Lease counts as expired when it was not renewed for its duration by our own clock, so skewed clocks do no harm.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import Conflict, OperatorError

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 2.0
"""As upstream's retry period."""


class Leadership:
    """Our part in one Lease. `gained` is called once, from this class's thread; `lost` at most once after it."""

    def __init__(
        self, client: KubeClient, lease: tuple[str, str], identity: str, duration_seconds: int
    ) -> None:
        self._client = client
        self._namespace, self._name = lease
        self._identity = identity
        self._duration = duration_seconds
        self._stopped = threading.Event()
        self._seen: tuple[str, float] = ("", 0.0)
        self._thread: threading.Thread | None = None
        self.is_leader = False

    def start(self, gained: Callable[[], None], lost: Callable[[], None]) -> None:
        """Seek the Lease in a thread, then keep it."""
        self._thread = threading.Thread(target=self._run, args=(gained, lost), name="leadership", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the Lease up, so that another takes it at once; blocks for a few seconds at most."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)
        if self.is_leader:
            self.is_leader = False
            try:
                self._write(self._client.get("Lease", self._name, self._namespace), holder="")
            except OperatorError as error:
                log.warning("the Lease was not given up", error=error.message)

    def _run(self, gained: Callable[[], None], lost: Callable[[], None]) -> None:
        while not self._try_take():
            if self._stopped.wait(_RETRY_SECONDS):
                return
        self.is_leader = True
        log.info("leading", lease=self._name, identity=self._identity)
        gained()
        renewed = time.monotonic()
        while not self._stopped.wait(_RETRY_SECONDS):
            begun = time.monotonic()
            if self._try_take():
                renewed = begun
            elif time.monotonic() - renewed > self._duration * 2 / 3:
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
        valid = float(spec.get("leaseDurationSeconds") or self._duration)
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
                "leaseDurationSeconds": self._duration,
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
