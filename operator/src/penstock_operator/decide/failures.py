"""Failures that a job overcame: each is told as an Event, though the job runs again and nothing is wrong any more. Pure.

Called by the planner. What the job's count of restarts says is new is told once: the count is in the status.
"""

from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.configuration.values import Values
from penstock_operator.decide.present import error_text
from penstock_operator.model.facts import Facts, Thrown
from penstock_operator.model.plan import Event

LIMIT_KEY = "events.exceptions.limit-per-reconciliation"
OLDEST_MS = 30 * 60_000
"""As upstream: what is older is no news."""
_NOTICED_MS = 60_000
"""How long after a failure the job may be seen to start again."""


def overcome(facts: Facts, now: FlinkDeploymentStatus) -> tuple[Event, ...]:
    """One Event for each new failure of a job that runs again, the oldest first."""
    old, count = facts.resource.status, facts.job.restarts
    if old.health is None or old.health.restarts is None or now.health is None or count is None:
        return ()
    new = count - old.health.restarts
    if new <= 0 or now.health.restarts != count:
        return ()
    limit = Values(facts.defaults).integer(LIMIT_KEY) or 0
    known = [each for each in facts.job.thrown if _is_news(each, facts) and not _is_told(each, old)]
    told = known[: max(0, min(new, limit))]
    return tuple(Event(each.problem.reason, each.problem.message, "Job") for each in reversed(told))


def _is_news(thrown: Thrown, facts: Facts) -> bool:
    """Whether it came after the job was last known to run."""
    status = facts.resource.status
    since = status.health.running_since if status.health is not None else None
    if since is None:
        changed = status.job_status.update_time or ""
        since = int(changed) - _NOTICED_MS if changed.isdigit() else 0
    return thrown.at >= max(since, facts.now - OLDEST_MS)


def _is_told(thrown: Thrown, old: FlinkDeploymentStatus) -> bool:
    """Whether it stood in the status while the job was down: that was an Event already."""
    return old.error is not None and old.error == error_text(thrown.problem)
