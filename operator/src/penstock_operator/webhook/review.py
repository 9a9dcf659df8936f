"""Answers to AdmissionReview requests: refusals with what to do, warnings, and the label of session jobs.

Called by `server.py`, in a worker thread. Decides by the same validation as the loop. Never raises for what it is sent: a
resource that cannot be read is refused with the field, a question about anything else is allowed.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_api.v1beta1.session_job import FlinkSessionJob
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, SnapshotState
from penstock_operator.build.labels import CANARY, SESSION
from penstock_operator.configuration.option import PREFIX
from penstock_operator.configuration.options import OPTIONS
from penstock_operator.configuration.values import Values
from penstock_operator.decide.inline_secrets import inline_secrets, sentence
from penstock_operator.decide.validate import validate
from penstock_operator.decide.validate_artifact import Resolve
from penstock_operator.decide.validate_flink import DEPRECATED
from penstock_operator.decide.validate_session_job import validate_session_job
from penstock_operator.decide.validate_snapshot import validate_snapshot
from penstock_operator.model.facts import Ref
from penstock_operator.model.launch import with_defaults
from penstock_operator.model.selector import matches

_API_VERSION = "admission.k8s.io/v1"
_UNPROCESSABLE = 422
_FAMILIES = ("job.autoscaler.", "plugins.", "bluegreen.")
"""Keys that the table does not list one by one."""


class Lookup(Protocol):
    """What an answer needs to know beside the resource; answers quickly, or as if nothing were there."""

    def defaults(self, namespace: str) -> Mapping[str, str]:
        """Configuration of the installation for resources of the namespace."""

    def deployment(self, ref: Ref) -> FlinkDeployment | None:
        """A FlinkDeployment; None where it is not there or the API server does not answer."""

    def exists(self, kind: str, ref: Ref) -> bool | None:
        """Whether a resource is there; None where the API server does not answer."""

    @property
    def resolve(self) -> Resolve | None:
        """Looks a host name up, or None."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a resource: the problems that refuse it, and warnings for who applies it."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    patch: tuple[dict[str, Any], ...] = field(default=())
    """Operations of a JSON patch."""


def review(body: Mapping[str, Any], lookup: Lookup, *, mutate: bool = False) -> dict[str, Any]:
    """The AdmissionReview with its response. Raises ValueError where it is no AdmissionReview of version v1."""
    request = body.get("request")
    if body.get("apiVersion") != _API_VERSION or not isinstance(request, Mapping) or "uid" not in request:
        raise ValueError(f"this is no AdmissionReview of {_API_VERSION}")
    is_left = _is_left_alone(request) or not _is_served(request, lookup)
    verdict = Verdict() if is_left else _judge(request, lookup, mutate=mutate)
    response: dict[str, Any] = {"uid": request["uid"], "allowed": not verdict.problems}
    if verdict.problems:
        response["status"] = {"code": _UNPROCESSABLE, "message": "; ".join(verdict.problems)}
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    if verdict.patch and not verdict.problems:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(verdict.patch).encode()).decode()
    return {"apiVersion": _API_VERSION, "kind": "AdmissionReview", "response": response}


def _is_left_alone(request: Mapping[str, Any]) -> bool:
    """Canaries, what is being deleted, and a change that leaves the spec as it is (finalizers, labels of others)."""
    new = request.get("object") or {}
    metadata = new.get("metadata") or {}
    if (metadata.get("labels") or {}).get(CANARY) == "true" or metadata.get("deletionTimestamp"):
        return True
    is_other = request.get("operation") not in ("CREATE", "UPDATE")
    old = request.get("oldObject")
    return is_other or (bool(old) and _spec(old) == _spec(new) and not _lacks_label(new))


def _is_served(request: Mapping[str, Any], lookup: Lookup) -> bool:
    """Whether the operator serves it: what its label selector does not choose is for another one to judge."""
    metadata = (request.get("object") or {}).get("metadata") or {}
    namespace = str(metadata.get("namespace") or request.get("namespace") or "")
    selector = Values(lookup.defaults(namespace)).text("label.selector")
    return matches(selector, metadata.get("labels") or {})


