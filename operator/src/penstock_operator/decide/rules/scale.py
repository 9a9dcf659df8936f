"""Only the parallelism changed: the job is scaled in place, TaskManagers first where it grows, last where it shrinks.

What is asked for is in the status before it is asked for. Where it cannot be so, or is not so in time, the job is
stopped and started as for any other change. A JobManager that comes back with its old parallelism is asked again.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.status import FlinkDeploymentStatus, InPlaceScaling
from penstock_operator.decide.revise import record_spec, revise_reconciliation
from penstock_operator.decide.rules.change import stop_so
from penstock_operator.decide.scaling import Scale, bounds_for, is_asked, is_reached, overrides_of
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.stopping import choose_stopping
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import Launch
from penstock_operator.model.plan import Bounds, Event, Rescale, SetTaskManagers

ENABLED = "job.upgrade.inplace-scaling.enabled"
TIMEOUT = "job.upgrade.inplace-scaling.timeout"
WAIT_SECONDS = 1.0


def scale(situation: Situation) -> Step | None:
    """Applies to a change that costs no more than a scaling, and while one is under way or has come undone."""
    if situation.is_suspended or not situation.is_deployed or not situation.wants_running:
        return None
    cost, paths = diff_cost(situation.baseline, situation.wanted)
    held = situation.status.scaling
    if cost > Cost.SCALE or situation.status.pending_savepoint is not None:
        return None
    target = _target(situation)
    if cost is Cost.IGNORE and (held is None or held.done):
        return _repair(situation, target)
    if held is not None and not held.done and _is_for(held, target):
        return _go_on(situation, held, target)
    is_under_way = held is not None and not held.done
    if not is_under_way and (not _may_scale(situation) or situation.facts.upgrades_ahead):
        return None
    return _begin(situation, target, paths)


def _target(situation: Situation) -> Scale:
    launch = _launch(situation)
    overrides = tuple(sorted(overrides_of(launch.spec).items()))
    return Scale(launch.parallelism, _task_managers(situation, launch), overrides)


def _task_managers(situation: Situation, launch: Launch) -> int:
    """None of a session cluster's: they are not the job's to change."""
    return launch.task_managers if situation.facts.cluster.owns_task_managers else 0


def _launch(situation: Situation) -> Launch:
    job = situation.status.job_status
    return situation.launch(situation.wanted, job.job_id or "", job.upgrade_savepoint_path)


def _before(situation: Situation) -> Scale:
    launch = situation.launch(situation.baseline, "", None)
    return Scale(launch.parallelism, _task_managers(situation, launch))


def _bounds(situation: Situation, target: Scale) -> tuple[Bounds, ...]:
    held, known = situation.status.scaling, {_before(situation).parallelism, target.parallelism}
    if held is not None and held.parallelism:
        known.add(held.parallelism)
    return bounds_for(target, situation.facts.job.vertices, frozenset(known))


def _is_for(held: InPlaceScaling, target: Scale) -> bool:
    return (held.parallelism, held.task_managers) == (target.parallelism, target.task_managers)


def _may_scale(situation: Situation) -> bool:
    """The job runs, its state and its JobManager can do it, and no override is taken back (what it was before is not known)."""
    vertices = situation.facts.job.vertices
    limits = {vertex.id: vertex.limit for vertex in vertices}
    wanted = _bounds(situation, _target(situation))
    is_possible = (
        situation.runs and bool(vertices) and all(each.upper <= limits[each.vertex] for each in wanted)
    )
    removed = overrides_of(situation.baseline).keys() - overrides_of(situation.wanted).keys()
    return is_possible and not removed and situation.flag(ENABLED, default=True)


def _begin(situation: Situation, target: Scale, paths: list[str]) -> Step:
    before, held = _before(situation), situation.status.scaling
    most = max(target.task_managers, before.task_managers, (held.task_managers or 0) if held else 0)
    asked = InPlaceScaling(
        parallelism=target.parallelism,
        task_managers=target.task_managers,
        requested_at=situation.facts.now,
        done=False,
    )
    status = situation.status.model_copy(update={"scaling": asked})
    changed = (Event(Reason.SPEC_CHANGED, f"SCALE change of {', '.join(paths)}"),) if paths else ()
    said = (
        *changed,
        Event(Reason.SCALING, f"Scaling in place from {before.parallelism} to {target.parallelism}", "Job"),
    )
    # Fewer than were asked for before and never came: nothing else would take those back.
    is_taken_back = situation.facts.cluster.task_managers <= target.task_managers
    is_asked_now = bool(target.task_managers) and (target.task_managers == most or is_taken_back)
    actions = (SetTaskManagers(_launch(situation), target.task_managers),) if is_asked_now else ()
    return Step(status, actions, events=said, requeue_seconds=IN_FLIGHT)


def _go_on(situation: Situation, held: InPlaceScaling, target: Scale) -> Step:
    job, cluster = situation.facts.job, situation.facts.cluster
    is_refused = Reason.SCALING_FAILED.value in (situation.facts.resource.status.error or "")
    is_late = is_refused or situation.since(held.requested_at) > situation.duration(TIMEOUT, "3 min")
    bounds = _bounds(situation, target)
    if situation.runs and job.vertices and is_reached(bounds, job.vertices):
        return _finish(situation, target, is_late=is_late)
    if is_late:
        return _give_up(situation)
    waiting = Step(situation.status, requeue_seconds=WAIT_SECONDS)
    if cluster.task_managers < target.task_managers:
        wider = SetTaskManagers(_launch(situation), target.task_managers)
        return Step(situation.status, (wider,), requeue_seconds=WAIT_SECONDS)
    if not situation.runs or not job.vertices or is_asked(bounds, job.vertices):
        return waiting
    asks = Rescale(situation.status.job_status.job_id or "", bounds)
    return Step(situation.status, (asks,), requeue_seconds=IN_FLIGHT)


def _finish(situation: Situation, target: Scale, *, is_late: bool) -> Step:
    """The job is as it shall be; TaskManagers that nothing runs in any more go before the change is recorded."""
    idle = situation.facts.job.idle_task_managers
    too_many = situation.facts.cluster.task_managers - target.task_managers
    if too_many > 0 and len(idle) < too_many and not is_late:
        return Step(situation.status, requeue_seconds=WAIT_SECONDS)
    fewer = (SetTaskManagers(_launch(situation), target.task_managers, idle),) if too_many > 0 else ()
    done = _record(situation, situation.status)
    if not fewer:
        return Step(done)
    return Step(situation.status, fewer, after=done)


def _record(situation: Situation, status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The wanted spec is the deployed one; a spec that was stable stays so, for only its width changed."""
    held = status.reconciliation_status
    was_stable = held.last_reconciled_spec == held.last_stable_spec
    asked = (status.scaling or InPlaceScaling()).model_copy(update={"done": True})
    generation = situation.facts.resource.metadata.generation
    done = record_spec(
        status, situation.wanted, status.observed_generation if situation.is_refused else generation
    )
    if was_stable:
        spec = done.reconciliation_status.last_reconciled_spec
        done = revise_reconciliation(done, last_stable_spec=spec)
    return done.model_copy(update={"scaling": asked})


