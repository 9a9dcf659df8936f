"""Memory tuning: what is recommended from what was seen, when it is taken, and what the pods then get."""

from typing import Any

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.autoscaler import AutoscalerStatus, MemoryTuning
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.autoscale import codec
from penstock_operator.autoscale.decision import Memento, observe
from penstock_operator.autoscale.memory import Peak, recommended
from penstock_operator.autoscale.options import AutoscalerOptions
from penstock_operator.autoscale.signals import MemorySample, Sample
from penstock_operator.decide.autoscaling import overlay
from penstock_operator.decide.autoscaling_memory import adopted, left_of_memory, memory_text, outgrown, tuned
from penstock_operator.model.facts import Problem
from tests.operator.autoscale.series import steady, two_vertices

MIB = 1024 * 1024
ON = {"job.autoscaler.mode": "active", "job.autoscaler.memory.tuning.enabled": "true"}


def options(**keys: str) -> AutoscalerOptions:
    return AutoscalerOptions.from_keys(
        {**ON, **{f"job.autoscaler.{key}": value for key, value in keys.items()}}
    )


def spec(memory: str | None = "2048m", **more: Any) -> FlinkDeploymentSpec:
    manager = {"resource": {"memory": memory, "cpu": 1}} if memory else {}
    body = {"job": {"jarURI": "local:///job.py", "parallelism": 4}, "taskManager": manager, **more}
    return FlinkDeploymentSpec.from_wire(body)


def status(state: str, job: str) -> FlinkDeploymentStatus:
    return FlinkDeploymentStatus.from_wire(
        {"reconciliationStatus": {"state": state}, "jobStatus": {"state": job}}
    )


STOPPED = status("UPGRADING", "FINISHED")


def test_the_peak_with_head_room_and_never_less_in_whole_steps() -> None:
    peak = Peak(500 * MIB, 2)
    assert recommended(peak, 2, 2048 * MIB, AutoscalerOptions()) == 640 * MIB
    tight = AutoscalerOptions(memory_overhead=0.0)
    assert recommended(peak, 2, 2048 * MIB, tight) == 512 * MIB


def test_fewer_task_managers_keep_more_each() -> None:
    peak = Peak(500 * MIB, 4)
    assert recommended(peak, 1, 4096 * MIB, AutoscalerOptions()) == 2432 * MIB
    alone = AutoscalerOptions(memory_compensation=False)
    assert recommended(peak, 1, 4096 * MIB, alone) == 640 * MIB


def test_never_more_than_the_spec_has_and_nothing_from_nothing() -> None:
    assert recommended(Peak(1900 * MIB, 1), 1, 2048 * MIB, AutoscalerOptions()) is None
    assert recommended(Peak(), 1, 2048 * MIB, AutoscalerOptions()) is None


def test_the_peak_is_the_highest_sample_and_outlives_the_window() -> None:
    memento, graph = Memento(), two_vertices()
    for turn, sample in enumerate(steady(1000.0, 0.5, 200)):
        used = (900.0 if turn == 3 else 100.0) * MIB
        measured = Sample(sample.at, sample.vertices, MemorySample(0.1, 0.0, used, 2))
        memento = observe(memento, graph, measured, AutoscalerOptions())
    assert memento.samples[0].at > 45.0
    assert memento.peak == Peak(900.0 * MIB, 2)


def test_it_is_taken_only_while_the_job_is_stopped_for_an_upgrade() -> None:
    held = tuned(AutoscalerStatus(mode="active"), Peak(500 * MIB, 1), spec(), options(), 1)
    assert held.memory is not None
    assert (held.memory.recommended, held.memory.applied) == ("640Mi", None)
    assert "640Mi would do in place of 2048m, with the next upgrade" in held.memory.message
    assert overlay(spec(), held) == spec(), "a recommendation alone changes nothing"
    for elsewhere in (
        status("DEPLOYED", "RUNNING"),
        status("UPGRADING", "RUNNING"),
        status("DEPLOYED", "FAILED"),
    ):
        assert adopted(held, elsewhere, options()) is held
    taken = adopted(held, STOPPED, options())
    assert memory_text(overlay(spec(), taken)) == "640Mi"
    assert adopted(taken, STOPPED, options()) is taken
    off = options(**{"memory.tuning.enabled": "false"})
    assert memory_text(overlay(spec(), adopted(taken, STOPPED, off))) == "2048m", (
        "switched off, the spec counts again"
    )


def test_without_the_option_and_in_mode_advise_it_is_only_shown() -> None:
    for keys in ({"memory.tuning.enabled": "false"}, {"mode": "advise"}):
        held = tuned(AutoscalerStatus(mode="active"), Peak(500 * MIB, 1), spec(), options(**keys), 1)
        assert adopted(held, STOPPED, options(**keys)) is held


