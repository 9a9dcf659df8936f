"""The job failed for good and shall be started again (`job.restart.failed`): at once, then ever more rarely.

How often is in the status, so a restart of the operator forgets nothing. The row ends when the owner changes the spec,
and when the job ran for longer than the longest wait.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.status import FailedRestarts, FlinkJobState
from penstock_operator.decide.rules.recover import start_again
from penstock_operator.decide.situation import STEADY, Situation, Step
from penstock_operator.model.facts import Problem

_INITIAL, _MAX = "10 s", "5 min"
_MOST_DOUBLINGS = 20


def restart_failed(situation: Situation) -> Step | None:
    """Applies to a deployed job that FAILED, where its owner wants it started again."""
    if situation.job_state is not FlinkJobState.FAILED or not situation.flag("job.restart.failed"):
        return None
    longest = situation.duration("job.restart.backoff.max", _MAX)
    failed_at = int(situation.status.job_status.update_time or situation.facts.now)
    row = _row(situation, failed_at, longest)
    wait = min(longest, situation.duration("job.restart.backoff.initial", _INITIAL) * _growth(row.count))
    left = wait - timedelta(milliseconds=situation.facts.now - failed_at)
    if row.count and left > timedelta():
        due = datetime.fromtimestamp(failed_at / 1000, tz=UTC) + wait
        sentence = (
            f"{Reason.JOB_FAILED.sentence} Start {row.count + 1} in a row follows at {due:%H:%M:%S} UTC."
        )
        step = Step(situation.status, problem=Problem(Reason.JOB_FAILED, sentence, "Job"))
        return replace(step, requeue_seconds=min(left.total_seconds(), STEADY))
    step = start_again(situation, f"Restarting the failed job ({row.count + 1} in a row)")
    counted = row.model_copy(update={"count": row.count + 1, "last": situation.facts.now})
    return replace(step, status=step.status.model_copy(update={"failed_restarts": counted}))


def _row(situation: Situation, failed_at: int, longest: timedelta) -> FailedRestarts:
    """The restarts so far that count."""
    held, generation = situation.status.failed_restarts, situation.status.observed_generation
    fresh = FailedRestarts(generation=generation)
    if held is None or held.generation != generation:
        return fresh
    ran = timedelta(milliseconds=failed_at - (held.last or 0))
    return fresh if ran > longest else held


def _growth(count: int) -> int:
    """1 before the second start, then twice as much before each."""
    doublings: int = min(max(count - 1, 0), _MOST_DOUBLINGS)
    return 1 << doublings
