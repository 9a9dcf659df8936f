"""The operator's process in a cluster: watches, leadership, workers, sweep, health. Called by `penstock-operator run`.

Standbys watch and answer probes, and handle nothing until they hold the Lease.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import kopf
import structlog

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.model import GROUP, VERSION
from penstock_operator import crds
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.configuration.source import Source
from penstock_operator.configuration.values import Values
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.handlers.admission import Canaries, RateLimit
from penstock_operator.handlers.blue_green import blue_green_kind, register_sides
from penstock_operator.handlers.connection import log_in
from penstock_operator.handlers.deployment import register
from penstock_operator.handlers.kinds import register_kind
from penstock_operator.handlers.leadership import Leadership, LeaseTerms
from penstock_operator.handlers.session_job import session_job_kind, session_jobs
from penstock_operator.handlers.snapshot import snapshot_kind
from penstock_operator.handlers.upkeep import Upkeep, watched_namespaces
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform, RestAddress
from penstock_operator.platforms.kubernetes_namespace import sweep
from penstock_operator.reconcile.backoff import Backoff
from penstock_operator.reconcile.budget import UpgradeBudget
from penstock_operator.reconcile.kinds import DEPLOYMENT, Key, Kind, Kinds
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.workqueue import WorkQueue
from penstock_operator.report.metrics import Metrics
from penstock_operator.settings import Settings

log = structlog.get_logger(__name__)

_SWEEP_SECONDS = 60.0
_MOST_WORKERS = 200
_LIST_SECONDS = 5.0


def run(settings: Settings) -> None:
    """Run until told to stop; losing the Lease ends the process at once."""
    for chatty in ("aiohttp.access", "kopf.objects", "kopf.activities"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    client = KubeClient.from_environment()
    client.within = settings.within
    crds.check(client)
    operator = Operator(settings, client)
    try:
        asyncio.run(operator.serve())
    finally:
        operator.close()
        client.close()


def job_defaults(settings: Settings, keys: Mapping[str, str]) -> Defaults:
    """What jobs get that do not say otherwise: from the settings, and the operator's mounted configuration."""
    return Defaults(
        image=settings.runtime_image,
        image_pull_policy=settings.runtime_image_pull_policy,
        cluster_role=settings.job_cluster_role,
        ha_cluster_role=f"{settings.job_cluster_role}-ha",
        role_kind="Role" if settings.within else "ClusterRole",
        operator_namespace=settings.operator_namespace,
        operator_pods=tuple(sorted(settings.operator_pod_labels.items())),
        scrapers=settings.scraper_namespaces,
        ingress_controllers=settings.ingress_namespaces,
        configuration=tuple(sorted(keys.items())),
    )


