"""Which state on storage counts, in which order, and that it is verified before it is restored."""

import json
from pathlib import Path

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.job import JobState
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.decide.restore import redeploy_path
from penstock_operator.decide.specs import encode_spec, with_job_state
from penstock_operator.model.facts import ClusterFacts
from penstock_operator.model.job_id import new_job_id
from penstock_operator.observe.checkpoints import is_whole, observe_named, observe_state
from penstock_operator.observe.everything import observe
from penstock_operator.platforms.port import StorageAccess

JOB_A, JOB_B, STRANGER = "a" * 32, "b" * 32, "c" * 32


def write(folder: Path, job_id: str, number: int, kind: str = "CHECKPOINT", size: int = 3) -> str:
    folder.mkdir(parents=True)
    (folder / "state").write_text("abc")
    subtask = {"index": 0, "operator": [{"path": "state", "size": size}]}
    operator = {
        "uid": "u",
        "operator_id": "0" * 32,
        "name": "n",
        "parallelism": 1,
        "max_parallelism": 128,
        "subtasks": [subtask],
    }
    body = {
        "kind": kind,
        "job_id": job_id,
        "job_name": "j",
        "checkpoint_id": number,
        "attempt": 1,
        "trigger_timestamp": number,
        "completed_timestamp": number,
        "python_version": "3",
        "penstock_version": "0",
        "operators": [operator],
    }
    (folder / "_metadata").write_text(json.dumps(body))
    return str(folder)


def resource(root: Path, **job_status: object) -> FlinkDeployment:
    return FlinkDeployment.from_wire(
        {
            "metadata": {"name": "clicks", "namespace": "default"},
            "spec": {
                "job": {"jarURI": "/job.py", "parallelism": 1, "upgradeMode": "savepoint"},
                "flinkConfiguration": {
                    "state.checkpoints.dir": f"file://{root}/chk",
                    "state.savepoints.dir": f"{root}/sp",
                },
            },
            "status": {
                "jobStatus": {"jobId": JOB_B, "jobIds": [JOB_A, JOB_B], **job_status},
                "reconciliationStatus": {"lastReconciledSpec": '{"spec": {"job": {"state": "suspended"}}}'},
            },
        }
    )


def test_newest_of_own_job_ids_by_checkpoint_id(tmp_path: Path) -> None:
    write(tmp_path / "chk" / JOB_A / "chk-7", JOB_A, 7)
    write(tmp_path / "chk" / JOB_B / "chk-9", JOB_B, 9)
    write(tmp_path / "chk" / JOB_B / "chk-10", JOB_B, 10)
    write(tmp_path / "chk" / STRANGER / "chk-99", STRANGER, 99)
    found = observe_state(resource(tmp_path), {})
    assert [snapshot.checkpoint_id for snapshot in found.snapshots] == [10, 9, 7]
    assert found.newest_complete == found.snapshots[0]


def test_state_that_the_spec_before_kept_elsewhere_counts(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / JOB_B / "chk-9", JOB_B, 9)
    write(tmp_path / "kept" / f"savepoint-{JOB_A[:6]}-1", JOB_A, 5, "SAVEPOINT")
    write(tmp_path / "chk" / JOB_B / "chk-3", JOB_B, 3)
    places = {"state.checkpoints.dir": f"{tmp_path}/elsewhere", "state.savepoints.dir": f"{tmp_path}/kept"}
    former = FlinkDeployment.from_wire({"spec": {"job": {}, "flinkConfiguration": places}}).spec
    assert [found.checkpoint_id for found in observe_state(resource(tmp_path), {}).snapshots] == [3]
    found = observe_state(resource(tmp_path), {}, former)
    assert [snapshot.checkpoint_id for snapshot in found.snapshots] == [9, 5, 3]


def test_state_of_a_status_that_was_lost_is_named(tmp_path: Path) -> None:
    lost = resource(tmp_path).model_copy(update={"status": FlinkDeploymentStatus()})
    lost = lost.model_copy(update={"metadata": lost.metadata.model_copy(update={"uid": "u-1"})})
    write(tmp_path / "chk" / STRANGER / "chk-99", STRANGER, 99)
    other = new_job_id("u-2")
    write(tmp_path / "chk" / other / "chk-98", other, 98)
    assert observe_state(lost, {}).unrecorded is None, "the state of others is none of its own"
    first, second = new_job_id("u-1"), new_job_id("u-1")
    assert first != second
    write(tmp_path / "chk" / first / "chk-7", first, 7)
    newest = write(tmp_path / "chk" / second / "chk-8", second, 8)
    found = observe_state(lost, {})
    assert found.unrecorded == f"file://{newest}"
    assert found.snapshots == ()


class Named:
    """A platform that tells whose storage it was asked for."""

    def __init__(self) -> None:
        self.asked: list[FlinkDeployment] = []

    def defaults(self, namespace: str) -> dict[str, str]:
        return {}

    def observe(self, resource: FlinkDeployment) -> ClusterFacts:
        return ClusterFacts()

    def storage(self, resource: FlinkDeployment) -> StorageAccess:
        self.asked.append(resource)
        return StorageAccess({})