def _judge(request: Mapping[str, Any], lookup: Lookup, *, mutate: bool) -> Verdict:
    body = dict(request["object"])
    kind = (request.get("kind") or {}).get("kind") or body.get("kind")
    metadata = dict(body.get("metadata") or {})
    metadata.setdefault("namespace", request.get("namespace") or "")
    metadata["name"] = metadata.get("name") or request.get("name") or _generated(metadata)
    body["metadata"] = metadata
    try:
        if mutate:
            return Verdict(patch=_session_label(body)) if kind == "FlinkSessionJob" else Verdict()
        return _validated(str(kind), body, lookup)
    except ValidationError as error:
        return Verdict(problems=tuple(_unreadable(error)))


def _validated(kind: str, body: dict[str, Any], lookup: Lookup) -> Verdict:
    namespace = body["metadata"]["namespace"]
    match kind:
        case "FlinkDeployment":
            found = FlinkDeployment.from_wire(body)
            full = with_defaults(found.spec, lookup.defaults(namespace))
            problems = validate(found.model_copy(update={"spec": full}))
            return Verdict(tuple(problem.message for problem in problems), tuple(_warnings(found)))
        case "FlinkSessionJob":
            job = FlinkSessionJob.from_wire(body)
            session = lookup.deployment(Ref(namespace, job.spec.deployment_name or ""))
            problems = validate_session_job(job, session, lookup.defaults(namespace), lookup.resolve)
            plain = tuple(_plain_secrets(job.spec.flink_configuration))
            return Verdict(tuple(problem.message for problem in problems), plain)
        case "FlinkStateSnapshot":
            snapshot = FlinkStateSnapshot.from_wire(body)
            refused = [problem.message for problem in validate_snapshot(snapshot)]
            return Verdict((*refused, *_missing_job(snapshot, lookup)))
    return Verdict()


def _missing_job(snapshot: FlinkStateSnapshot, lookup: Lookup) -> tuple[str, ...]:
    """A job that is not there, of a snapshot that is still to be taken."""
    named, savepoint = snapshot.spec.job_reference, snapshot.spec.savepoint
    is_pending = snapshot.status.state is SnapshotState.TRIGGER_PENDING
    if named is None or not named.name or named.kind is None or not is_pending:
        return ()
    if savepoint is not None and savepoint.already_exists:
        return ()
    if lookup.exists(named.kind.value, Ref(snapshot.metadata.namespace, named.name)) is not False:
        return ()
    return (
        f"spec.jobReference: there is no {named.kind} {named.name!r} in this namespace: correct it or make it",
    )


def _warnings(resource: FlinkDeployment) -> list[str]:
    """What is allowed and will surprise: an old Flink, keys that nobody reads."""
    spec = resource.spec
    found: list[str] = []
    if spec.effective_engine is Engine.FLINK and spec.flink_version in DEPRECATED:
        found.append(f"spec.flinkVersion {spec.flink_version} is deprecated: plan the move to a newer one")
    found.extend(_plain_secrets(spec.flink_configuration))
    keys = flatten_configuration(spec.flink_configuration)
    found.extend(
        f"spec.flinkConfiguration[{option.name}] has no effect: {option.instead}"
        for option in OPTIONS
        if option.name in keys and not option.is_honoured
    )
    known = {name for option in OPTIONS for name in (option.key, *option.former)}
    for key in keys:
        own = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and own not in known and not own.startswith(_FAMILIES):
            found.append(f"spec.flinkConfiguration[{key}] is not known")
    return found


def _plain_secrets(configuration: Mapping[str, Any]) -> list[str]:
    keys = inline_secrets(configuration)
    return [sentence(keys)] if keys else []


def _unreadable(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in problem['loc'])} cannot be {problem.get('input')!r}: {problem['msg']}"
        for problem in error.errors()
    ]


def _session_label(body: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The label by which a session cluster finds its jobs."""
    if not _lacks_label(body):
        return ()
    name = _spec(body).get("deploymentName")
    if (body["metadata"].get("labels") or {}) == {}:
        return ({"op": "add", "path": "/metadata/labels", "value": {SESSION: name}},)
    return ({"op": "add", "path": f"/metadata/labels/{SESSION.replace('/', '~1')}", "value": name},)


def _lacks_label(body: Mapping[str, Any]) -> bool:
    name = _spec(body).get("deploymentName")
    labels = (body.get("metadata") or {}).get("labels") or {}
    return isinstance(name, str) and bool(name) and labels.get(SESSION) != name


def _spec(body: Any) -> dict[str, Any]:
    found = body.get("spec") if isinstance(body, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _generated(metadata: Mapping[str, Any]) -> str:
    """A name as the API server would generate it, to be judged."""
    return f"{metadata.get('generateName') or ''}00000"
