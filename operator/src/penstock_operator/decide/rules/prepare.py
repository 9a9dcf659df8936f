"""The spec changed and the owner wants no gap: the new version's pods come up first, and the old job runs meanwhile.

Begins a warm upgrade; the rule `warm` leads it on. Where there is no room for both, `change` stops the job as by Recreate.
"""

from penstock_api.reasons import Reason
from penstock_api.v1beta1.cost import Cost, diff_cost
from penstock_api.v1beta1.warm import WarmPhase
from penstock_operator.decide.situation import IN_FLIGHT, Situation, Step
from penstock_operator.decide.specs import encode_spec
from penstock_operator.decide.stopping import choose_stopping
from penstock_operator.decide.warm import next_name, prepared_launch, revise_warm
from penstock_operator.model.facts import Problem
from penstock_operator.model.plan import Event, Hold, Prepare


def prepare(situation: Situation) -> Step | None:
    """Applies to a job that runs and would be stopped now, where its owner wants it so and there is room."""
    cost, paths = diff_cost(situation.baseline, situation.wanted)
    status, facts = situation.status, situation.facts
    if cost is Cost.IGNORE or not situation.wanted.is_warm or status.warm is not None:
        return None
    is_running = situation.runs and situation.is_deployed and situation.wants_running
    if not is_running or facts.room is None or facts.room.problem is not None:
        return None
    if isinstance(choose_stopping(situation), Problem):
        return None
    name = next_name(facts)
    revised = revise_warm(
        status,
        facts.now,
        phase=WarmPhase.PREPARING,
        cluster=name,
        spec=encode_spec(situation.wanted),
        job_id=facts.new_id,
    )
    assert revised.warm is not None  # noqa: S101 - just written
    launch = prepared_launch(facts, revised.warm)
    assert launch is not None  # noqa: S101 - of the spec that was just written
    return Step(
        revised,
        actions=(Hold(), Prepare(launch)),
        events=(
            Event(Reason.SPEC_CHANGED, f"{cost.name} change of {', '.join(paths)}"),
            Event(Reason.WARM_UPGRADE, f"Bringing up {name} beside the job that runs"),
        ),
        requeue_seconds=IN_FLIGHT,
    )
