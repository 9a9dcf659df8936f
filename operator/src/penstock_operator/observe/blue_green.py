"""All facts of one blue/green deployment. Called by `reconcile/blue_green.py` once a turn; blocks."""

import time
from collections.abc import Callable

from penstock_api.v1beta1.blue_green import FlinkBlueGreenDeployment
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshotStatus
from penstock_operator.decide.blue_green.situation import is_stopped
from penstock_operator.decide.blue_green.validate import sample_side, validate
from penstock_operator.model.blue_green import BlueGreenFacts, Color
from penstock_operator.model.facts import StateFacts
from penstock_operator.model.launch import with_defaults
from penstock_operator.observe.checkpoints import observe_state
from penstock_operator.platforms.kubernetes_blue_green import BlueGreenPlatform


def observe_blue_green(
    platform: BlueGreenPlatform, resource: FlinkBlueGreenDeployment, now: Callable[[], float] = time.time
) -> BlueGreenFacts:
    """The facts. What the platform cannot say raises."""
    problems = validate(resource, platform.jobs.defaults(resource.metadata.namespace))
    if not problems and resource.metadata.deletion_timestamp is None:
        samples = {color: sample_side(resource, color) for color in Color}
        problems = platform.refusals(resource, samples)
    sides = {color: platform.side(resource, color) for color in Color}
    state = resource.status.blue_green_state
    active = next((color for color in Color if state is color.active), None)
    holder = sides[active] if active is not None else None
    saving = next((color for color in Color if state is color.saving), None)
    return BlueGreenFacts(
        resource=resource,
        now=int(now() * 1000),
        blue=sides[Color.BLUE],
        green=sides[Color.GREEN],
        state=_left_state(platform, resource, sides[saving] if saving is not None else None),
        savepoint=_savepoint(platform, resource, saving),
        problems=problems,
        is_routed=holder is None or platform.is_routed(resource, holder),
    )


def _savepoint(
    platform: BlueGreenPlatform, resource: FlinkBlueGreenDeployment, saving: Color | None
) -> FlinkStateSnapshotStatus | None:
    asked = resource.status.savepoint_trigger_id
    if saving is None or asked is None or resource.status.stopped:
        return None
    return platform.savepoint(resource, saving, asked)


def _left_state(
    platform: BlueGreenPlatform, resource: FlinkBlueGreenDeployment, side: FlinkDeployment | None
) -> StateFacts:
    """What a side that was stopped left on storage; looked up only when the other is to start from it."""
    if side is None or not resource.status.stopped or not is_stopped(side):
        return StateFacts()
    defaults = platform.jobs.defaults(side.metadata.namespace)
    full = side.model_copy(update={"spec": with_defaults(side.spec, defaults)})
    return observe_state(full, platform.jobs.storage(full).keys)
