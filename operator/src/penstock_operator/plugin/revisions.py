"""Revisions, their specs and their differences. Pure; called by the commands."""

import difflib
from dataclasses import dataclass
from typing import Any

import yaml

from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.session_job import FlinkSessionJob, FlinkSessionJobSpec
from penstock_api.v1beta1.status import Revision, RevisionOutcome

WORKED = (RevisionOutcome.STABLE, RevisionOutcome.FINISHED)
NONCES = (
    "savepointTriggerNonce",
    "checkpointTriggerNonce",
    "savepointRedeployNonce",
    "autoscalerResetNonce",
)
"""Of `spec.job`: a value that was there before would ask for the same thing once more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A revision whose spec is there."""

    number: int
    spec: dict[str, Any]

    @classmethod
    def read_all(cls, items: list[dict[str, Any]]) -> list["Kept"]:
        """From the API server's list of ControllerRevisions."""
        found = [cls(int(item["revision"]), (item.get("data") or {}).get("spec") or {}) for item in items]
        return sorted(found, key=lambda each: each.number)


def earlier(resource: FlinkDeployment | FlinkSessionJob, kept: list[Kept]) -> int | None:
    """The newest revision before the current one that worked, is another spec, and is kept."""
    history = resource.status.history
    if not history:
        return None
    current, numbers = history[-1], {each.number for each in kept}
    return next((each.number for each in reversed(history[:-1]) if _is_choice(each, current, numbers)), None)


def _is_choice(revision: Revision, current: Revision, numbers: set[int]) -> bool:
    is_other = revision.spec_hash != current.spec_hash
    return is_other and revision.outcome in WORKED and revision.number in numbers


def spec_of(kept: list[Kept], number: int) -> dict[str, Any] | None:
    """The spec of a revision; None where it is not kept."""
    return next((each.spec for each in kept if each.number == number), None)


def to_write(current: dict[str, Any], earlier_spec: dict[str, Any]) -> dict[str, Any]:
    """The earlier spec as it may be written now: nonces, and whether the job shall run, stay as they are."""
    found = dict(earlier_spec)
    _keep(found, current, "restartNonce")
    job, now = dict(found.get("job") or {}), current.get("job") or {}
    for field in (*NONCES, "state"):
        _keep(job, now, field)
    if job:
        found["job"] = job
    return found


def _keep(target: dict[str, Any], source: dict[str, Any], field: str) -> None:
    target.pop(field, None)
    if source.get(field) is not None:
        target[field] = source[field]


def difference(old: dict[str, Any], new: dict[str, Any], old_name: str, new_name: str) -> list[str]:
    """A unified diff of two specs, without what only is a default spelled out."""
    lines = (_lines(old), _lines(new))
    return list(difflib.unified_diff(*lines, fromfile=old_name, tofile=new_name, lineterm=""))


def _lines(spec: dict[str, Any]) -> list[str]:
    is_session_job = "deploymentName" in spec
    read = FlinkSessionJobSpec.from_wire(spec) if is_session_job else FlinkDeploymentSpec.from_wire(spec)
    plain = read.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return yaml.safe_dump(plain, sort_keys=True, width=1000).splitlines()