def test_the_owner_who_changes_the_memory_gets_what_he_wrote() -> None:
    tuning = MemoryTuning(observed="500Mi", recommended="640Mi", of="2048m", applied="640Mi")
    held = AutoscalerStatus(mode="active", memory=tuning)
    assert memory_text(overlay(spec("4096m"), held)) == "4096m"
    again = tuned(held, Peak(500 * MIB, 1), spec("4096m"), options(), 1)
    assert again.memory is not None
    assert (again.memory.of, again.memory.applied) == ("4096m", None)


def test_requests_and_limits_of_kubernetes_are_changed_alike() -> None:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    written = FlinkDeploymentSpec.from_wire({**spec().to_wire(), "taskManager": {"resources": resources}})
    held = tuned(AutoscalerStatus(mode="active"), Peak(500 * MIB, 1), written, options(), 1)
    found = overlay(written, adopted(held, STOPPED, options())).task_manager
    assert found is not None
    assert found.resources is not None
    assert found.resources.limits == {"memory": "640Mi"}
    assert found.resources.requests == {"cpu": "1", "memory": "640Mi"}


@pytest.mark.parametrize("other", [spec(None), spec(engine="Flink", flinkVersion="v2_0"), spec("much")])
def test_nothing_is_said_of_what_is_not_known_or_has_other_pools(other: FlinkDeploymentSpec) -> None:
    before = AutoscalerStatus(mode="active")
    assert tuned(before, Peak(500 * MIB, 1), other, options(), 1) is before


def test_managed_memory_is_answered_in_words_and_small_moves_are_no_news() -> None:
    keys = options(**{"memory.tuning.maximize-managed-memory": "true"})
    held = tuned(AutoscalerStatus(mode="active"), Peak(500 * MIB, 1), spec(), keys, 1)
    assert held.memory is not None
    assert "changes nothing here" in held.memory.message
    assert tuned(held, Peak(510 * MIB, 1), spec(), keys, 1) is held


def test_sizes_among_kubernetes_resources_are_read_as_the_pods_get_them() -> None:
    """There too `2048m` is Flink's 2048 MiB: as Kubernetes' two bytes nothing was ever recommended."""
    resources = {"requests": {"memory": "1024m"}, "limits": {"memory": "2048m"}}
    written = FlinkDeploymentSpec.from_wire({**spec().to_wire(), "taskManager": {"resources": resources}})
    held = tuned(AutoscalerStatus(mode="active"), Peak(500 * MIB, 1), written, options(), 1)
    assert held.memory is not None
    assert (held.memory.recommended, held.memory.of) == ("640Mi", "2048m")
    found = overlay(written, adopted(held, STOPPED, options())).task_manager
    assert found is not None
    assert found.resources is not None
    assert (found.resources.limits["memory"], found.resources.requests["memory"]) == ("640Mi", "640Mi")


GIVEN = AutoscalerStatus(
    mode="active", memory=MemoryTuning(observed="500Mi", recommended="640Mi", of="2048m", applied="640Mi")
)


def test_what_was_too_little_is_given_back_and_never_recommended_again() -> None:
    killed = Problem(Reason.OOM_KILLED, "TaskManager: exceeded its memory limit", "TaskManager")
    found, said = outgrown(GIVEN, killed)
    assert memory_text(overlay(spec(), found)) == "2048m"
    assert [one.reason for one in said] == [Reason.MEMORY_PRESSURE]
    assert outgrown(found, killed) == (found, ())
    peak = codec.decode(codec.encode(Memento(peak=Peak(500 * MIB, 1).outgrown()))).peak
    assert tuned(found, peak.with_seen(900 * MIB, 2), spec(), options(), 1) is found
    assert adopted(found, STOPPED, options()) is found


@pytest.mark.parametrize(
    "problem",
    [
        None,
        Problem(Reason.OOM_KILLED, "JobManager: exceeded its memory limit", "JobManager"),
        Problem(Reason.CRASH_LOOP_BACK_OFF, "TaskManager: ended with exit code 1", "TaskManager"),
    ],
)
def test_other_problems_give_nothing_back(problem: Problem | None) -> None:
    assert outgrown(GIVEN, problem) == (GIVEN, ())


def test_a_switched_off_autoscaler_leaves_the_memory_of_the_pods_until_their_next_start() -> None:
    def held(one: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
        return one.model_copy(update={"autoscaler": GIVEN})

    left = left_of_memory(None, held(status("DEPLOYED", "RUNNING")))
    assert left is not None
    assert (left.mode, left.overrides) == ("off", {})
    assert memory_text(overlay(spec(), left)) == "640Mi"
    assert left_of_memory(None, held(STOPPED)) is None
    assert left_of_memory(None, status("DEPLOYED", "RUNNING")) is None
