"""Metrics count resources as watches tell of them, time their changes, and are read over HTTP."""

from typing import Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest

from penstock_operator.configuration.values import Values
from penstock_operator.report.metrics import Metrics
from penstock_operator.report.metrics_ledger import Ledger
from penstock_operator.report.metrics_names import METRICS, PREFIX
from tests.servers.process import free_port


def resource(name: str, namespace: str = "team", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {}, "status": status}


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(PREFIX + name, labels)


def test_resources_are_counted_by_what_they_are_like() -> None:
    metrics = Metrics(Values({}))
    running: dict[str, Any] = {"jobStatus": {"state": "RUNNING"}, "jobManagerDeploymentStatus": "READY"}
    info = {"flink-version": "2.2.0", "total-cpu": "1.5", "total-memory": "1024", "state-size": "oops"}
    stable = resource("a", lifecycleState="STABLE", clusterInfo=info, **running)
    metrics.saw("FlinkDeployment", "ADDED", stable)
    metrics.saw("FlinkDeployment", None, resource("b", clusterInfo={"total-cpu": 1}))
    metrics.saw("FlinkSessionJob", None, resource("c", lifecycleState="FAILED"))
    metrics.saw("FlinkStateSnapshot", None, {**resource("s", state="COMPLETED"), "spec": {"savepoint": {}}})
    metrics.saw("FlinkBlueGreenDeployment", None, resource("g", blueGreenState="ACTIVE_BLUE"))
    found, place = metrics.registry, {"resourcens": "team"}
    deployment = {"kind": "FlinkDeployment", **place}
    assert value(found, "resource_count", **deployment) == 2
    assert value(found, "lifecycle_state_count", state="STABLE", **deployment) == 1
    assert value(found, "lifecycle_state_count", state="CREATED", **deployment) == 1
    assert value(found, "job_status_count", state="RUNNING", **deployment) == 1
    assert value(found, "jm_deployment_status_count", status="READY", **place) == 1
    assert value(found, "flink_version_count", version="2.2.0", **place) == 1
    assert value(found, "flink_minor_version_count", version="2.2", **place) == 1
    assert value(found, "resource_usage_cpu", **place) == 2.5
    assert value(found, "resource_usage_state_size_bytes", **place) == 0
    assert value(found, "snapshot_state_count", type="savepoint", state="COMPLETED", **place) == 1
    assert value(found, "blue_green_state_count", state="ACTIVE_BLUE", **place) == 1
    assert value(found, "failures_total", kind="FlinkSessionJob", **place) == 1
    each = {"resourcename": "a", "state": "STABLE", "jobstate": "RUNNING"}
    assert value(found, "resource_state", **deployment, **each) == 1
    metrics.saw("FlinkDeployment", "DELETED", stable)
    assert value(found, "resource_count", **deployment) == 1


def test_states_and_transitions_are_timed() -> None:
    times: list[tuple[str, float]] = []

    def took(kind: str, namespace: str, name: str, seconds: float) -> None:
        times.append((name, seconds))

    ledger = Ledger(took, took)
    life = (
        (0, "CREATED"), (1, "UPGRADING"), (4, "DEPLOYED"), (9, "STABLE"), (20, "UPGRADING"), (22, "SUSPENDED"),
        (30, "UPGRADING"), (31, "DEPLOYED"), (33, "STABLE"), (40, "UPGRADING"), (44, "STABLE"), (44, "STABLE"),
        (50, "ROLLING_BACK"), (55, "ROLLED_BACK"),
    )  # fmt: skip
    for at, state in life:
        ledger.saw("FlinkDeployment", resource("a", lifecycleState=state), at)
    transitions = [entry for entry in times if entry[0][1:].islower()]
    assert transitions == [
        ("Submission", 3),
        ("Stabilization", 5),
        ("Suspend", 2),
        ("Submission", 1),
        ("Stabilization", 2),
        ("Resume", 3),
        ("Upgrade", 4),
        ("Rollback", 5),
    ]
    assert ("STABLE", 11) in times


def test_turns_and_calls_are_counted_unless_switched_off() -> None:
    metrics = Metrics(Values({}))
    metrics.turned("FlinkDeployment", 0.1, "done")
    metrics.called("GET", 200, 0.01)
    metrics.called("GET", 0, 6.0)
    found = metrics.registry
    assert value(found, "reconciliations_total", kind="FlinkDeployment", outcome="done") == 1
    assert value(found, "reconcile_seconds_count", kind="FlinkDeployment") == 1
    assert value(found, "kube_client_requests_total", method="GET", code="200") == 1
    assert value(found, "kube_client_slow_requests_total", method="GET") == 1
    off = {"kubernetes.client", "josdk", "resource", "jvm", "resource.lifecycle"}
    silent = Metrics(Values({f"kubernetes.operator.{part}.metrics.enabled": "false" for part in off}))
    silent.turned("FlinkDeployment", 0.1, "done")
    silent.called("GET", 200, 0.01)
    silent.saw("FlinkDeployment", None, resource("a", lifecycleState="STABLE"))
    silent.saw("FlinkDeployment", None, resource("a", lifecycleState="SUSPENDED"))
    assert [line for line in generate_latest(silent.registry).decode().splitlines() if line[0] != "#"] == [
        "flink_k8soperator_leader 1.0"
    ]


def test_they_are_read_over_http_and_every_name_is_in_the_table() -> None:
    metrics, port = Metrics(Values({}), lambda: False), free_port()
    metrics.serve("127.0.0.1", port)
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    finally:
        metrics.close()
    assert "flink_k8soperator_leader 0.0" in text
    named = {line.split()[2] for line in text.splitlines() if line.startswith(f"# TYPE {PREFIX}")}
    documented = {
        f"{PREFIX}{metric.name}{'_total' if metric.type == 'counter' else ''}" for metric in METRICS
    }
    assert {name for name in named if not name.endswith("_created")} == documented