class Operator:
    """Everything that runs in the process."""

    def __init__(
        self, settings: Settings, client: KubeClient, rest_address: RestAddress | None = None
    ) -> None:
        self._settings = settings
        self._client = client
        source = Source()
        self._upkeep = Upkeep(settings, client, source)
        values = source.values
        self._watched = watched_namespaces(settings, values)
        self._platform = KubernetesPlatform(
            client, job_defaults(settings, source.current()), settings.namespace_template, rest_address
        )
        self._limit = RateLimit(lambda: source.values)
        self._canaries = Canaries(lambda: source.values)
        budget = UpgradeBudget(self._under_way)
        self._metrics = Metrics(values, lambda: self._leadership.is_leader)
        self._loop = Loop(
            self._platform,
            client.memory.recalling,
            Backoff(lambda: source.values),
            budget,
            self._metrics.autoscalers,
        )
        jobs = session_jobs(client, self._platform)
        self._kinds = Kinds(
            Kind(DEPLOYMENT, "flinkdeployments", self._reconcile_deployment),
            blue_green_kind(client, self._platform, settings.ingress_namespaces),
            session_job_kind(client, jobs),
            snapshot_kind(client, self._platform, jobs),
        )
        self._queue: WorkQueue[Key] = WorkQueue(self._turn, workers_of(settings, values))
        self._leadership = Leadership(client, lease_terms(settings, values), settings.pod_name)
        client.guard = self._leadership.check
        self._changed: set[Key] = set()
        """Resources whose spec was changed and that were not woken for it yet; of the event loop alone."""
        client.told = self._metrics.called
        self._stopping = threading.Event()
        self._sweep_due = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)

    async def serve(self, stop: asyncio.Event | None = None) -> None:
        """Watch, until stopped by a signal or by `stop`."""
        registry, options = kopf.OperatorRegistry(), kopf.OperatorSettings()
        options.posting.enabled = False
        options.peering.standalone = True
        options.networking.request_timeout = 60
        options.scanning.disabled = bool(self._settings.within)  # for it asks about the whole cluster
        # A watch that died unnoticed tells of nothing: none lives for longer than this.
        options.watching.server_timeout = 240
        options.watching.client_timeout = 300
        for kind in self._kinds:
            self._register_seen(registry, kind)
        register(registry, options, lambda ref: self._wake(Key(DEPLOYMENT, ref)), self._client.memory)
        for kind in self._kinds:
            if kind.name != DEPLOYMENT:  # watched by `register`, with what is made for it
                register_kind(registry, kind, self._wake, self._client.memory)
        register_sides(registry, self._wake)
        for kind in self._kinds if self._selector else ():
            options.watching.label_selectors["flink.apache.org", kind.plural] = self._selector
        self._register_life(registry)
        await kopf.operator(
            registry=registry,
            settings=options,
            clusterwide=not self._settings.within,
            namespaces=self._settings.within,
            standalone=True,
            stop_flag=stop,
            liveness_endpoint=self._health_endpoint(),
        )

    def _health_endpoint(self) -> str | None:
        values = self._upkeep.values
        if not values.boolean("health.probe.enabled"):
            return None
        said = values.integer("health.probe.port") if values.written("health.probe.port") else None
        return f"http://{_authority(self._settings.health_host, said or self._settings.health_port)}/"

    def close(self) -> None:
        """Finish what is being done, then give the Lease up; called more than once does no harm."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._sweep_due.set()
        self._upkeep.close()
        self._metrics.close()
        self._queue.close(timeout=_seconds(self._upkeep.values, "termination.timeout", 10.0))
        self._leadership.stop()
        self._client.guard = None

    def _register_seen(self, registry: kopf.OperatorRegistry, kind: Kind) -> None:
        """Before all else that is told of resources, so that no canary is ever taken for a job."""

        @kopf.on.event(GROUP, VERSION, kind.plural, registry=registry, id=f"{kind.plural}_seen")
        async def seen(type: str | None, body: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - kopf's name
            meta = body.get("metadata") or {}
            key = Key(kind.name, Ref(meta.get("namespace") or "", meta.get("name") or ""))
            if kind.name == DEPLOYMENT:
                self._canaries.seen(meta)
            if type == "DELETED":
                self._limit.gone(key)
            elif self._limit.seen(key, meta.get("generation")):
                self._changed.add(key)
            self._metrics.saw(kind.name, type, body)

    def _register_life(self, registry: kopf.OperatorRegistry) -> None:
        kopf.on.login(registry=registry)(log_in)

        @kopf.on.startup(registry=registry)
        def started(**_: Any) -> None:
            self._upkeep.follow(self._reconfigure)
            if self._settings.metrics_port is not None:
                self._metrics.serve(self._settings.health_host, self._settings.metrics_port)
            if self._upkeep.values.boolean("leader-election.enabled"):
                self._leadership.start(self._lead, _end_process)
            else:
                self._leadership.lead_alone(self._lead)

        @kopf.on.cleanup(registry=registry)
        def cleaned_up(**_: Any) -> None:
            self.close()

        @kopf.on.probe(registry=registry, id="leader")
        def leads(**_: Any) -> bool:
            return self._leadership.is_leader

        @kopf.on.probe(registry=registry, id="canaries")
        def canaries(**_: Any) -> bool:
            if self._leadership.is_leader and self._canaries.is_late(self._serves):
                raise kopf.PermanentError("a canary was not handled in time")
            return True

    def _serves(self, namespace: str) -> bool:
        return not self._watched or namespace in self._watched

    @property
    def _selector(self) -> str:
        """Chooses the resources that this operator serves."""
        return self._upkeep.values.text("label.selector")

    def _under_way(self) -> list[Ref]:
        return [ref for ref in self._platform.under_way(self._selector) if self._serves(ref.namespace)]

    def _wake(self, key: Key) -> None:
        if self._serves(key.ref.namespace):
            self._queue.wake(key, self._limit.delay(key), is_change=key in self._changed)
        self._changed.discard(key)

    def _reconfigure(self, keys: Mapping[str, str]) -> None:
        """Called when the mounted configuration changed: what is read at each use needs nothing, the rest is here."""
        self._platform.reconfigure(keys)
        before, values = self._watched, Values(keys)
        if values.boolean("dynamic.namespaces.enabled"):
            self._watched = watched_namespaces(self._settings, values)
        if self._watched != before:
            self._wake_all()

    def _wake_all(self) -> None:
        """Every resource that is served; tried until the API server tells of them, as no event does."""
        while not self._stopping.is_set():
            try:
                for kind in self._kinds:
                    for found in self._client.list(kind.name, selector=self._selector):
                        meta = found["metadata"]
                        self._wake(Key(kind.name, Ref(meta["namespace"], meta["name"])))
            except OperatorError as error:
                log.warning("resources could not be listed", error=error.message)
                self._stopping.wait(_LIST_SECONDS)
            else:
                return

    def _turn(self, key: Key) -> float | None:
        """One turn, timed."""
        begun, outcome = time.monotonic(), "failed"
        try:
            again = self._kinds.reconcile(key)
            outcome = "done" if again is not None else "gone"
            return again
        finally:
            self._metrics.turned(key.kind, time.monotonic() - begun, outcome)

    def _reconcile_deployment(self, ref: Ref) -> float | None:
        if self._canaries.handled(ref):
            return None
        again = self._loop.reconcile(ref)
        if again is None:
            self._sweep_due.set()
        return again

    def _lead(self) -> None:
        try:
            hold_again(self._client, self._platform, self._serves, self._selector)
        except OperatorError as error:
            log.warning("finalizers could not be checked", error=error.message)
        self._queue.start()
        if not self._settings.within:  # else no job has a namespace of its own
            self._sweeper.start()
        self._upkeep.lead()

    def _sweep(self) -> None:
        """Namespaces of resources that are gone: when one goes, and now and then, so a missed event costs a minute."""
        while not self._stopping.is_set():
            try:
                sweep(self._client)
            except OperatorError as error:
                log.warning("the sweep failed", error=error.message)
            self._sweep_due.wait(_SWEEP_SECONDS)
            self._sweep_due.clear()


def hold_again(
    client: KubeClient,
    platform: KubernetesPlatform,
    serves: Callable[[str], bool] = lambda _: True,
    selector: str = "",
) -> None:
    """Put our finalizer back on resources that run a job: an uninstall takes it off and leaves the jobs running.

    On those only that this operator serves, by namespace and label: nobody would take it off the others again.
    """
    for found in client.list("FlinkDeployment", selector=selector):
        resource = FlinkDeployment.from_wire(found)
        is_ending = resource.metadata.deletion_timestamp is not None or not serves(
            resource.metadata.namespace
        )
        if resource.status.job_status.job_ids and not is_ending:
            try:
                platform.hold(resource)
            except Conflict:  # someone changes it right now: it was seen, and the loop reads it again
                log.debug("resource changed", resource=resource.metadata.name)


def _authority(host: str, port: int) -> str:
    """Address and port, as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def workers_of(settings: Settings, values: Values) -> int:
    """How many threads reconcile: `reconcile.parallelism` where it is said, else the settings'."""
    if values.written("reconcile.parallelism") is None:
        return settings.workers
    said = values.integer("reconcile.parallelism") or settings.workers
    return _MOST_WORKERS if said < 0 else min(said, _MOST_WORKERS)


def lease_terms(settings: Settings, values: Values) -> LeaseTerms:
    """The Lease's name and times: the configuration's where it says them, else the settings'."""
    is_said = values.written("leader-election.lease-duration") is not None
    lasting = _seconds(values, "leader-election.lease-duration", 15.0) if is_said else settings.lease_seconds
    has_deadline = values.written("leader-election.renew-deadline") is not None
    return LeaseTerms(
        namespace=settings.operator_namespace,
        name=values.written("leader-election.lease-name") or settings.lease_name,
        seconds=lasting,
        renew_seconds=_seconds(values, "leader-election.renew-deadline", 10.0)
        if has_deadline
        else lasting * 2 / 3,
        retry_seconds=_seconds(values, "leader-election.retry-period", 2.0),
    )


def _seconds(values: Values, key: str, otherwise: float) -> float:
    found = values.duration(key)
    return found.total_seconds() if found is not None else otherwise


def _end_process() -> None:
    """At once, with what is being done undone: another process may lead already."""
    os._exit(1)
