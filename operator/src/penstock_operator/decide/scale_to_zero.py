"""When an idle job goes to zero, and when it comes back: decided from what was read of it and of Kafka. Pure.

Called by `reconcile/scale_to_zero.py`; the planner lays the outcome over the spec (`asleep`), so that stop and start are
those of a job that its owner suspends and resumes. It is status only: what the owner wrote is never edited, and any change
of it wakes the job. Every wait has an end, after which the job runs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, Idle, ScaledToZero, ScalingHeld
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_operator.autoscale.options import AutoscalerOptions, Mode
from penstock_operator.model.kafka import LagAnswer
from penstock_operator.model.plan import Event

SHOWN_AFTER = timedelta(minutes=1)
"""A pause between two records is not worth a write of the status; what lasts longer is shown."""
FRESH_SECONDS = 60.0
"""How old an answer may be that a job is stopped on."""

Outcome = tuple[AutoscalerStatus, tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of the job now. Times are seconds since the epoch."""

    now: float
    generation: int
    wants_running: bool
    """Whether its owner wants it to run."""
    is_running: bool
    """The job was last seen RUNNING, and nothing is being changed."""
    is_stopped: bool = False
    """Nothing of it runs."""
    is_stateless: bool = False
    """Its owner gives its state up at a stop."""
    is_at_work: bool = False
    """A task of it was busy or held back when it was last looked at."""
    quiet: Idle | None = None
    """Since when it has neither read nor written; None while it does, or while nobody can tell."""
    answer: LagAnswer | None = None
    """What Kafka said last."""
    blind_since: float = 0.0
    """Since when Kafka could not be read, where it was asked; 0 where it could."""


def asleep(spec: FlinkDeploymentSpec, autoscaler: AutoscalerStatus | None) -> FlinkDeploymentSpec:
    """The spec as it is carried out at zero: suspended, with a savepoint; the spec itself otherwise."""
    zero = autoscaler.scaled_to_zero if autoscaler is not None else None
    if zero is None or zero.waking_since is not None or spec.job is None:
        return spec
    held = {"state": JobState.SUSPENDED, "stop_policy": StopPolicy.SAVEPOINT}
    return spec.model_copy(update={"job": spec.job.model_copy(update=held)})


def is_waking(autoscaler: AutoscalerStatus | None) -> bool:
    """Whether a job that was at zero is on its way back, whatever has become of its spec."""
    zero = autoscaler.scaled_to_zero if autoscaler is not None else None
    return zero is not None and zero.waking_since is not None


def is_at_zero(autoscaler: AutoscalerStatus | None) -> bool:
    """Whether the job is at zero, or on its way there."""
    zero = autoscaler.scaled_to_zero if autoscaler is not None else None
    return zero is not None and zero.waking_since is None


def decide_zero(held: AutoscalerStatus, sight: Sight, options: AutoscalerOptions) -> Outcome:
    """The status after this look."""
    if held.scaled_to_zero is not None:
        return _at_zero(held, held.scaled_to_zero, sight, options)
    if not options.zero_enabled or not sight.wants_running:
        return held.model_copy(update={"idle": None, "zero_held": None}), ()
    if not sight.is_running:
        return held, ()
    return _running(held, sight, options)


def switched_off(held: AutoscalerStatus | None, sight: Sight) -> AutoscalerStatus | None:
    """What is left to remember once the autoscaler is off: that the job has to come back."""
    if held is None or held.scaled_to_zero is None or not sight.wants_running or sight.is_running:
        return None
    if is_waking(held):
        return held
    return _wake(held, held.scaled_to_zero, sight, "the autoscaler was switched off")[0]


