"""The loop of FlinkBlueGreenDeployments: observe, decide, write, act, report, one resource at a time.

Called by the work queue, as `loop.py` is for FlinkDeployments. The sides are FlinkDeployments, which their own loop
reconciles; this one only says which there are, what they run, and which has the Ingress.
"""

import time
from typing import Protocol

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment, FlinkBlueGreenDeploymentStatus
from penstock_operator.act.blue_green import act
from penstock_operator.decide.blue_green.planner import decide, failed_plan
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.model.blue_green import BlueGreenFacts, BlueGreenPlan
from penstock_operator.model.facts import Problem, Ref
from penstock_operator.model.plan import Event
from penstock_operator.observe.blue_green import observe_blue_green
from penstock_operator.platforms.kubernetes_blue_green import BlueGreenPlatform

log = structlog.get_logger(__name__)


class BlueGreenStore(Protocol):
    """Where the resources are."""

    def read(self, ref: Ref) -> FlinkBlueGreenDeployment | None:
        """The resource as it is now."""

    def write_status(
        self, resource: FlinkBlueGreenDeployment, status: FlinkBlueGreenDeploymentStatus
    ) -> FlinkBlueGreenDeployment:
        """Put the whole status; raises `Conflict` where the resource changed."""

    def emit(self, resource: FlinkBlueGreenDeployment, event: Event) -> None:
        """An Event on the resource. Never raises."""


class BlueGreenLoop:
    """Reconciles the blue/green deployments of one cluster."""

    def __init__(self, store: BlueGreenStore, platform: BlueGreenPlatform) -> None:
        self._store = store
        self._platform = platform

    def reconcile(self, ref: Ref) -> float | None:
        """One turn. Returns the seconds until the next is due; None when the resource is gone."""
        resource = self._store.read(ref)
        if resource is None:
            return None
        try:
            facts = observe_blue_green(self._platform, resource)
            plan = decide(facts)
            log.debug("decided", resource=str(ref), rule=plan.rule)
            return self._carry_out(plan, facts)
        except Conflict:
            return 0.0
        except OperatorError as error:
            return self._report_failure(ref, error)
        except Exception as error:
            log.exception("the loop failed", resource=str(ref))
            return self._report_failure(ref, OperatorError(Reason.ERROR, f"{type(error).__name__}: {error}"))

    def _carry_out(self, plan: BlueGreenPlan, facts: BlueGreenFacts) -> float:
        """1. what must survive, 2. Events, 3. the acts, 4. what they achieved."""
        resource = self._write(facts.resource, plan.status)
        for event in plan.events:
            self._store.emit(resource, event)
        for action in plan.actions:
            act(self._platform, resource, action)
        if plan.after is not None:
            self._write(resource, plan.after)
        return plan.requeue_seconds

    def _write(
        self, resource: FlinkBlueGreenDeployment, status: FlinkBlueGreenDeploymentStatus
    ) -> FlinkBlueGreenDeployment:
        return resource if status == resource.status else self._store.write_status(resource, status)

    def _report_failure(self, ref: Ref, error: OperatorError) -> float:
        """The reason goes on top of whatever status was written last; nothing else of it changes."""
        resource = self._store.read(ref)
        if resource is None:
            return error.retry_seconds
        try:
            facts = BlueGreenFacts(resource, now=int(time.time() * 1000))
            plan = failed_plan(facts, Problem(error.reason, error.message))
            self._write(resource, plan.status)
            for event in plan.events:
                self._store.emit(resource, event)
        except OperatorError as second:
            log.warning("the reason could not be written", resource=str(ref), error=second.message)
        return error.retry_seconds
