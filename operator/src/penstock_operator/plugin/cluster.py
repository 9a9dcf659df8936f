"""The plugin's connection to the API server, by the kubeconfig as kubectl reads it. Called by the commands only.

The rights are the person's; the field manager of what is written is the plugin's own.
"""

from dataclasses import dataclass
from typing import Any

import kubernetes
import yaml
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_operator.build import labels
from penstock_operator.clients.kube import KubeClient
from penstock_operator.errors import OperatorError
from penstock_operator.platforms import kubernetes_autoscaler
from penstock_operator.plugin.revisions import Kept

FIELD_MANAGER = "kubectl-penstock"
GROUP, VERSION = "flink.apache.org", "v1beta1"
_KINDS = {
    "FlinkDeployment": ("flinkdeployment", "flinkdep"),
    "FlinkSessionJob": ("flinksessionjob", "sessionjob"),
}
"""What people write before the slash, as kubectl reads it: singular, plural, with the group, or short."""


class PluginError(Exception):
    """What went wrong, in a sentence for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is meant: `NAME` or `KIND/NAME`."""

    kind: str
    name: str

    @classmethod
    def of(cls, text: str) -> "Target":
        """Read it; without a kind a FlinkDeployment is meant."""
        word, slash, name = text.rpartition("/")
        if not slash:
            return cls("FlinkDeployment", name)
        plain = word.lower().removesuffix(f".{GROUP}").removesuffix("s")
        kind = next((kind for kind, names in _KINDS.items() if plain in names), None)
        if kind is None or not name:
            raise PluginError(
                f"{text!r} is no FlinkDeployment and no FlinkSessionJob: write NAME or sessionjob/NAME"
            )
        return cls(kind, name)

    @property
    def word(self) -> str:
        """Its kind, as kubectl says it."""
        return self.kind.lower()


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that keeps revisions: as the API server holds it, and as it is read."""

    body: dict[str, Any]
    resource: FlinkDeployment | FlinkSessionJob

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as it is now."""
        return self.body.get("spec") or {}


class Cluster:
    """One API server and one namespace of it."""

    def __init__(self, kubeconfig: str | None, context: str | None, namespace: str | None) -> None:
        try:
            client = kubernetes.config.new_client_from_config(  # type: ignore[no-untyped-call]
                config_file=kubeconfig, context=context
            )
            contexts, active = kubernetes.config.list_kube_config_contexts(  # type: ignore[no-untyped-call]
                config_file=kubeconfig
            )
        except (ConfigException, yaml.YAMLError) as error:
            raise PluginError(f"no API server: {error}") from error
        chosen = next((found for found in contexts if found["name"] == context), active)
        self.namespace = namespace or (chosen.get("context") or {}).get("namespace") or "default"
        self._reader = KubeClient(client)
        self._writer = kubernetes.client.CustomObjectsApi(client)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def resource(self, name: str) -> dict[str, Any]:
        """The FlinkDeployment as the API server holds it."""
        target = Target.of(name)
        if target.kind != "FlinkDeployment":
            raise PluginError(f"{name}: this is told of FlinkDeployments only")
        return self._held(target)

    def find(self, text: str) -> Found:
        """The FlinkDeployment, or the FlinkSessionJob, that is meant."""
        target = Target.of(text)
        body = self._held(target)
        is_session_job = target.kind == "FlinkSessionJob"
        return Found(
            body, FlinkSessionJob.from_wire(body) if is_session_job else FlinkDeployment.from_wire(body)
        )

    def _held(self, target: Target) -> dict[str, Any]:
        try:
            found = self._reader.get(target.kind, target.name, self.namespace)
        except OperatorError as error:
            raise PluginError(error.message) from error
        if found is None:
            raise PluginError(f"there is no {target.word} {self.namespace}/{target.name}")
        return found

    def autoscaler(self, name: str) -> tuple[bytes | None, bytes | None]:
        """What the autoscaler remembers of the resource, and what it recorded; None where nothing is kept."""
        found: list[bytes | None] = []
        for place in (kubernetes_autoscaler.MEMENTO, kubernetes_autoscaler.RECORDING):
            try:
                held = self._reader.get("ConfigMap", place.name(name), self.namespace)
            except OperatorError as error:
                raise PluginError(error.message) from error
            found.append(kubernetes_autoscaler.content(held, place))
        return found[0], found[1]

    def revisions(self, resource: FlinkDeployment | FlinkSessionJob) -> list[Kept]:
        """Its revisions whose specs are kept, oldest first."""
        selector = f"{labels.RESOURCE_UID}={resource.metadata.uid}"
        try:
            found = self._reader.list("ControllerRevision", self.namespace, selector)
        except OperatorError as error:
            raise PluginError(error.message) from error
        return Kept.read_all(found)

    def write_spec(self, body: dict[str, Any], spec: dict[str, Any], *, dry_run: bool) -> None:
        """Put the spec in place of the one that was read; refused by the API server where it changed since."""
        metadata = body["metadata"]
        said = f"{FIELD_MANAGER}@{metadata.get('generation', 0) + 1}"
        annotations = {**(metadata.get("annotations") or {}), labels.CHANGED_BY: said}
        changed = {**body, "metadata": {**metadata, "annotations": annotations}, "spec": spec}
        name, word = metadata["name"], str(body["kind"]).lower()
        try:
            self._writer.replace_namespaced_custom_object(
                GROUP,
                VERSION,
                self.namespace,
                f"{word}s",
                name,
                changed,
                field_manager=FIELD_MANAGER,
                dry_run="All" if dry_run else None,
            )
        except ApiException as error:
            raise _named(error, f"{word} {self.namespace}/{name}") from error


def _named(error: ApiException, what: str) -> PluginError:
    if error.status == 404:
        return PluginError(f"there is no {what}")
    if error.status == 409:
        return PluginError(f"{what} changed meanwhile: look at it and try again")
    return PluginError(f"{what}: the API server answered {error.status}: {error.reason}")
