"""A world of two sides without Kubernetes: children that behave as their specs say, a clock, and a log of every turn."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshotStatus, SnapshotState
from penstock_operator.build.labels import TRANSITION
from penstock_operator.decide.blue_green.planner import decide
from penstock_operator.decide.blue_green.validate import validate
from penstock_operator.model.blue_green import (
    ApplyChild,
    BlueGreenAction,
    BlueGreenFacts,
    Color,
    DeleteChild,
    Route,
    SetJob,
    TakeSavepoint,
)
from penstock_operator.model.facts import Snapshot, StateFacts

BASE: dict[str, Any] = {
    "metadata": {"namespace": "shop", "name": "clicks", "uid": "u", "generation": 1},
    "spec": {
        "ingress": {"template": "{{name}}.example.com"},
        "template": {
            "spec": {
                "image": "clicks:1",
                "flinkConfiguration": {
                    "state.checkpoints.dir": "s3://state/checkpoints",
                    "state.savepoints.dir": "s3://state/savepoints",
                },
                "job": {"jarURI": "local:///clicks.py", "parallelism": 2, "upgradeMode": "savepoint"},
            }
        },
    },
}
START = 1_750_000_000_000


class Crash(Exception):
    """The operator ends here."""


@dataclass
class World:
    """Two sides and their parent. `broken` images never run; `stuck` sides never obey a stop or a deletion."""

    broken: set[str] = field(default_factory=set)
    stuck: set[Color] = field(default_factory=set)
    no_savepoints: bool = False
    seconds: int = 0
    lines: list[str] = field(default_factory=list)
    children: dict[Color, FlinkDeployment] = field(default_factory=dict)
    routed: Color | None = None
    crash_at: str | None = None
    snapshots: dict[str, tuple[Color, int]] = field(default_factory=dict)
    """Savepoints that were asked for: of which side, and when."""
    failing_savepoints: int = 0

    def __post_init__(self) -> None:
        self.resource = FlinkBlueGreenDeployment.from_wire(copy.deepcopy(BASE))

    # What people do.

    def change(self, **parts: Any) -> None:
        """Change spec fields; `template` and `job` are merged into theirs."""
        wire = self.resource.spec.to_wire()
        template = wire["template"]["spec"]
        template["job"].update(parts.pop("job", {}))
        template.update(parts.pop("template", {}))
        wire.update(parts)
        spec = type(self.resource.spec).from_wire(wire)
        meta = self.resource.metadata
        meta = meta.model_copy(update={"generation": (meta.generation or 0) + 1})
        self.resource = self.resource.model_copy(update={"spec": spec, "metadata": meta})
        self.lines.append(f"{self.seconds:5}s -- the owner changes the spec")

    # The loop.

    def turn(self) -> float:
        """One turn of the operator; a crash leaves what was done until then."""
        status = self.resource.status
        facts = BlueGreenFacts(
            resource=self.resource,
            now=START + self.seconds * 1000,
            blue=self.children.get(Color.BLUE),
            green=self.children.get(Color.GREEN),
            state=self._state(),
            savepoint=self._snapshot(),
            problems=validate(self.resource, {}),
            is_routed=self._is_routed(),
        )
        plan = decide(facts)
        self._log(plan.rule, plan.actions, status.to_wire() != plan.status.to_wire(), plan)
        self._write(plan.status)
        self._crash("status")
        for action in plan.actions:
            self._act(action)
            self._crash("act")
        if plan.after is not None:
            self._write(plan.after)
        return plan.requeue_seconds

    def run(self, seconds: int) -> None:
        """Let so much time go by: a turn and a tick of the sides each second."""
        for _ in range(seconds):
            self.turn()
            self.seconds += 1
            self._tick()
            self._check()

    # The sides.

    def _act(self, action: BlueGreenAction) -> None:
        match action:
            case ApplyChild(color=color, spec=spec, transition_id=transition):
                self._apply(color, spec, transition)
            case SetJob(color=color, state=state, stop_policy=policy):
                self._job(color, state=state, stop_policy=policy)
            case TakeSavepoint(color=color, id=asked):
                self.snapshots.setdefault(asked, (color, self.seconds))
            case DeleteChild(color=color):
                self._meta(color, deletion_timestamp="2026-01-01T00:00:00Z")
            case Route(color=color):
                self.routed = color

    def _apply(self, color: Color, spec: FlinkDeploymentSpec, transition: str) -> None:
        child = self.children.get(color)
        if child is None:
            body = {"metadata": {"namespace": "shop", "name": color.child("clicks"), "generation": 0}}
            child = FlinkDeployment.from_wire(body)
        assert child.metadata.deletion_timestamp is None, "a side that is going away is not brought back"
        self.children[color] = child.model_copy(update={"spec": spec})
        generation = (child.metadata.generation or 0) + 1
        self._meta(color, generation=generation, annotations={TRANSITION: transition})

    def _job(self, color: Color, **update: Any) -> None:
        child = self.children[color]
        assert child.spec.job is not None
        job = child.spec.job.model_copy(update=update)
        self.children[color] = child.model_copy(update={"spec": child.spec.model_copy(update={"job": job})})
        self._meta(color, generation=(child.metadata.generation or 0) + 1)

    def _meta(self, color: Color, **update: Any) -> None:
        child = self.children[color]
        self.children[color] = child.model_copy(update={"metadata": child.metadata.model_copy(update=update)})

    def _tick(self) -> None:
        for color in list(self.children):
            child = self.children[color]
            if color in self.stuck:
                continue
            if child.metadata.deletion_timestamp:
                del self.children[color]
                continue
            self._status(color, self._behave(color, child))

    def _behave(self, color: Color, child: FlinkDeployment) -> dict[str, Any]:
        """What the child's own loop would report now, as wire fields of its status."""
        job = child.spec.job
        assert job is not None
        held = child.status.to_wire().get("jobStatus", {})
        ids = held.get("jobIds") or []
        wire: dict[str, Any] = {"observedGeneration": child.metadata.generation}
        if job.state is JobState.SUSPENDED:
            if job.stop_policy is StopPolicy.SAVEPOINT and self.no_savepoints:
                return {"lifecycleState": "UPGRADING", "jobStatus": held}
            return {**wire, "lifecycleState": "SUSPENDED", "jobStatus": {**held, "state": "SUSPENDED"}}
        ids = ids or [f"{color.value.lower()}-{child.metadata.annotations[TRANSITION]}"]
        if child.spec.image in self.broken:
            return {
                **wire,
                "lifecycleState": "DEPLOYED",
                "error": '{"type": "JobFailed", "message": "it cannot run"}',
                "jobStatus": {**held, "state": "FAILED", "jobIds": ids},
                "reconciliationStatus": {"lastReconciledSpec": "{}"},
            }
        found = {**held, "state": "RUNNING", "jobIds": ids}
        return {
            **wire,
            "lifecycleState": "STABLE",
            "jobStatus": found,
            "reconciliationStatus": {"lastReconciledSpec": "{}"},
        }

    def _status(self, color: Color, wire: dict[str, Any]) -> None:
        child = self.children[color]
        self.children[color] = child.model_copy(update={"status": type(child.status).from_wire(wire)})

    def _state(self) -> StateFacts:
        """What a stopped side left: the newest checkpoint of its job, or the savepoint of its stop."""
        state = self.resource.status.blue_green_state
        color = Color.GREEN if state is Color.GREEN.saving else Color.BLUE
        child = self.children.get(color)
        if child is None or not child.status.job_status.job_ids or child.spec.job is None:
            return StateFacts(looked_up=True)
        kind = "stop-of" if child.spec.job.stop_policy is StopPolicy.SAVEPOINT else "checkpoint-of"
        path = f"s3://state/{kind}-{color.value.lower()}"
        return StateFacts(looked_up=True, snapshots=(Snapshot(path, 7, 1, "j"),))

    def _snapshot(self) -> FlinkStateSnapshotStatus | None:
        """The savepoint that the status records, which is there two seconds after it was asked for."""
        found = self.snapshots.get(self.resource.status.savepoint_trigger_id or "")
        if found is None:
            return None
        color, at = found
        if self.no_savepoints or self.seconds < at + 1:
            return FlinkStateSnapshotStatus(state=SnapshotState.IN_PROGRESS)
        if self.failing_savepoints > 0:
            self.failing_savepoints -= 1
            return FlinkStateSnapshotStatus(state=SnapshotState.FAILED, error="no room")
        path = f"s3://state/savepoints/of-{color.value.lower()}"
        return FlinkStateSnapshotStatus(state=SnapshotState.COMPLETED, path=path)

    def _is_routed(self) -> bool:
        state = self.resource.status.blue_green_state
        wanted = [color for color in Color if state is color.active]
        return not wanted or self.routed is wanted[0]

    # What is watched over.

    def _check(self) -> None:
        fenced = self.resource.spec.handover == "Fenced"
        writing = [color for color, child in self.children.items() if self._may_write(child)]
        assert not (fenced and len(writing) > 1), f"both sides may write at {self.seconds} s"

    @staticmethod
    def _may_write(child: FlinkDeployment) -> bool:
        state = child.status.job_status.state
        return state is not None and state.value in ("RUNNING", "FAILED", "RESTARTING")

    def _write(self, status: Any) -> None:
        self.resource = self.resource.model_copy(update={"status": type(status).from_wire(status.to_wire())})

    def _crash(self, point: str) -> None:
        if self.crash_at == point:
            self.crash_at = None
            self.lines.append(f"{self.seconds:5}s -- the operator dies after: {point}")
            raise Crash

    def _log(self, rule: str, actions: tuple[BlueGreenAction, ...], is_written: bool, plan: Any) -> None:
        before = self.resource.status
        after = plan.after or plan.status
        moved = before.blue_green_state is not after.blue_green_state
        if not (actions or plan.events or moved or (before.error != after.error)):
            return
        self.lines.append(f"{self.seconds:5}s {rule}")
        for event in plan.events:
            self.lines.append(f"        {event.type} {event.reason.value}: {event.message}")
        for action in actions:
            self.lines.append(f"        {_said(action)}")
        if moved:
            path = after.initial_savepoint_path
            self.lines.append(f"        -> {after.blue_green_state}" + (f" from {path}" if path else ""))
        if before.error != after.error:
            self.lines.append(f"        error: {after.error or 'none'}")
        bad = [c.type for c in after.conditions if c.status.value == "True"]
        self.lines.append(f"        true: {', '.join(bad)}; job {after.job_status.state}")


def _said(action: BlueGreenAction) -> str:
    match action:
        case ApplyChild(color=color, spec=spec):
            job = spec.job
            assert job is not None
            return f"apply {color.value}: {spec.image} {job.state.value} from {job.initial_savepoint_path}"
        case SetJob(color=color, state=state, stop_policy=policy):
            return (
                f"set {color.value}: {state.value}, stop policy {policy.value if policy else 'of its mode'}"
            )
        case TakeSavepoint(color=color):
            return f"savepoint of {color.value}"
        case DeleteChild(color=color):
            return f"delete {color.value}"
    return f"route to {action.color.value}"
