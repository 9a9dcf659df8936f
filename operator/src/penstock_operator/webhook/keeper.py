"""Keeps the webhook's certificates: makes them, renews them, and tells the API server before anything is rotated.

Run by the leader (`handlers/`), and only there. Each turn looks at the Secret and at the webhook configurations and takes
the next step, so that a crash between two steps costs nothing. Never raises an error of the API server: it tries again.
"""

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.webhook.certificates import (
    Lives,
    Material,
    is_authority_due,
    is_leaf_due,
    is_overlap_over,
    make_material,
    with_new_authority,
    with_new_leaf,
    without_old_authorities,
)

log = structlog.get_logger(__name__)

KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
SETTLE_SECONDS = 5.0
"""The API server uses a changed bundle within a second or so; a certificate of the new CA waits for this long."""
_AT_REST_SECONDS = 60.0
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are: the Secret, the Service, the webhook configurations."""

    namespace: str
    service: str
    secret: str = "penstock-webhook-certificates"  # noqa: S105 - the name of the object
    configurations: tuple[str, ...] = ()
    """Names of the Validating- and MutatingWebhookConfigurations."""
    hosts: tuple[str, ...] = field(default=())
    """More names that the certificate is for."""

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """Names by which the API server reaches the webhook."""
        return (f"{self.service}.{self.namespace}.svc", *self.hosts)


class Keeper:
    """One installation's certificates."""

    def __init__(
        self,
        client: KubeClient,
        place: Place,
        lives: Lives | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._place = place
        self._lives = lives or Lives()
        self._now = now
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook-certificates", daemon=True)

    def start(self) -> None:
        """Keep them from now on, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; blocks until the turn under way has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(30.0)

    def turn(self) -> float:
        """One step, if one is due; returns the seconds until the next look."""
        try:
            return self._turn()
        except Conflict:
            return _RETRY_SECONDS
        except OperatorError as error:
            log.warning("the webhook's certificates could not be kept", error=error.message)
            return _RETRY_SECONDS * 5

    def _run(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            wait = self.turn()

    def _turn(self) -> float:
        """1. make them, 2. a new CA beside the old, 3. tell the API server, 4. a new certificate, 5. the old CA goes."""
        secret = self._client.get("Secret", self._place.secret, self._place.namespace)
        held, now = Material.from_secret(secret), self._now()
        if held is None:
            made = make_material(self._place.all_hosts, now, self._lives)
            try:
                self._publish(made.bundle)
            except OperatorError as error:  # nobody trusts the webhook yet, so nothing is lost: it can start
                log.warning("the webhook's CA could not be published", error=error.message)
            self._write(secret, made)
            log.info("the webhook's certificates were made", secret=self._place.secret)
            return SETTLE_SECONDS
        if is_authority_due(held, now, self._lives):
            secret, held = self._write(secret, with_new_authority(held, now, self._lives))
            log.info("a new CA of the webhook was made")
        if self._publish(held.bundle):
            return SETTLE_SECONDS
        if is_leaf_due(held, self._place.all_hosts, now, self._lives):
            self._write(secret, with_new_leaf(held, self._place.all_hosts, now, self._lives))
            log.info("the webhook's certificate was renewed")
        elif len(held.authorities) > 1 and is_overlap_over(held, now, self._lives):
            _, held = self._write(secret, without_old_authorities(held))
            self._publish(held.bundle)
            log.info("the old CA of the webhook was dropped")
        return _AT_REST_SECONDS

    def _publish(self, bundle: str) -> bool:
        """Put the CAs into the webhook configurations that lack them; says whether any did."""
        wanted = base64.b64encode(bundle.encode()).decode()
        changed = False
        for kind in KINDS:
            for name in self._place.configurations:
                found = self._client.get(kind, name)
                hooks = [] if found is None else found.get("webhooks") or []
                if found is None or all(hook["clientConfig"].get("caBundle") == wanted for hook in hooks):
                    continue
                for hook in hooks:
                    hook["clientConfig"]["caBundle"] = wanted
                meta = {"resourceVersion": found["metadata"]["resourceVersion"]}
                self._client.patch(kind, name, None, {"metadata": meta, "webhooks": hooks})
                changed = True
        return changed

    def _write(self, secret: Manifest | None, material: Material) -> tuple[Manifest, Material]:
        if secret is None:
            made = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self._place.secret, "namespace": self._place.namespace},
                "type": "Opaque",
                "data": material.to_data(),
            }
            return self._client.create(made), material
        version = {"resourceVersion": secret["metadata"]["resourceVersion"]}
        changed = {"metadata": version, "data": material.to_data()}
        return self._client.patch("Secret", self._place.secret, self._place.namespace, changed), material
