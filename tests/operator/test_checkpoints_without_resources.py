"""Checkpoints by nonce and by the clock where snapshots are no resources: fields of the status, as upstream has them."""

from dataclasses import dataclass, field, replace

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import CheckpointInfo, CheckpointType, SnapshotTriggerType
from penstock_operator.model.facts import JobFacts, SavepointProgress
from penstock_operator.model.plan import TriggerCheckpoint
from tests.operator.simulation import BASE, World


@dataclass
class Checkpointing(World):
    """A JobManager that takes checkpoints when asked, as `progress` says; None once it has heard of none."""

    asked: list[TriggerCheckpoint] = field(default_factory=list)
    progress: SavepointProgress = field(default_factory=lambda: SavepointProgress(known=True, done=True))
    is_deaf: bool = False
    """Whether requests are lost."""

    def _job(self) -> JobFacts:
        found, info = super()._job(), self.info
        if not found.reachable or not info.trigger_id:
            return found
        heard = any(one.trigger_id == info.trigger_id for one in self.asked)
        return replace(found, checkpoint=self.progress if heard else SavepointProgress(known=False))

    def _act(self, action: object) -> None:
        if not isinstance(action, TriggerCheckpoint):
            super()._act(action)
        elif not self.is_deaf:
            self.asked.append(action)

    @property
    def info(self) -> CheckpointInfo:
        return self.resource.status.job_status.checkpoint_info or CheckpointInfo()

    def told(self) -> list[str]:
        return [line for line in self.lines if Reason.CHECKPOINT_ERROR in line]


@pytest.fixture
def world() -> Checkpointing:
    found = Checkpointing(FlinkDeployment.from_wire(BASE))
    found.settle()
    return found


def test_nonce_takes_one_checkpoint_and_is_noted(world: Checkpointing) -> None:
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=7))
    world.settle()
    assert len(world.asked) == 1
    last = world.info.last_checkpoint
    assert last is not None
    assert (last.trigger_nonce, last.trigger_type, last.format_type) == (
        7,
        SnapshotTriggerType.MANUAL,
        CheckpointType.FULL,
    )
    assert (world.info.trigger_id, world.info.trigger_timestamp) == (None, None)
    assert world.resource.status.observed_generation == 2
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=7, parallelism=2))
    world.settle()
    assert len(world.asked) == 1


def test_request_that_was_lost_is_sent_again_under_its_id(world: Checkpointing) -> None:
    world.is_deaf = True
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=1))
    world.turn()
    world.turn()
    pending = world.info.trigger_id
    assert pending
    assert world.asked == []
    world.is_deaf = False
    world.turn()
    world.settle()
    assert [one.trigger_id for one in world.asked] == [pending]
    assert world.info.last_checkpoint is not None


def test_checkpoint_that_fails_or_never_comes_is_told_once(world: Checkpointing) -> None:
    world.progress = SavepointProgress(known=True, done=True, failure="the disk is full")
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=1))
    world.settle()
    assert len(world.told()) == 1
    assert "the disk is full" in world.told()[0]
    assert world.info.trigger_id is None
    world.progress = SavepointProgress(known=True)
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=2))
    world.settle()
    world.pass_time(120)
    assert len(world.told()) == 2
    assert "not complete in time" in world.told()[1]
    assert world.info.last_checkpoint is None
    assert world.resource.status.error is None


def test_a_pending_checkpoint_holds_nothing_up(world: Checkpointing) -> None:
    world.progress = SavepointProgress(known=True)
    world.edit(lambda spec: spec["job"].update(checkpointTriggerNonce=1))
    world.settle()
    world.edit(lambda spec: spec["job"].update(args=["--two"]))
    world.settle()
    assert world.launched is not None
    assert world.launched.arguments == ("--two",)


def test_by_the_clock(world: Checkpointing) -> None:
    key = "kubernetes.operator.periodic.checkpoint.interval"
    options = {key: "1 min", "kubernetes.operator.checkpoint.type": "INCREMENTAL"}
    world.resource = world.resource.model_copy(
        update={
            "metadata": world.resource.metadata.model_copy(
                update={"creation_timestamp": "2027-01-15T08:00:00Z"}
            )
        }
    )
    world.edit(lambda spec: spec["flinkConfiguration"].update(options))
    world.settle()
    before = len(world.asked)
    world.pass_time(200)
    assert len(world.asked) - before in (3, 4)
    assert {one.checkpoint_type for one in world.asked} == {"INCREMENTAL"}
    last = world.info.last_checkpoint
    assert last is not None
    assert last.trigger_type is SnapshotTriggerType.PERIODIC
