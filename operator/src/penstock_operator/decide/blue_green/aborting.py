"""A transition is given up: the new side is stopped, and where the old one was stopped for it, it runs again.

Bounded: a new side that does not stop in time is deleted. The old one is never started before the new one is gone,
for a fenced handover promises that never do both write.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.job import JobState, StopPolicy
from penstock_operator.decide.blue_green.situation import Situation, Step, belongs_to, is_stopped
from penstock_operator.model.blue_green import BlueGreenAction, Color, DeleteChild, SetJob
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event


def begin_abort(situation: Situation, sentence: str) -> Step:
    """Write down why, before anything is undone."""
    status = situation.status.model_copy(
        update={"aborting": sentence, "abort_timestamp": situation.deadline()}
    )
    said = Event(Reason.TRANSITION_ABORTED, sentence)
    return Step(status, events=(said,), keep_error=True, requeue_seconds=0.0)


def aborting(situation: Situation, back: Color) -> Step:
    """To the side `back`, which had the job before."""
    status, new = situation.status, situation.facts.side(back.other)
    why = Problem(Reason.TRANSITION_ABORTED, status.aborting or Reason.TRANSITION_ABORTED.sentence)
    actions: list[BlueGreenAction] = []
    if new is not None and belongs_to(new, status.transition_id):
        is_ending = new.metadata.deletion_timestamp is not None
        if (status.stopped and is_ending) or not is_stopped(new):
            if situation.is_late() and not is_ending:
                actions.append(DeleteChild(back.other))
            elif new.spec.job is None or new.spec.job.state is JobState.RUNNING:
                actions.append(SetJob(back.other, JobState.SUSPENDED, StopPolicy.NONE))
            if status.stopped:
                return Step(status, tuple(actions), problem=why)
    if status.stopped:
        actions.append(SetJob(back, JobState.RUNNING, status.previous_stop_policy))
    after = status.model_copy(
        update={
            "blue_green_state": back.active,
            "abort_timestamp": None,
            "deployment_ready_timestamp": None,
            "aborting": None,
            "stopped": None,
        }
    )
    return Step(status, tuple(actions), after=after, problem=why, requeue_seconds=0.0)