def _give_up(situation: Situation) -> Step:
    """Stop and start instead; while the job cannot be stopped either, the scaling is still waited for."""
    how = choose_stopping(situation)
    if isinstance(how, Problem):
        return Step(situation.status, requeue_seconds=WAIT_SECONDS)
    status = situation.status.model_copy(update={"scaling": None})
    said = Event(Reason.SCALING_FAILED, Reason.SCALING_FAILED.sentence, "Job")
    return stop_so(situation.with_status(status), how, (said,))


def _repair(situation: Situation, target: Scale) -> Step | None:
    """A JobManager that was started anew knows its first parallelism: it is told the one that is recorded."""
    job, held = situation.facts.job, situation.status.scaling
    if not situation.runs or not job.vertices or not situation.flag(ENABLED, default=True):
        return None
    if held is None and not target.overrides:
        return None
    bounds = _bounds(situation, target)
    if is_asked(bounds, job.vertices) or situation.facts.cluster.task_managers < target.task_managers:
        return None
    said = Event(Reason.SCALING, f"Scaling in place to {target.parallelism} again, as recorded", "Job")
    asks = Rescale(situation.status.job_status.job_id or "", bounds)
    return Step(situation.status, (asks,), events=(said,), requeue_seconds=IN_FLIGHT)