def _running(held: AutoscalerStatus, sight: Sight, options: AutoscalerOptions) -> Outcome:
    if sight.quiet is None:
        return held.model_copy(update={"idle": None, "zero_held": None}), ()
    lasted = timedelta(seconds=sight.now - _seconds(sight.quiet.since))
    if lasted < options.zero_idle_timeout:
        is_shown = lasted >= min(SHOWN_AFTER, options.zero_idle_timeout / 2)
        return held.model_copy(update={"idle": sight.quiet if is_shown else None, "zero_held": None}), ()
    status = held.model_copy(update={"idle": sight.quiet})
    answer = sight.answer
    oldest = max(sight.now - FRESH_SECONDS, _seconds(sight.quiet.since))
    if answer is None or answer.at < oldest:
        return status, ()  # it is being asked
    against = _against(sight, options, answer)
    if against is not None:
        is_said = held.zero_held is not None and held.zero_held.guard == against.guard
        said = () if is_said else (Event(Reason.of(against.reason), against.message),)
        return status.model_copy(update={"zero_held": against}), said
    zero = ScaledToZero(since=_text(sight.now), generation=sight.generation)
    minutes = f"{lasted.total_seconds():.0f} s"
    said = (Event(Reason.SCALED_TO_ZERO, f"Nothing came for {minutes}: the job is stopped with a savepoint"),)
    return held.model_copy(update={"idle": None, "zero_held": None, "scaled_to_zero": zero}), said


def _against(sight: Sight, options: AutoscalerOptions, answer: LagAnswer) -> ScalingHeld | None:
    """What keeps an idle job from zero."""
    if sight.is_stateless:
        why = "spec.job.upgradeMode is stateless: what the job has read would be read again"
        return _held("stateless", Reason.SCALE_TO_ZERO_REFUSED, why)
    if sight.is_at_work:
        return _held(
            "work", Reason.SCALE_TO_ZERO_REFUSED, "the job reads nothing, but is at work or held back"
        )
    if answer.problem is not None:
        return _held("lag", Reason.LAG_UNREADABLE, f"{Reason.LAG_UNREADABLE.sentence} ({answer.problem})")
    if answer.records >= options.zero_wake_lag:
        why = f"{answer.records} records wait in Kafka and the job reads none"
        return _held("backlog", Reason.SCALE_TO_ZERO_REFUSED, why)
    if options.effective_mode is not Mode.ACTIVE:
        return _held(
            "mode",
            Reason.SCALING_REPORT,
            "The job is idle and would be stopped: job.autoscaler.mode is advise",
        )
    return None


def _at_zero(held: AutoscalerStatus, zero: ScaledToZero, sight: Sight, options: AutoscalerOptions) -> Outcome:
    if not sight.wants_running:  # its owner's own suspension
        return held.model_copy(update={"scaled_to_zero": None}), ()
    if zero.waking_since is not None:
        return (held.model_copy(update={"scaled_to_zero": None}) if sight.is_running else held), ()
    if sight.generation != zero.generation:
        return _wake(held, zero, sight, "its spec was changed")
    if not options.zero_enabled or options.effective_mode is not Mode.ACTIVE:
        return _wake(held, zero, sight, "scaling to zero was switched off")
    since = sight.now - _seconds(zero.since)
    if not sight.is_stopped:
        if since <= options.zero_stop_timeout.total_seconds():
            return held, ()
        why = f"it could not be stopped within {options.zero_stop_timeout.total_seconds():.0f} s"
        return _wake(held, zero, sight, why, Reason.SCALE_TO_ZERO_REFUSED)
    if sight.blind_since and sight.now - sight.blind_since > options.zero_blind_timeout.total_seconds():
        problem = sight.answer.problem if sight.answer is not None and sight.answer.problem else "no answer"
        why = f"what waits could not be read for {sight.now - sight.blind_since:.0f} s: {problem}"
        return _wake(held, zero, sight, why, Reason.LAG_UNREADABLE)
    answer = sight.answer
    if answer is not None and answer.problem is None and answer.records >= options.zero_wake_lag:
        return _wake(held, zero, sight, f"{answer.records} records wait in Kafka")
    return held, ()


def _wake(
    held: AutoscalerStatus,
    zero: ScaledToZero,
    sight: Sight,
    why: str,
    reason: Reason = Reason.SCALED_FROM_ZERO,
) -> Outcome:
    waking = zero.model_copy(update={"waking_since": _text(sight.now), "why": why})
    return held.model_copy(update={"scaled_to_zero": waking}), (Event(reason, f"The job comes back: {why}"),)


def _held(guard: str, reason: Reason, message: str) -> ScalingHeld:
    return ScalingHeld(guard=guard, reason=reason.value, message=message)


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def quiet_after(before: Idle | None, records: int, waiting: float, now: float) -> Idle | None:
    """Since when nothing has moved, after a sample: `records` were read and written so far, `waiting` wait by the metrics."""
    if waiting > 0:
        return None
    if before is not None and before.records == records:
        return before
    return Idle(since=_text(now), records=records)
