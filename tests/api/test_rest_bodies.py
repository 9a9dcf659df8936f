"""Every REST body that Flink's clients use is read, and written again in Flink's own spelling."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from penstock_api import rest
from penstock_api.rest import checkpoint, cluster, job, trigger, vertex

BODIES = Path(__file__).parent / "rest_bodies"

SHAPES: dict[str, Any] = {
    "checkpoint_details": rest.CheckpointStatistics,
    "checkpoint_details_subtasks": checkpoint.TaskCheckpointDetails,
    "checkpoint_status": rest.CheckpointTriggerStatus,
    "checkpoints": rest.CheckpointingStatistics,
    "checkpoints_config": rest.CheckpointConfig,
    "checkpoints_failed": rest.CheckpointingStatistics,
    "config": rest.ClusterConfig,
    "disposal_status": rest.DisposalStatus,
    "errors": rest.Errors,
    "execution_result": rest.JobExecutionResultResponse,
    "execution_result_in_progress": rest.JobExecutionResultResponse,
    "job": rest.JobDetails,
    "job_accumulators": job.Accumulators,
    "job_config": job.JobConfig,
    "job_exceptions": rest.JobExceptions,
    "job_exceptions_failed": rest.JobExceptions,
    "job_plan": rest.JobPlan,
    "job_status": job.JobState,
    "job_stopped": rest.JobDetails,
    "jobmanager_config": list[cluster.ConfigEntry],
    "jobmanager_environment": cluster.Environment,
    "jobmanager_logs": cluster.LogList,
    "jobs": rest.JobIds,
    "jobs_overview": rest.JobsOverview,
    "log_url": cluster.LogUrl,
    "metrics_aggregated": list[rest.AggregatedMetric],
    "metrics_names": list[rest.Metric],
    "metrics_values": list[rest.Metric],
    "overview": rest.ClusterOverview,
    "resource_requirements": dict[str, job.VertexRequirements],
    "savepoint_status": rest.SavepointStatus,
    "savepoint_status_failed": rest.SavepointStatus,
    "savepoint_status_in_progress": rest.SavepointStatus,
    "taskmanager": cluster.TaskManagerDetails,
    "taskmanagers": rest.TaskManagerList,
    "thread_dump": cluster.ThreadDump,
    "trigger": rest.TriggerResponse,
    "vertex": rest.VertexDetails,
    "vertex_backpressure": rest.VertexBackPressure,
    "vertex_flamegraph": vertex.FlameGraph,
    "vertex_subtask": vertex.SubtaskDetails,
    "vertex_subtask_accumulators": vertex.VertexSubtaskAccumulators,
    "vertex_taskmanagers": vertex.VertexTaskManagers,
    "vertex_times": vertex.VertexTimes,
}


def test_every_body_has_a_shape() -> None:
    assert sorted(path.stem for path in BODIES.glob("*.json")) == sorted(SHAPES)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_body_is_written_as_it_was_read(name: str) -> None:
    body = json.loads((BODIES / f"{name}.json").read_text())
    shape: TypeAdapter[Any] = TypeAdapter(SHAPES[name])
    written = json.loads(shape.dump_json(shape.validate_python(body), by_alias=True))
    if name == "checkpoints_failed":
        written["summary"] = {}  # written in full, read from an empty one
    assert written == body


def test_not_a_number_is_the_text_nan() -> None:
    spent = job.IoMetrics.model_validate({"accumulated-busy-time": "NaN"})
    assert math.isnan(spent.accumulated_busy_time)
    assert json.loads(spent.to_json())["accumulated-busy-time"] == "NaN"
    assert b'"p99":"NaN"' in checkpoint.Summary().to_json()


def test_unknown_fields_of_another_version_are_ignored() -> None:
    read = rest.ClusterConfig.model_validate({"flink-version": "9.9", "new-in-nine": {"a": 1}})
    assert read.flink_version == "9.9"
    assert "new-in-nine" not in json.loads(read.to_json())


def test_only_what_flink_writes_as_null_is_null() -> None:
    running = rest.SavepointStatus(status=trigger.QueueStatusId(id=rest.QueueStatus.IN_PROGRESS))
    assert json.loads(running.to_json()) == {"status": {"id": "IN_PROGRESS"}, "operation": None}
    latest = json.loads(checkpoint.LatestCheckpoints().to_json())
    assert latest == {"completed": None, "savepoint": None, "failed": None, "restored": None}
    assert "penstock-version" not in json.loads(rest.ClusterConfig().to_json())
    assert json.loads(rest.ClusterConfig(penstock_version="0.1.0").to_json())["penstock-version"] == "0.1.0"


def test_requests_are_spelt_as_flinks_cli_spells_them() -> None:
    savepoint = rest.SavepointTriggerRequest(target_directory="s3://b/s", format_type="NATIVE")
    assert json.loads(savepoint.to_json()) == {
        "target-directory": "s3://b/s",
        "cancel-job": False,
        "formatType": "NATIVE",
    }
    stop = rest.StopRequest(drain=True, target_directory="s3://b/s")
    assert json.loads(stop.to_json()) == {
        "drain": True,
        "targetDirectory": "s3://b/s",
        "formatType": "CANONICAL",
    }
    assert rest.SavepointTriggerRequest.model_validate({"no-such": 1}).cancel_job is False


def test_a_failure_has_a_message_in_one_line() -> None:
    body = json.loads((BODIES / "savepoint_status_failed.json").read_text())
    status = rest.SavepointStatus.model_validate(body)
    assert status.operation is not None
    assert status.operation.failure_cause is not None
    assert status.operation.failure_cause.message.endswith("the checkpoint was declined")
    assert trigger.FailureCause(failure_class="X").message == "X"


def test_metric_values_are_numbers_where_they_can_be() -> None:
    assert rest.Metric(id="a", value="1.5").number == 1.5
    assert math.isnan(rest.Metric(id="a").number)
    assert math.isnan(rest.Metric(id="a", value="FULL").number)


def test_bodies_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        rest.ClusterOverview().slots_total = 2  # type: ignore[misc]


def test_every_name_of_the_package_is_a_body() -> None:
    assert rest.__all__ == sorted(rest.__all__)
    for name in rest.__all__:
        held = getattr(rest, name)
        assert isinstance(held, TypeAdapter) or (isinstance(held, type) and held.__doc__), name
    assert issubclass(rest.JobDetails, BaseModel)
