"""Leader election by a coordination.k8s.io Lease, pointers in a ConfigMap. The names are Flink's.

    Lease <cluster-id>-jobmanager                  holderIdentity is the leader's token
    ConfigMap <cluster-id>-cluster-config-map      data: the leader's address and the pointers;
                                                   an annotation names the token of the term that may change them

A pointer is changed by replacing the ConfigMap at the version that was read, if the annotation still is ours: a leader
that was superseded meanwhile changes nothing. A lease is taken over when nobody renewed it for its duration on our clock.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from penstock.ha.contract import HighAvailabilityDown, LeaderAddress, NotLeader
from penstock.ha.kubernetes_api import Conflict, KubernetesApi
from penstock.ha.settings import HaSettings
from penstock.ha.term import Term

log = logging.getLogger(__name__)
TERM_ANNOTATION = "penstock.io/leader-token"
_LEADER_KEY = "leader"
_POINTER = "pointer."
_TRIES = 10


class KubernetesHa:
    """See HighAvailability."""

    def __init__(self, settings: HaSettings, api: KubernetesApi) -> None:
        self._api = api
        self._duration, self._retry = settings.lease_duration, settings.retry_period
        self._lease_name = f"{settings.cluster_id}-jobmanager"
        self._map_name = f"{settings.cluster_id}-cluster-config-map"
        self._labels = {"app": settings.cluster_id, "configmap-type": "high-availability"}
        self._term = Term(self._duration)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._token: str | None = None
        self._seen: tuple[str, float] | None = None
        """The lease's resourceVersion when it last changed, and when we saw that."""

    # ------------------------------------------------------------------ election

    def campaign(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        """See HighAvailability."""
        self._token = address.token
        self._thread = threading.Thread(
            target=self._serve_term, args=(address, on_gained, on_lost), name="lease", daemon=True
        )
        self._thread.start()

    @property
    def is_leader(self) -> bool:
        """See HighAvailability."""
        return self._term.is_valid

    def _serve_term(
        self, address: LeaderAddress, on_gained: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        while not self._closed.is_set():
            if self._try_to_hold(address.token) and self._take_over(address):
                break
            self._closed.wait(self._retry)
        if self._closed.is_set():
            self._give_up(address.token)
            return
        on_gained()
        why = self._hold(address.token)
        self._term.end()
        self._give_up(address.token)
        on_lost(why)

    def _hold(self, token: str) -> str:
        while not self._closed.wait(min(self._retry, self._duration / 3)):
            self._try_to_hold(token)
            if not self._term.is_valid:
                return f"the lease {self._lease_name} was not renewed for {self._duration:.0f} s"
        return "this JobManager is ending"

    def _try_to_hold(self, token: str) -> bool:
        """Take or renew the lease; False if it is another's, or the API does not answer."""
        asked = time.monotonic()
        try:
            lease = self._api.get("leases", self._lease_name)
            if lease is None:
                self._api.create("leases", self._lease(token, {}))
            elif not self._may_take(lease, token, asked):
                self._term.end()
                return False
            else:
                self._api.replace("leases", self._lease(token, lease))
        except Conflict:
            return False
        except HighAvailabilityDown as error:
            log.warning("the lease cannot be renewed: %s", error)
            return False
        self._term.renewed(asked)
        return True

    def _may_take(self, lease: dict[str, Any], token: str, now: float) -> bool:
        spec = lease.get("spec", {})
        if spec.get("holderIdentity") in (token, "", None):
            return True
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now)
            return False
        duration = max(self._duration, float(spec.get("leaseDurationSeconds") or 0))
        return now - self._seen[1] > duration

    def _lease(self, token: str, present: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = present.get("spec", {})
        is_ours = spec.get("holderIdentity") == token
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": present.get("metadata") or {"name": self._lease_name, "labels": self._labels},
            "spec": {
                "holderIdentity": token,
                "leaseDurationSeconds": max(1, round(self._duration)),
                "renewTime": now,
                "acquireTime": spec.get("acquireTime") if is_ours else now,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if is_ours else 1),
            },
        }

    def _take_over(self, address: LeaderAddress) -> bool:
        """Put our term on the ConfigMap: from now on no other one changes it."""

        def claim(data: dict[str, str]) -> None:
            data[_LEADER_KEY] = address.model_dump_json()

        try:
            self._change(claim, is_claim=True)
        except (HighAvailabilityDown, NotLeader) as error:
            log.warning("the ConfigMap %s cannot be taken over: %s", self._map_name, error)
            return False
        return True

    def _give_up(self, token: str) -> None:
        """Let the next leader begin at once."""
        try:
            lease = self._api.get("leases", self._lease_name)
            if lease is not None and lease.get("spec", {}).get("holderIdentity") == token:
                body = self._lease(token, lease)
                body["spec"]["holderIdentity"] = ""
                self._api.replace("leases", body)
        except (HighAvailabilityDown, Conflict) as error:
            log.info("the lease %s runs out by itself: %s", self._lease_name, error)

    # ------------------------------------------------------------------ reading and writing

    def leader(self) -> LeaderAddress | None:
        """See HighAvailability."""
        lease = self._api.get("leases", self._lease_name)
        text = self._data().get(_LEADER_KEY)
        if lease is None or text is None:
            return None
        address = LeaderAddress.model_validate_json(text)
        return address if lease.get("spec", {}).get("holderIdentity") == address.token else None

    def read(self, name: str) -> str | None:
        """See HighAvailability."""
        return self._data().get(_POINTER + name)

    def names(self) -> list[str]:
        """See HighAvailability."""
        return sorted(key.removeprefix(_POINTER) for key in self._data() if key.startswith(_POINTER))

    def write(self, name: str, value: str) -> None:
        """See HighAvailability."""
        self._change(lambda data: data.update({_POINTER + name: value}))

    def delete(self, name: str) -> None:
        """See HighAvailability."""
        self._change(lambda data: data.pop(_POINTER + name, None))

    def _data(self) -> dict[str, str]:
        found = self._api.get("configmaps", self._map_name)
        data: dict[str, str] = (found or {}).get("data") or {}
        return data

    def _change(self, change: Callable[[dict[str, str]], Any], is_claim: bool = False) -> None:
        for _ in range(_TRIES):
            if not self.is_leader:
                raise NotLeader("another JobManager may lead by now")
            found = self._api.get("configmaps", self._map_name)
            metadata = (found or {}).get("metadata") or {"name": self._map_name, "labels": self._labels}
            annotations = dict(metadata.get("annotations") or {})
            if not is_claim and annotations.get(TERM_ANNOTATION) != self._token:
                raise NotLeader("another JobManager leads")
            annotations[TERM_ANNOTATION] = str(self._token)
            data = dict((found or {}).get("data") or {})
            change(data)
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**metadata, "annotations": annotations},
                "data": data,
            }
            try:
                if found is None:
                    self._api.create("configmaps", body)
                else:
                    self._api.replace("configmaps", body)
                return
            except Conflict:
                continue
        raise HighAvailabilityDown(f"the ConfigMap {self._map_name} changes all the time")

    def close(self) -> None:
        """See HighAvailability."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(2 * self._retry + 5)
        self._api.close()
