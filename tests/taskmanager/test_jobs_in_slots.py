"""Whole small jobs in real slot processes: records, checkpoints, restore with other parallelism, stop, failures."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.control.messages import (
    CheckpointDeclined,
    CommitDone,
    EndOfData,
    SlotReady,
    SplitsWanted,
    TaskMetrics,
    TaskState,
    TaskStateChanged,
)
from penstock_api.manifest import OperatorState
from tests.taskmanager.slot_processes import Slots, states_of
from tests.taskmanager.small_job import expected, graph, written

CHECKPOINTED = {"execution.checkpointing.interval": "1 h"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def splits(count: int, parts: int = 2) -> list[dict[str, Any]]:
    size = count // parts
    return [
        {"id": f"p{part}", "next": part * size, "end": count if part == parts - 1 else (part + 1) * size}
        for part in range(parts)
    ]


def positions(states: Sequence[OperatorState]) -> list[dict[str, Any]]:
    return [split for state in states for subtask in state.subtasks for split in subtask.splits]


@pytest.mark.parametrize(("slot_count", "sources", "sums"), [(1, 1, 1), (1, 2, 3), (2, 1, 2), (2, 2, 3)])
def test_bounded_job_counts_every_record_once(output: Path, slot_count: int, sources: int, sums: int) -> None:
    vertices, edges = graph(output, sources=sources, sums=sums)
    with Slots(slot_count) as slots:
        slots.deploy(vertices, edges)
        slots.wait("splits wanted", lambda: len(slots.of(SplitsWanted)) == sources)
        slots.give(vertices[0], splits(30_000))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(30_000)


@pytest.mark.parametrize(("sums_before", "sums_after"), [(2, 3), (3, 1)])
def test_state_is_restored_with_another_parallelism(
    output: Path, tmp_path: Path, sums_before: int, sums_after: int
) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, sums=sums_before, hold=gate, two_phase=True)
    with Slots(2) as slots:
        slots.deploy(vertices, edges, configuration=CHECKPOINTED)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        acks = slots.checkpoint(1, tmp_path / "chk-1")
        slots.complete(1)
        slots.wait("commits", lambda: len(slots.of(CommitDone)) == 1 + sums_before)
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        states = states_of(acks, vertices)
        assert {ack.transaction_timeout_ms for ack in acks} == {None, 5000}

        gate.touch()
        vertices, edges = graph(output, sums=sums_after, two_phase=True)
        slots.deploy(
            vertices,
            edges,
            configuration=CHECKPOINTED,
            restored=states,
            checkpoint=(1, str(tmp_path / "chk-1")),
        )
        slots.give(vertices[0], positions(states))
        slots.wait("end of data", lambda: len(slots.of(EndOfData)) == 1 + sums_after)
        slots.checkpoint(2, tmp_path / "chk-2", stop=True)
        assert written(output) == {}
        slots.complete(2)
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_stop_with_savepoint_then_resume_loses_nothing(output: Path, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, hold=gate)
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        acks = slots.checkpoint(1, tmp_path / "sp", stop=True)
        slots.complete(1)
        slots.wait_state(TaskState.FINISHED)
        assert written(output) == {}
        states = states_of(acks, vertices)
        gate.touch()
        slots.deploy(vertices, edges, restored=states, checkpoint=(1, str(tmp_path / "sp")))
        slots.give(vertices[0], positions(states))
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_drain_fires_timers_before_the_savepoint(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never")
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1010, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.wait(
            "records", lambda: any(event.values["numRecordsOut"] == 1000 for event in slots.of(TaskMetrics))
        )
        slots.checkpoint(1, tmp_path / "sp", stop=True, drain=True)
        slots.complete(1)
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(1000)


def test_failure_in_user_code_is_reported_with_its_cause(output: Path) -> None:
    vertices, edges = graph(output, failing_at=700)
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait("a failure", lambda: bool(slots.failures()))
        (failed,) = [event for event in slots.of(TaskStateChanged) if event.state is TaskState.FAILED]
        assert failed.failure is not None
        assert failed.failure.exception == "ValueError"
        assert "cannot digest 700" in failed.failure.message
        assert "small_job.py" in failed.failure.stacktrace
        slots.cancel()
        slots.wait("cancelled", lambda: list(slots.states().values()).count(TaskState.CANCELED) == 2)


def test_slow_receiver_holds_the_source_back(output: Path, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, sums=1, waiting_for=gate, batch_size=2000)
    sum_in_the_other_slot = {vertices[0].id: ["s0"], vertices[1].id: ["s1"]}
    with Slots(2) as slots:
        slots.deploy(vertices, edges, placement=sum_in_the_other_slot)
        slots.give(vertices[0], splits(1_000_000, 1))
        slots.wait(
            "backpressure",
            lambda: any(
                event.values["backPressuredTimeMsPerSecond"] > 900 for event in slots.of(TaskMetrics)
            ),
        )
        # What four credits and one buffer hold, not what the source could read meanwhile.
        assert max(event.values["numRecordsOut"] for event in slots.of(TaskMetrics)) < 20_000
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(1_000_000)


def test_lost_slot_fails_the_tasks_that_talk_to_it(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never")
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.slots[1].process.kill()
        slots.wait("failures", lambda: any("slot s1 is gone" in text for text in slots.failures()))


def test_state_that_the_program_cannot_read_is_the_reason(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never", value_class="Tally")
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.wait(
            "records", lambda: any(event.values["numRecordsOut"] >= 900 for event in slots.of(TaskMetrics))
        )
        acks = slots.checkpoint(1, tmp_path / "chk-1")
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        keyed = (
            tmp_path / "chk-1" / acks[-1].states[vertices[1].operators[0].operator_id].keyed[0].object.path
        )
        # As if the class had been removed from the program.
        keyed.write_bytes(keyed.read_bytes().replace(b"Tally", b"Gone!"))
        slots.deploy(
            vertices, edges, restored=states_of(acks, vertices), checkpoint=(1, str(tmp_path / "chk-1"))
        )
        slots.wait("a failure", lambda: bool(slots.failures()))
        (failed,) = [event for event in slots.of(TaskStateChanged) if event.failure is not None]
    assert failed.failure is not None
    assert failed.failure.reason == "StateIncompatible"
    assert "operator 'sum' holds values of tests.taskmanager.small_job.Gone!" in failed.failure.message


def test_missing_state_object_is_the_reason(output: Path, tmp_path: Path) -> None:
    vertices, edges = graph(output, hold=tmp_path / "never")
    with Slots(1) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(1000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.wait(
            "records", lambda: any(event.values["numRecordsOut"] >= 900 for event in slots.of(TaskMetrics))
        )
        acks = slots.checkpoint(1, tmp_path / "chk-1")
        slots.cancel()
        slots.wait_state(TaskState.CANCELED)
        for file in (tmp_path / "chk-1").iterdir():
            file.unlink()
        slots.deploy(
            vertices, edges, restored=states_of(acks, vertices), checkpoint=(1, str(tmp_path / "chk-1"))
        )
        slots.wait("a failure", lambda: bool(slots.failures()))
        (failed, *_) = [event for event in slots.of(TaskStateChanged) if event.failure is not None]
    assert failed.failure is not None
    assert failed.failure.reason == "StateIncomplete"


def test_checkpoint_that_cannot_be_stored_is_declined_and_the_job_goes_on(
    output: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, hold=gate)
    (tmp_path / "file").touch()
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.wait(
            "records", lambda: any(event.values["numRecordsOut"] >= 4900 for event in slots.of(TaskMetrics))
        )
        slots.trigger(1, tmp_path / "file" / "chk-1")
        slots.wait("a refusal", lambda: bool(slots.of(CheckpointDeclined)))
        slots.abort(1)
        assert slots.of(CheckpointDeclined)[0].failure.reason == "CheckpointStorageUnavailable"
        slots.checkpoint(2, tmp_path / "chk-2")
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_stop_that_fails_lets_the_job_run_on(output: Path, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    vertices, edges = graph(output, hold=gate)
    with Slots(2) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(5000, 1))
        slots.wait_state(TaskState.RUNNING)
        slots.checkpoint(1, tmp_path / "sp", stop=True)
        slots.abort(1)
        gate.touch()
        slots.wait_state(TaskState.FINISHED)
    assert written(output) == expected(5000)


def test_job_runs_over_mutual_tls_between_hosts(output: Path, tmp_path: Path) -> None:
    tls = job_certificates(tmp_path)
    vertices, edges = graph(output, sources=2, sums=2)
    with Slots(2, one_host=False, host="127.0.0.1", configuration=tls) as slots:
        slots.deploy(vertices, edges)
        slots.give(vertices[0], splits(100_000))
        slots.wait_state(TaskState.FINISHED)
        addresses = [event.address for event in slots.of(SlotReady)]
    assert all(address.tcp and address.tcp.startswith("tcp:127.0.0.1:") for address in addresses)
    assert written(output) == expected(100_000)


def job_certificates(folder: Path) -> dict[str, str]:
    """Configuration that names a CA and a certificate of it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    issued = ["-CA", "ca.pem", "-CAkey", "ca.key"]
    for name, words in (("ca", ["-addext", "keyUsage=critical,keyCertSign"]), ("slot", issued)):
        files = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        command = ["openssl", "req", "-x509", *key, *words, *files]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    names = {"ca": "ca.pem", "cert": "slot.pem", "key": "slot.key"}
    return {f"penstock.rpc.tls.{name}": str(folder / file) for name, file in names.items()}
