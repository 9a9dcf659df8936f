"""Whole lives of FlinkStateSnapshots, decision by decision, as golden text; the waits and their ends."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from penstock_api.v1beta1.state_snapshot import FlinkStateSnapshot, SnapshotState
from penstock_api.v1beta1.status import FlinkJobState, JobStatus
from penstock_operator.decide.snapshot.planner import backoff_ms, decide_snapshot
from penstock_operator.decide.snapshot.times import moment
from penstock_operator.decide.validate_snapshot import validate_snapshot
from penstock_operator.model.facts import SavepointProgress
from penstock_operator.model.snapshot import (
    DisposeSnapshot,
    ReleaseSnapshot,
    SnapshotFacts,
    SnapshotJob,
    SnapshotPlan,
    TriggerSnapshot,
)
from penstock_operator.observe.snapshot import has_moved_on

START = 1_800_000_000_000
RUNNING = SnapshotJob(
    exists=True,
    state=FlinkJobState.RUNNING,
    reachable=True,
    job_id="a" * 32,
    savepoint_directory="s3://state/sp",
)
PENDING = SavepointProgress(known=True)


def snapshot(**spec: object) -> FlinkStateSnapshot:
    return FlinkStateSnapshot.from_wire(
        {
            "metadata": {"name": "s", "namespace": "default", "creationTimestamp": moment(START)},
            "spec": {
                "jobReference": {"kind": "FlinkDeployment", "name": "clicks"},
                **(spec or {"savepoint": {}}),
            },
        }
    )


@dataclass
class Life:
    """A snapshot, its job, and what was decided."""

    snapshot: FlinkStateSnapshot
    job: SnapshotJob = RUNNING
    now: int = START
    ids: int = 0
    lines: list[str] = field(default_factory=list)

    def turn(self, progress: SavepointProgress | None = None, seconds: float = 1.0) -> SnapshotPlan:
        self.now += round(seconds * 1000)
        self.ids += 1
        facts = SnapshotFacts(
            snapshot=self.snapshot,
            now=self.now,
            job=self.job,
            progress=progress,
            problems=validate_snapshot(self.snapshot),
            new_id=f"{self.ids:032x}",
        )
        plan = decide_snapshot(facts)
        self.snapshot = self.snapshot.model_copy(update={"status": plan.status})
        words = [type(action).__name__ for action in plan.actions]
        self.lines.append(
            f"{(self.now - START) // 1000:5} s {plan.rule:12} {plan.status.state.value:15}"
            f" failures={plan.status.failures} path={plan.status.path} next={plan.requeue_seconds:g}"
            + (f" do {', '.join(words)}" if words else "")
        )
        self.lines += [f"        {said.type} {said.reason}: {said.message}" for said in plan.events]
        return plan

    def delete(self) -> None:
        meta = self.snapshot.metadata.model_copy(update={"deletion_timestamp": moment(self.now)})
        self.snapshot = self.snapshot.model_copy(update={"metadata": meta})


def done(path: str = "s3://state/sp/savepoint-1") -> SavepointProgress:
    return SavepointProgress(known=True, done=True, location=path)


def failed() -> SavepointProgress:
    return SavepointProgress(known=True, done=True, failure="the sink did not answer")


def test_snapshot_is_taken_and_disposed(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}))
    trigger = life.turn()
    asked = trigger.actions[-1]
    assert isinstance(asked, TriggerSnapshot)
    assert asked.trigger_id == trigger.status.trigger_id, "the id is recorded before it is used"
    life.turn(PENDING)
    life.turn(done())
    life.turn()
    life.delete()
    life.job = SnapshotJob()
    plan = life.turn()
    assert plan.actions == (DisposeSnapshot("s3://state/sp/savepoint-1"), ReleaseSnapshot())
    golden(life)


def test_snapshot_checkpoint_whose_path_is_not_known(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(checkpoint={}))
    asked = life.turn().actions[-1]
    assert isinstance(asked, TriggerSnapshot)
    assert asked.checkpoint_type == "FULL"
    life.turn(SavepointProgress(known=True, done=True))
    assert life.snapshot.status.state is SnapshotState.COMPLETED
    life.delete()
    life.turn()
    golden(life)


def test_snapshot_fails_until_its_limit(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}, backoffLimit=2))
    for wait in (0, 10, 20):
        life.turn(seconds=wait / 2)
        life.turn(seconds=wait / 2 + 1)
        life.turn(failed())
    life.turn()
    assert life.snapshot.status.state is SnapshotState.FAILED
    assert life.snapshot.status.failures == 3
    golden(life)


def test_snapshot_lost_request_is_repeated_under_its_id(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}))
    first = life.turn().actions[-1]
    again = life.turn(SavepointProgress(known=False)).actions[-1]
    assert again == first
    life.turn(done())
    golden(life)


def test_snapshot_of_a_job_that_does_not_run(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}), replace(RUNNING, reachable=False))
    life.turn()
    life.turn(seconds=61)
    assert life.snapshot.status.state is SnapshotState.ABANDONED
    for job in (SnapshotJob(), replace(RUNNING, state=FlinkJobState.FINISHED)):
        other = Life(snapshot(savepoint={}), job)
        other.turn()
        assert other.snapshot.status.state is SnapshotState.ABANDONED
        life.lines += other.lines
    golden(life)


def test_snapshot_in_progress_has_an_end(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}, backoffLimit=0))
    life.turn()
    life.turn(PENDING)
    life.turn(PENDING, seconds=601)
    assert life.snapshot.status.state is SnapshotState.FAILED
    gone = Life(snapshot(savepoint={}))
    gone.turn()
    gone.job = SnapshotJob()
    gone.turn()
    assert gone.snapshot.status.state is SnapshotState.ABANDONED
    life.lines += gone.lines
    golden(life)


def test_snapshot_that_exists_already(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={"alreadyExists": True, "path": "s3://old/sp"}), SnapshotJob())
    life.turn()
    assert life.snapshot.status.path == "s3://old/sp"
    life.turn()
    golden(life)


def test_snapshot_refused_until_it_is_corrected(golden: Callable[[Life], None]) -> None:
    life = Life(snapshot(savepoint={}, checkpoint={}))
    life.turn()
    life.turn()
    golden(life)


def test_snapshot_deleted_before_anybody_looked() -> None:
    life = Life(snapshot(savepoint={}))
    life.delete()
    assert life.turn().actions == (ReleaseSnapshot(),)


def test_snapshot_deletion_never_waits_for_ever(golden: Callable[[Life], None]) -> None:
    """Upstream keeps the finalizer until a job runs; here a deadline ends every wait."""
    life = Life(snapshot(savepoint={}))
    life.turn()
    life.delete()
    life.turn(PENDING)
    life.turn(PENDING, seconds=301)
    needed = Life(snapshot(savepoint={}))
    needed.turn()
    needed.turn(done("s3://state/sp/savepoint-1"))
    needed.job = replace(
        RUNNING, reachable=False, state=FlinkJobState.SUSPENDED, restores_from="s3://state/sp/savepoint-1/"
    )
    needed.delete()
    assert needed.turn().rule == "keep_for_job"
    needed.turn(seconds=301)
    life.lines += needed.lines
    for each in (life, needed):
        assert each.lines
    assert "DeletionForced" in life.lines[-1]
    golden(life)


def test_snapshot_that_a_running_job_has_nothing_after_is_kept_for_it() -> None:
    """Its processes may end at any time, and then there would be no state at all."""
    path = "s3://state/sp/savepoint-1"
    life = Life(snapshot(savepoint={}))
    life.turn()
    life.turn(done(path))
    life.job = replace(RUNNING, restores_from=path)
    life.delete()
    assert life.turn().rule == "keep_for_job"
    life.job = replace(life.job, has_moved_on=True)
    assert life.turn().actions == (DisposeSnapshot(path), ReleaseSnapshot())


def test_job_has_moved_on_with_a_checkpoint_of_its_own() -> None:
    def told(**status: object) -> bool:
        return has_moved_on(JobStatus.from_wire({"state": "RUNNING", "startTime": "1000", **status}))

    assert not told()
    assert not told(lastCheckpoint={"timestamp": 999})
    assert told(lastCheckpoint={"timestamp": 1001})
    assert not told(lastCheckpoint={"timestamp": 1001}, state="SUSPENDED")


def test_snapshot_that_completes_while_it_is_deleted_is_disposed() -> None:
    life = Life(snapshot(savepoint={}))
    life.turn()
    life.delete()
    life.turn(done())
    assert life.turn().actions == (DisposeSnapshot("s3://state/sp/savepoint-1"), ReleaseSnapshot())


def test_pauses_between_tries_double() -> None:
    assert [backoff_ms(failures) // 1000 for failures in range(5)] == [0, 10, 20, 40, 80]
    assert backoff_ms(10_000) == 86_400_000
