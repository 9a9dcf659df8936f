"""What latency markers found, at the job over REST and for Prometheus, named as Flink names it."""

from pathlib import Path

from tests.rest.api_driver import JOB, VERTEX, Api, graph

NAME = f"latency.source_id.{'c' * 32}.operator_id.{VERTEX}.operator_subtask_index.0.latency"


def test_latency_is_a_metric_of_the_job(tmp_path: Path) -> None:
    api = Api(tmp_path)
    try:
        api.submit(graph())
        api.add_taskmanager()
        execution = api.master.jobs[JOB].machine.job.executions[VERTEX, 0]
        execution.metrics.update({f"{NAME}_p99": 12.0, f"{NAME}_count": 3.0, f"{NAME}_mean": 4.0})
        assert {"id": f"{NAME}_p99"} in api.ask("GET", f"/jobs/{JOB}/metrics").json()
        found = api.ask("GET", f"/jobs/{JOB}/metrics?get={NAME}_mean").json()
        assert found == [{"id": f"{NAME}_mean", "value": "4"}]
        text = api.ask("GET", "/metrics").text
    finally:
        api.close()
    family = "flink_taskmanager_job_latency_source_id_operator_id_operator_subtask_index_latency"
    lines = [line for line in text.splitlines() if line.startswith(family)]
    assert len(lines) == 2
    summary = next(line for line in lines if line.startswith(family + "{"))
    assert 'quantile="0.99"' in summary
    assert f'source_id="{"c" * 32}"' in summary
    assert 'operator_subtask_index="0"' in summary
    assert summary.endswith(" 12.0")
    assert not [line for line in text.splitlines() if "jobmanager_job_latency" in line]
