"""The operator's process in a cluster: watches, leadership, workers, sweep, health. Called by `penstock-operator run`.

Standbys watch and answer probes, and handle nothing until they hold the Lease.
"""

import asyncio
import logging
import os
import threading
from pathlib import Path
from typing import Any

import kopf
import structlog
import yaml

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator import crds
from penstock_operator.build.context import Defaults
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.handlers.blue_green import blue_green_kind, register_sides
from penstock_operator.handlers.deployment import register
from penstock_operator.handlers.kinds import register_kind
from penstock_operator.handlers.leadership import Leadership
from penstock_operator.handlers.snapshot import snapshot_kind
from penstock_operator.model.facts import Ref
from penstock_operator.platforms.kubernetes import KubernetesPlatform, RestAddress
from penstock_operator.platforms.kubernetes_namespace import sweep
from penstock_operator.reconcile.kinds import DEPLOYMENT, Key, Kind, Kinds
from penstock_operator.reconcile.loop import Loop
from penstock_operator.reconcile.workqueue import WorkQueue
from penstock_operator.settings import Settings

log = structlog.get_logger(__name__)

_SWEEP_SECONDS = 60.0
_CONFIG_DIRECTORY = "/opt/flink/conf"


def run(settings: Settings) -> None:
    """Run until told to stop; losing the Lease ends the process at once."""
    for chatty in ("aiohttp.access", "kopf.objects", "kopf.activities"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    client = KubeClient.from_environment()
    crds.check(client)
    operator = Operator(settings, client)
    try:
        asyncio.run(operator.serve())
    finally:
        operator.close()
        client.close()


def job_defaults(settings: Settings, folder: Path) -> Defaults:
    """What jobs get that do not say otherwise: from the settings, and Flink keys of the operator's `config.yaml`."""
    keys: dict[str, str] = {}
    for name in ("flink-conf.yaml", "config.yaml"):
        if (folder / name).is_file():
            keys.update(flatten_configuration(yaml.safe_load((folder / name).read_text("utf-8")) or {}))
    return Defaults(
        image=settings.runtime_image,
        image_pull_policy=settings.runtime_image_pull_policy,
        cluster_role=settings.job_cluster_role,
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
        folder = Path(os.environ.get("FLINK_CONF_DIR", _CONFIG_DIRECTORY))
        self._platform = KubernetesPlatform(
            client, job_defaults(settings, folder), settings.namespace_template, rest_address
        )
        self._loop = Loop(self._platform, client.memory.recalling)
        self._kinds = Kinds(
            Kind(DEPLOYMENT, "flinkdeployments", self._reconcile_deployment),
            blue_green_kind(client, self._platform, settings.ingress_namespaces),
            snapshot_kind(client, self._platform),
        )
        self._queue: WorkQueue[Key] = WorkQueue(self._kinds.reconcile, settings.workers)
        lease = (settings.operator_namespace, settings.lease_name)
        self._leadership = Leadership(client, lease, settings.pod_name, settings.lease_seconds)
        self._stopping = threading.Event()
        self._sweep_due = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)

    async def serve(self, stop: asyncio.Event | None = None) -> None:
        """Watch, until stopped by a signal or by `stop`."""
        registry, options = kopf.OperatorRegistry(), kopf.OperatorSettings()
        options.posting.enabled = False
        options.peering.standalone = True
        options.networking.request_timeout = 60
        # A watch that died unnoticed tells of nothing: none lives for longer than this.
        options.watching.server_timeout = 240
        options.watching.client_timeout = 300
        register(registry, options, lambda ref: self._wake(Key(DEPLOYMENT, ref)), self._client.memory)
        for kind in self._kinds:
            if kind.name != DEPLOYMENT:  # watched by `register`, with what is made for it
                register_kind(registry, kind, self._wake)
        register_sides(registry, self._wake)
        self._register_life(registry)
        await kopf.operator(
            registry=registry,
            settings=options,
            clusterwide=True,
            standalone=True,
            stop_flag=stop,
            liveness_endpoint=f"http://{_authority(self._settings)}/healthz",
        )

    def close(self) -> None:
        """Finish what is being done, then give the Lease up; called more than once does no harm."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._sweep_due.set()
        self._queue.close(timeout=10.0)
        self._leadership.stop()

    def _register_life(self, registry: kopf.OperatorRegistry) -> None:
        @kopf.on.login(registry=registry)
        def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
            return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

        @kopf.on.startup(registry=registry)
        def started(**_: Any) -> None:
            self._leadership.start(self._lead, _end_process)

        @kopf.on.cleanup(registry=registry)
        def cleaned_up(**_: Any) -> None:
            self.close()

        @kopf.on.probe(registry=registry, id="leader")
        def leads(**_: Any) -> bool:
            return self._leadership.is_leader

    def _wake(self, key: Key) -> None:
        watched = self._settings.watch_namespaces
        if not watched or key.ref.namespace in watched:
            self._queue.wake(key)

    def _reconcile_deployment(self, ref: Ref) -> float | None:
        again = self._loop.reconcile(ref)
        if again is None:
            self._sweep_due.set()
        return again

    def _lead(self) -> None:
        try:
            hold_again(self._client, self._platform)
        except OperatorError as error:
            log.warning("finalizers could not be checked", error=error.message)
        self._queue.start()
        self._sweeper.start()

    def _sweep(self) -> None:
        """Namespaces of resources that are gone: when one goes, and now and then, so a missed event costs a minute."""
        while not self._stopping.is_set():
            try:
                sweep(self._client)
            except OperatorError as error:
                log.warning("the sweep failed", error=error.message)
            self._sweep_due.wait(_SWEEP_SECONDS)
            self._sweep_due.clear()


def hold_again(client: KubeClient, platform: KubernetesPlatform) -> None:
    """Put our finalizer back on resources that run a job: an uninstall takes it off and leaves the jobs running."""
    for found in client.list("FlinkDeployment"):
        resource = FlinkDeployment.from_wire(found)
        is_ending = resource.metadata.deletion_timestamp is not None
        if resource.status.job_status.job_ids and not is_ending:
            try:
                platform.hold(resource)
            except Conflict:  # someone changes it right now: it was seen, and the loop reads it again
                log.debug("resource changed", resource=resource.metadata.name)


def _authority(settings: Settings) -> str:
    """Address and port of the health endpoint, as a URL has them."""
    host = settings.health_host
    return f"[{host}]:{settings.health_port}" if ":" in host else f"{host}:{settings.health_port}"


def _end_process() -> None:
    """At once, with what is being done undone: another process may lead already."""
    os._exit(1)
