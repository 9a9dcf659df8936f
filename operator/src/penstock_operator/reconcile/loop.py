"""The loop, for one resource at a time: observe, validate, decide, write, act, report. Read this first.

Called by the work queue for every wake-up, whatever caused it (level-triggered): an Event of the cluster, a timer, the
operator's start. It never looks at what woke it. Blocks; runs in a worker thread, never twice at once for a resource.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import structlog

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import LifecycleState
from penstock_operator.act.executor import Executor
from penstock_operator.configuration.values import Values
from penstock_operator.decide.planner import decide, failed_plan
from penstock_operator.decide.present import error_text
from penstock_operator.decide.rules.delete import gives_up
from penstock_operator.errors import Conflict, OperatorError
from penstock_operator.model.facts import Facts, Problem, Ref
from penstock_operator.model.plan import Event, Plan, Release
from penstock_operator.observe.everything import observe
from penstock_operator.platforms.port import Platform
from penstock_operator.reconcile.autoscaling import Autoscaling
from penstock_operator.reconcile.backoff import Backoff
from penstock_operator.reconcile.budget import UpgradeBudget, is_under_way
from penstock_operator.report.metrics_autoscaler import AutoscalerFigures
from penstock_operator.report.reporter import Reporter

log = structlog.get_logger(__name__)

RESYNC_SECONDS = 900.0
"""The longest time between two looks at what is really there, whatever the watches say."""

LOOKS_PER_SECOND = 50.0
"""At jobs at rest, all together: with very many, each is looked at less often than its rule asks for."""

Recalling = Callable[[], AbstractContextManager[None]]

_SETTLED = (LifecycleState.STABLE, LifecycleState.SUSPENDED)


class Loop:
    """Reconciles the resources of one platform."""

    def __init__(
        self,
        platform: Platform,
        recalling: Recalling | None = None,
        backoff: Backoff | None = None,
        budget: UpgradeBudget | None = None,
        figures: AutoscalerFigures | None = None,
    ) -> None:
        """`recalling`: within it the platform may answer from memory; none where reading costs nothing.

        `figures` are told what the autoscaler sees and decides.
        """
        self._budget = budget or UpgradeBudget()
        self._backoff = backoff or Backoff()
        self._platform = platform
        self._recalling = recalling
        self._rested: dict[Ref, float] = {}
        """When a live look last found nothing to do; absent while there is something."""
        self._executor = Executor(platform)
        self._reporter = Reporter(platform)
        self._autoscaling = Autoscaling(platform, budget=self._budget, figures=figures)
        self._settled: dict[Ref, int | None] = {}
        """Generation at which a resource was last found to be as its owner wants it; absent while it is not."""

    def reconcile(self, ref: Ref) -> float | None:
        """One turn. Returns the seconds until the next is due; None when the resource is gone."""
        again = self._glance(ref)
        if again is not None:
            return self._autoscaling.wait(ref, again)
        self._rested.pop(ref, None)
        resource = self._platform.read(ref)
        if resource is None:
            self._settled.pop(ref, None)
            self._autoscaling.gone(ref)
            self._backoff.succeeded(ref)
            self._budget.settle(ref, is_under_way=False, is_waiting=False)
            return None
        try:
            facts = observe(self._platform, resource, autoscaler=self._autoscaling.look(resource))
            plan = self._decide(facts)
            log.debug(
                "decided",
                resource=str(ref),
                rule=plan.rule,
                actions=[type(action).__name__ for action in plan.actions],
            )
            again = self._carry_out(plan, facts)
            self._backoff.succeeded(ref)
            return again
        except Conflict:
            return 0.0
        except OperatorError as error:
            return self._report_failure(ref, error)
        except Exception as error:
            log.exception("the loop failed", resource=str(ref))
            named = OperatorError(Reason.ERROR, f"{type(error).__name__}: {error}")
            return self._report_failure(ref, named)

    def _decide(self, facts: Facts) -> Plan:
        """The plan; one that begins a change has a place in the budget, or is made again to wait for it."""
        plan, ahead = decide(facts), 0
        if is_under_way(plan.status) and not is_under_way(facts.resource.status):
            ahead = self._budget.claim(
                facts.ref, Values(facts.defaults).integer("upgrade.max-concurrent") or 0
            )
        if ahead:
            plan = decide(replace(facts, upgrades_ahead=ahead))
        going = is_under_way(plan.status)
        is_waiting = (bool(ahead) and not going) or self._autoscaling.is_waiting(facts.ref)
        self._budget.settle(facts.ref, is_under_way=going, is_waiting=is_waiting)
        return plan

    def _glance(self, ref: Ref) -> float | None:
        """Whether what is remembered still says that there is nothing to do; None means to look at what is there now."""
        rested = self._rested.get(ref)
        if self._recalling is None or rested is None or time.monotonic() - rested > RESYNC_SECONDS:
            return None
        try:
            with self._recalling():
                resource = self._platform.read(ref)
                if resource is None or _is_new(resource):
                    return None
                seen = self._autoscaling.look(resource)
                plan = decide(observe(self._platform, resource, autoscaler=seen))
        except Exception:  # noqa: BLE001 - whatever it is, the live look that follows meets it too, and reports it
            return None
        if not _is_at_rest(plan, resource):
            return None
        return max(plan.requeue_seconds, len(self._rested) / LOOKS_PER_SECOND)

    def _carry_out(self, plan: Plan, facts: Facts) -> float | None:
        """1. what must survive, 2. Events, 3. the acts, 4. what they achieved."""
        resource = self._reporter.status(facts.resource, plan.status)
        self._reporter.events(resource, (*plan.events, *self._autoscaling.events(facts.ref)))
        for action in plan.actions:
            resource = self._executor.act(action, resource, facts.cluster.rest_url)
            if isinstance(action, Release):
                return None
        if plan.after is not None:
            self._reporter.status(resource, plan.after)
        self._say_when_settled(plan, facts)
        if _is_at_rest(plan, facts.resource):
            self._rested[facts.ref] = time.monotonic()
        return self._autoscaling.wait(facts.ref, plan.requeue_seconds)

    def _say_when_settled(self, plan: Plan, facts: Facts) -> None:
        """Upstream's words, which people's log searches look for: said when it becomes true, not every turn."""
        is_settled = (
            not plan.actions
            and plan.after is None
            and plan.status.pending_savepoint is None
            and plan.status.error is None
            and plan.status.lifecycle_state in _SETTLED
        )
        generation = facts.resource.metadata.generation
        if not is_settled:
            self._settled.pop(facts.ref, None)
        elif facts.ref not in self._settled or self._settled[facts.ref] != generation:
            self._settled[facts.ref] = generation
            log.info("Resource fully reconciled, nothing to do...", resource=str(facts.ref))

    def _report_failure(self, ref: Ref, error: OperatorError) -> float | None:
        """The reason goes on top of whatever status was written last; nothing else of it changes."""
        resource = self._platform.read(ref)
        if resource is None:
            return error.retry_seconds
        if self._lets_go(resource):
            return None
        problem = Problem(error.reason, error.message)
        if resource.status.error != error_text(problem):
            self._reporter.events(resource, (Event(problem.reason, problem.message),))
        try:
            self._write_problem(resource, problem)
        except OperatorError as second:
            log.warning("the reason could not be written", resource=str(ref), error=second.message)
        return self._backoff.failed(ref, error.retry_seconds)

    def _lets_go(self, resource: FlinkDeployment) -> bool:
        """A resource that goes is let go at the end of its deadline, also where nothing of its job can be seen."""
        said = gives_up(resource, int(time.time() * 1000))
        if said is None:
            return False
        try:
            self._reporter.events(resource, (said,))
            self._platform.release(resource)
        except OperatorError as error:
            log.warning("the resource could not be released", error=error.message)
            return False
        return True

    def _write_problem(self, resource: FlinkDeployment, problem: Problem) -> None:
        facts = Facts(resource=resource, now=int(time.time() * 1000))
        self._reporter.status(resource, failed_plan(facts, resource.status, problem))


def _is_at_rest(plan: Plan, resource: FlinkDeployment) -> bool:
    """Whether the plan does, writes and says nothing."""
    return not (plan.actions or plan.after or plan.events) and plan.status == resource.status


def _is_new(resource: FlinkDeployment) -> bool:
    """Whether the owner changed something that was not looked at yet: no need to ask what is remembered."""
    meta, seen = resource.metadata, resource.status.observed_generation
    return meta.deletion_timestamp is not None or meta.generation != seen