def test_where_a_refused_spec_keeps_its_state_counts_for_nothing(tmp_path: Path) -> None:
    deployed = resource(tmp_path)
    write(tmp_path / "chk" / JOB_B / "chk-9", JOB_B, 9)
    kept = encode_spec(with_job_state(deployed.spec, JobState.SUSPENDED))
    body = deployed.to_wire()
    body["status"]["reconciliationStatus"] = {"lastReconciledSpec": kept, "state": "UPGRADING"}
    body["spec"]["flinkConfiguration"] = {"state.checkpoints.dir": "hdfs://nowhere", "s3.endpoint": "wrong"}
    platform = Named()
    facts = observe(platform, FlinkDeployment.from_wire(body))  # type: ignore[arg-type]
    assert facts.problems
    assert facts.state.newest_complete is not None
    assert [asked.spec.flink_configuration for asked in platform.asked] == [deployed.spec.flink_configuration]


def test_savepoint_that_never_reached_the_status_is_found(tmp_path: Path) -> None:
    write(tmp_path / "chk" / JOB_B / "chk-9", JOB_B, 9)
    path = write(tmp_path / "sp" / f"savepoint-{JOB_B[:6]}-123", JOB_B, 10, "SAVEPOINT")
    write(tmp_path / "sp" / f"savepoint-{STRANGER[:6]}-123", STRANGER, 11, "SAVEPOINT")
    newest = observe_state(resource(tmp_path), {}).newest_complete
    assert newest
    assert newest.path == path
    assert newest.is_savepoint


def test_incomplete_snapshots_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "chk" / JOB_B / "chk-9", JOB_B, 9)
    write(tmp_path / "chk" / JOB_B / "chk-10", JOB_B, 10, size=4)
    lost = write(tmp_path / "chk" / JOB_B / "chk-11", JOB_B, 11)
    (Path(lost) / "state").unlink()
    (tmp_path / "chk" / JOB_B / "chk-12").mkdir()
    found = observe_state(resource(tmp_path), {})
    assert [(s.checkpoint_id, s.is_complete) for s in found.snapshots] == [
        (11, False),
        (10, False),
        (9, True),
    ]
    newest = found.newest_complete
    assert newest
    assert newest.checkpoint_id == 9


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    found = observe_state(resource(tmp_path), {})
    assert found.looked_up
    assert found.problem is None
    assert found.snapshots == ()


@pytest.mark.parametrize(
    ("break_it", "reason"), [("gone", Reason.STATE_NOT_FOUND), ("size", Reason.STATE_INCOMPLETE)]
)
def test_named_path_counts_alone(tmp_path: Path, break_it: str, reason: Reason) -> None:
    path = tmp_path / "named"
    if break_it == "size":
        write(path, STRANGER, 3, "SAVEPOINT", size=1)
    found = observe_state(resource(tmp_path, jobIds=[], upgradeSavepointPath=str(path)), {})
    assert found.problem
    assert found.problem.reason is reason
    assert str(path) in found.problem.message


def test_unusable_storage_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "chk").write_text("a file, not a folder")
    found = observe_state(resource(tmp_path), {})
    assert found.problem
    assert found.problem.reason is Reason.CHECKPOINT_STORAGE_UNAVAILABLE


def test_checkpoint_is_looked_at_when_it_is_recorded(tmp_path: Path) -> None:
    good = write(tmp_path / "chk" / JOB_A / "chk-1", JOB_A, 1)
    short = write(tmp_path / "chk" / JOB_A / "chk-2", JOB_A, 2, size=9)
    assert is_whole(f"file://{good}", {})
    assert not is_whole(f"file://{short}", {})
    assert not is_whole(f"file://{tmp_path}/chk/gone", {})


def test_metadata_of_another_engine_is_taken_at_its_word(tmp_path: Path) -> None:
    folder = tmp_path / "chk-1"
    folder.mkdir()
    (folder / "_metadata").write_bytes(b"\x49\x60\x67\x25\x00")
    assert is_whole(f"file://{folder}", {})


def test_a_named_state_is_looked_at_before_anything_is_stopped_for_it(tmp_path: Path) -> None:
    path = write(tmp_path / "sp" / "savepoint-1", STRANGER, 4, "SAVEPOINT")
    assert observe_named(path, {}).problem is None
    absent = observe_named(f"{path}-not-there", {}).problem
    assert absent is not None
    assert absent.reason is Reason.STATE_NOT_FOUND
    (tmp_path / "sp" / "savepoint-1" / "state").unlink()
    broken = observe_named(path, {}).problem
    assert broken is not None
    assert broken.reason is Reason.STATE_INCOMPLETE


@pytest.mark.parametrize(
    ("deployed", "wanted", "path"),
    [(1, 2, "/sp/1"), (2, 2, None), (1, None, None), (None, 1, "/sp/1")],
    ids=["new", "the same", "taken back", "first"],
)
def test_a_new_redeploy_nonce_names_the_state_to_look_at(
    tmp_path: Path, deployed: int | None, wanted: int | None, path: str | None
) -> None:
    found = resource(tmp_path)
    job = found.spec.job
    assert job is not None
    job = job.model_copy(update={"savepoint_redeploy_nonce": wanted, "initial_savepoint_path": "/sp/1"})
    held = json.dumps({"spec": {"job": {"state": "running", "savepointRedeployNonce": deployed}}})
    status = found.status.model_copy(
        update={
            "reconciliation_status": found.status.reconciliation_status.model_copy(
                update={"last_reconciled_spec": held}
            )
        }
    )
    spec = found.spec.model_copy(update={"job": job})
    assert redeploy_path(found.model_copy(update={"spec": spec, "status": status})) == path
