"""Jobs on a Kubernetes cluster: the platform port over the API server. Called by the loop, from worker threads.

Builds nothing itself (`build/` does) and decides nothing: it reads, applies, deletes. Never touches an object without
the resource's own label.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import DeletionPolicy, FlinkDeployment, JobNamespaceMode
from penstock_api.v1beta1.state_snapshot import JobReferenceKind
from penstock_api.v1beta1.status import FlinkDeploymentStatus, LifecycleState
from penstock_operator.build import labels
from penstock_operator.build.assembly import build_job, build_surroundings
from penstock_operator.build.context import Defaults, JobContext
from penstock_operator.build.namespace import DEFAULT_TEMPLATE, job_namespace
from penstock_operator.build.references import references
from penstock_operator.clients.kube import KubeClient, Manifest
from penstock_operator.configuration.values import Values
from penstock_operator.errors import Conflict, OperatorError, UserError
from penstock_operator.model.facts import ClusterFacts, Problem, Ref
from penstock_operator.model.launch import NAMESPACE_MODE_KEY, Launch, with_defaults
from penstock_operator.model.layers import namespace_defaults
from penstock_operator.model.plan import Event, TakeSnapshot
from penstock_operator.model.warm import beside, cluster_of, clusters_of
from penstock_operator.platforms import (
    kubernetes_autoscaler,
    kubernetes_events,
    kubernetes_namespace,
    kubernetes_pod_groups,
    kubernetes_revisions,
    kubernetes_room,
    kubernetes_scaling,
    kubernetes_snapshots,
    kubernetes_warm,
)
from penstock_operator.platforms.kubernetes_certificates import make_certificates
from penstock_operator.platforms.kubernetes_copies import drop_unnamed, originals, refresh_copies
from penstock_operator.platforms.kubernetes_fence import put
from penstock_operator.platforms.kubernetes_logs import pod_lines
from penstock_operator.platforms.kubernetes_observation import cluster_facts, rest_url
from penstock_operator.platforms.kubernetes_storage import storage_access
from penstock_operator.platforms.kubernetes_trial import Trials
from penstock_operator.platforms.port import Spare, StorageAccess

log = structlog.get_logger(__name__)

RestAddress = Callable[[str, str], str]
"""URL of a JobManager's REST API, by namespace and name; another than its Service's for an operator outside the cluster."""

_SWEPT_KINDS = ("Deployment", "Service", "Ingress", "ConfigMap", "Secret", "RoleBinding", "ServiceAccount")
"""What a job has beside its resource (`Shared` mode), in the order in which it is deleted."""


class KubernetesPlatform:
    """One cluster."""

    def __init__(
        self,
        client: KubeClient,
        defaults: Defaults,
        namespace_template: str = DEFAULT_TEMPLATE,
        rest_address: RestAddress | None = None,
    ) -> None:
        self._client = client
        self._rest_address = rest_address
        self._defaults = defaults
        self._template = namespace_template
        self._trials = Trials(client)
        self._nodes = kubernetes_room.Nodes(client)

    def reconfigure(self, configuration: Mapping[str, str]) -> None:
        """Use other configuration of the installation from the next turn on."""
        self._defaults = replace(self._defaults, configuration=tuple(sorted(configuration.items())))

    # Resources.

    def read(self, ref: Ref) -> FlinkDeployment | None:
        """The resource as the API server has it."""
        found = self._client.get("FlinkDeployment", ref.name, ref.namespace)
        return None if found is None else FlinkDeployment.from_wire(found)

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Put the status subresource, with the job's namespace, in which the job stays from then on."""
        status = status.model_copy(update={"job_namespace": status.job_namespace or self._place(resource)})
        meta = resource.metadata
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": meta.name,
                "namespace": meta.namespace,
                "resourceVersion": meta.resource_version,
            },
            "status": status.to_wire(),
        }
        return FlinkDeployment.from_wire(self._client.replace(body, "status"))

    def under_way(self, selector: str = "") -> list[Ref]:
        """Resources that the selector chooses and whose change was begun and is not done, by their own word."""
        listed = self._client.list("FlinkDeployment", selector=selector)
        found = (FlinkDeployment.from_wire(one) for one in listed)
        begun = (LifecycleState.UPGRADING, LifecycleState.ROLLING_BACK)

        def is_begun(one: FlinkDeployment) -> bool:
            is_scaling = one.status.scaling is not None and one.status.scaling.done is False
            return is_scaling or one.status.lifecycle_state in begun

        return [Ref(one.metadata.namespace, one.metadata.name) for one in found if is_begun(one)]

    def hold(self, resource: FlinkDeployment) -> FlinkDeployment:
        """Our finalizer on; nothing is written where it is on already."""
        if labels.FINALIZER in resource.metadata.finalizers:
            return resource
        return self._finalizers(resource, [*resource.metadata.finalizers, labels.FINALIZER])

    def release(self, resource: FlinkDeployment) -> None:
        """Our finalizer off, and upstream's. By policy Orphan a namespace stays, and is marked so."""
        gone = (labels.FINALIZER, *labels.UPSTREAM_FINALIZERS)
        current = self.read(Ref(resource.metadata.namespace, resource.metadata.name))
        if current is None or current.metadata.uid != resource.metadata.uid:
            return
        place = self._place(current)
        deletion = current.spec.deletion
        stays = deletion is not None and deletion.policy is DeletionPolicy.ORPHAN
        if stays and place is not None and place != current.metadata.namespace:
            kubernetes_namespace.leave_behind(self._client, place, current.metadata.uid or "")
        kept = [name for name in current.metadata.finalizers if name not in gone]
        if kept != current.metadata.finalizers:
            self._finalizers(current, kept)

    def dismiss(self, resource: FlinkDeployment) -> None:
        """Delete the resource: it goes when its finalizer does."""
        meta = resource.metadata
        with suppress(Conflict):  # a namesake
            self._client.delete("FlinkDeployment", meta.name, meta.namespace, uid=meta.uid)

    def keep_revision(self, resource: FlinkDeployment, number: int, spec: str, kept: Collection[int]) -> None:
        """A ControllerRevision beside the resource, which owns it."""
        kubernetes_revisions.keep(self._client, resource, number, spec, kept)

    def recall_autoscaler(self, resource: FlinkDeployment) -> bytes | None:
        """From the ConfigMap `autoscaler-<name>`."""
        return kubernetes_autoscaler.recall(self._client, resource)

    def keep_autoscaler(self, resource: FlinkDeployment, memory: bytes | None) -> None:
        """In the ConfigMap `autoscaler-<name>`, which the resource owns."""
        kubernetes_autoscaler.keep(self._client, resource, memory)

    def recall_recording(self, resource: FlinkDeployment) -> bytes | None:
        """From the ConfigMap `autoscaler-<name>.recording`."""
        return kubernetes_autoscaler.recall(self._client, resource, kubernetes_autoscaler.RECORDING)

    def keep_recording(self, resource: FlinkDeployment, recording: bytes | None) -> None:
        """In the ConfigMap `autoscaler-<name>.recording`, which the resource owns."""
        kubernetes_autoscaler.keep(self._client, resource, recording, kubernetes_autoscaler.RECORDING)

    def emit(self, resource: FlinkDeployment, event: Event) -> None:
        """An Event on the resource; one that cannot be written is in the log already."""
        try:
            kubernetes_events.record(self._client, resource, event)
        except OperatorError as error:
            log.warning("an Event could not be written", reason=event.reason.value, error=error.message)

    # The job.

    def job_namespace(self, resource: FlinkDeployment) -> str:
        """The namespace that the status records, else the one that the template gives."""
        meta = resource.metadata
        ref = Ref(meta.namespace, meta.name)
        recorded = resource.status.job_namespace
        found = recorded or job_namespace(resource.spec, ref, self._template, self.defaults(meta.namespace))
        if self._client.within and found != meta.namespace:
            raise kubernetes_namespace.out_of_reach(found, is_recorded=bool(recorded))
        return found

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """The operator's own `config.yaml`; where it has rights in some namespaces only, jobs get none of their own."""
        found = namespace_defaults(dict(self._defaults.configuration), namespace)
        return {**found, NAMESPACE_MODE_KEY: JobNamespaceMode.SHARED.value} if self._client.within else found

    def refusals(self, resource: FlinkDeployment) -> tuple[Problem, ...]:
        """A namespace that is not the job's, or something that the spec names and that is not there."""
        meta = resource.metadata
        try:
            namespace = self.job_namespace(resource)
        except UserError as error:
            return (Problem(error.reason, error.message),)
        found: list[Problem] = []
        if namespace != meta.namespace:
            refused = kubernetes_namespace.refusal(
                self._client.get("Namespace", namespace), Ref(meta.namespace, meta.name), meta.uid or ""
            )
            if refused is not None:
                found.append(Problem(refused.reason, refused.message))
        elif taken := kubernetes_namespace.foreign(self._client, meta.name, namespace, meta.uid or ""):
            message = f"{taken} is there and is not this job's: delete it, or give the resource another name"
            found.append(Problem(Reason.VALIDATION_ERROR, message))
        found += self._missing(resource, is_dedicated=namespace != meta.namespace)
        if (ungrouped := kubernetes_pod_groups.refusal(self._client, resource.spec, namespace)) is not None:
            found.append(ungrouped)
        refused_there = None if found else self._trials.refusal(resource, namespace, self._defaults)
        return (*found, refused_there) if refused_there is not None else tuple(found)

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        """Deployments, pods and what keeps them from running."""
        try:
            namespace = self.job_namespace(resource)
        except UserError:  # nothing was ever made: the template gives no name, as `refusals` says
            return ClusterFacts()
        found = cluster_facts(self._client, resource, namespace)
        if self._rest_address is not None and found.rest_url is not None:
            found = replace(found, rest_url=self._rest_address(namespace, cluster_of(resource)))
        other = found.beside
        if self._rest_address is not None and other is not None and other.rest_url is not None:
            url = self._rest_address(namespace, beside(resource.status) or "")
            found = replace(found, beside=replace(other, rest_url=url))
        return found

    def take_snapshot(self, resource: FlinkDeployment, wanted: TakeSnapshot) -> None:
        """A FlinkStateSnapshot beside the resource."""
        ref = Ref(resource.metadata.namespace, resource.metadata.name)
        selector = Values(self.defaults(ref.namespace)).text("label.selector")
        kind = JobReferenceKind.FLINK_DEPLOYMENT
        kubernetes_snapshots.take_snapshot(self._client, kind, ref, wanted, selector)

    def refresh_copies(self, resource: FlinkDeployment) -> None:
        """The originals' content over the copies that differ."""
        refresh_copies(self._client, resource, self.job_namespace(resource))

    def deploy(self, resource: FlinkDeployment, launch: Launch) -> None:
        """1. the namespace, 2. what it is furnished with, 3. config, certificates, Services, Deployments."""
        context = JobContext(launch, self.job_namespace(resource), self._defaults)
        if context.is_dedicated:
            kubernetes_namespace.claim(self._client, context)
        else:
            kubernetes_namespace.refuse_foreign(self._client, context)
        account = None
        if launch.spec.service_account:
            account = self._client.get("ServiceAccount", launch.spec.service_account, launch.ref.namespace)
        copied = originals(self._client, context, account)
        used = kubernetes_namespace.in_use(self._client, context)
        for manifest in build_surroundings(context, account, copied, used):
            self._client.apply(manifest)
        if not launch.waits:  # what runs may still name them
            drop_unnamed(self._client, context, account)
        held = self._client.get("Secret", context.tls_name, context.namespace)
        kubernetes_namespace.forget_leaders(self._client, context)
        certificates = None if held else make_certificates(context.name, context.service_hosts)
        for manifest in build_job(context, certificates):
            put(self._client, manifest)
        if not launch.waits:
            kubernetes_namespace.drop_unwanted(self._client, context)
        log.info("deployed", resource=str(launch.ref), namespace=context.namespace, job_id=launch.job_id)

    def prepare(self, resource: FlinkDeployment, launch: Launch) -> None:
        """All of a deploy but what is the resource's alone: it stays with the job that runs."""
        kubernetes_warm.refuse_foreign(self._client, launch, self.job_namespace(resource))
        self.deploy(resource, launch)

    def retire(self, resource: FlinkDeployment, cluster: str, rest: Launch | None) -> None:
        """Delete the Deployments; with `rest`, what its pods alone needed, and the quota is that of the other again."""
        namespace = self.job_namespace(resource)
        kubernetes_warm.end(self._client, resource, cluster, namespace)
        if rest is not None:
            kubernetes_warm.clear_up(self._client, JobContext(rest, namespace, self._defaults), cluster)

    def room(self, resource: FlinkDeployment, launch: Launch) -> Problem | None:
        """Other quotas of the namespace, and what else has the name; nodes are the scheduler's to judge."""
        context = JobContext(launch, self.job_namespace(resource), self._defaults)
        return kubernetes_warm.refusal(self._client, context)

    def word_url(self, resource: FlinkDeployment) -> str | None:
        """Of the cluster's own Service."""
        cluster, namespace = cluster_of(resource), self.job_namespace(resource)
        if self._rest_address is not None:
            return self._rest_address(namespace, cluster)
        spec = with_defaults(resource.spec, self.defaults(resource.metadata.namespace))
        return rest_url(resource, namespace, cluster, flatten_configuration(spec.flink_configuration))

    def scale(self, resource: FlinkDeployment, launch: Launch, count: int, idle: Sequence[str]) -> None:
        """The quota, then the Deployment's replicas: its pods are the same, so those that stay run on."""
        context = JobContext(launch, self.job_namespace(resource), self._defaults)
        kubernetes_scaling.scale(self._client, context, count, idle)

    def spare_task_managers(self, resource: FlinkDeployment) -> Spare:
        """By the TaskManagers' Deployment; nothing is known of a job that has none."""
        name, namespace = f"{cluster_of(resource)}-taskmanager", self.job_namespace(resource)
        found = self._client.get("Deployment", name, namespace)
        refresh = Values(dict(self._defaults.configuration)).duration(
            "cluster.resource-view.refresh-interval"
        )
        if found is None:
            return Spare(None)
        return kubernetes_room.spare(
            self._client, self._nodes, found, refresh.total_seconds() if refresh is not None else -1.0
        )

    def stop(self, resource: FlinkDeployment) -> None:
        """Delete the Deployments; their pods get their grace period to end. Those that wait for this end stay."""
        kubernetes_warm.end_all(self._client, resource, self.job_namespace(resource))

    def remove(self, resource: FlinkDeployment) -> None:
        """Delete the pods, then the job's namespace; beside the resource, everything with its label.

        A namespace that still has pods when it is deleted is looked at again by its controller many seconds later,
        so the next turn (which the pods' end wakes) deletes it.
        """
        try:
            namespace = self.job_namespace(resource)
        except UserError:  # no namespace was ever made
            return
        uid = resource.metadata.uid or ""
        if namespace != resource.metadata.namespace:
            found = self._client.get("Namespace", namespace)
            # A second DELETE of a namespace that is on its way out is answered by a conflict.
            if found is None or found["metadata"].get("deletionTimestamp"):
                return
            if kubernetes_namespace.is_of(found, uid) and not self._pods_end(resource, namespace):
                self._client.delete("Namespace", namespace, uid=found["metadata"]["uid"])
            return
        for kind in _SWEPT_KINDS:
            for found in self._client.list(kind, namespace, f"{labels.RESOURCE_UID}={uid}"):
                self._client.delete(kind, found["metadata"]["name"], namespace, uid=found["metadata"]["uid"])
        for cluster in clusters_of(resource):
            kubernetes_namespace.remove_election(self._client, cluster, namespace)

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        """The job's keys, with credentials from the Secrets that its pods use."""
        namespace = resource.metadata.namespace

        def read(kind: str, name: str) -> Manifest | None:
            return self._client.get(kind, name, namespace)

        return storage_access(resource.spec, dict(self._defaults.configuration), read)

    def logs(self, resource: FlinkDeployment, *, follow: bool) -> Iterator[str]:
        """Lines of the job's pods."""
        return pod_lines(self._client, cluster_of(resource), self.job_namespace(resource), follow=follow)

    def _pods_end(self, resource: FlinkDeployment, namespace: str) -> bool:
        """Stop what runs; true while pods are still there."""
        self.stop(resource)
        uid = resource.metadata.uid or ""
        return bool(self._client.list("Pod", namespace, f"{labels.RESOURCE_UID}={uid}"))

    def _place(self, resource: FlinkDeployment) -> str | None:
        try:
            return self.job_namespace(resource)
        except UserError:
            return None

    def _finalizers(self, resource: FlinkDeployment, names: list[str]) -> FlinkDeployment:
        meta = resource.metadata
        patch = {"metadata": {"resourceVersion": meta.resource_version, "finalizers": names}}
        return FlinkDeployment.from_wire(
            self._client.patch("FlinkDeployment", meta.name, meta.namespace, patch)
        )

    def _missing(self, resource: FlinkDeployment, *, is_dedicated: bool) -> Iterator[Problem]:
        """What the spec names and what cannot follow the job or is not there."""
        namespace = resource.metadata.namespace
        for wanted in references(resource.spec):
            if wanted.kind == "PersistentVolumeClaim":
                if is_dedicated:
                    message = f"{wanted.where} names claim {wanted.name!r}, which stays in {namespace}"
                    yield Problem(
                        Reason.VOLUME_NEEDS_SHARED_NAMESPACE,
                        f"{message}: set spec.jobNamespaces.mode to Shared",
                    )
                continue
            if wanted.optional or self._client.get(wanted.kind, wanted.name, namespace) is not None:
                continue
            reason = Reason.SECRET_MISSING if wanted.kind == "Secret" else Reason.CONFIG_MAP_MISSING
            message = (
                f"{wanted.where} names {wanted.kind} {wanted.name!r}, which is not in {namespace}: create it"
            )
            yield Problem(reason, message)
