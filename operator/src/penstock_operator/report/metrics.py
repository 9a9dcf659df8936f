"""The operator's Prometheus metrics: how resources are, how long their changes take, what the loop and its API calls do.

Made once by `handlers/app.py`. The table of names is `metrics_names.py`. Reading them makes no API call.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_operator.configuration.values import Values
from penstock_operator.model.facts import Ref
from penstock_operator.report.metrics_autoscaler import AutoscalerFigures
from penstock_operator.report.metrics_ledger import Ledger, count_by
from penstock_operator.report.metrics_names import NAMES, PREFIX

_JOBS = ("FlinkDeployment", "FlinkSessionJob")
_DEPLOYMENT = ("FlinkDeployment",)
_SNAPSHOT = ("FlinkStateSnapshot",)
_BLUE_GREEN = ("FlinkBlueGreenDeployment",)
_ALL = (*_JOBS, *_SNAPSHOT, *_BLUE_GREEN)
_USAGE = {"total-cpu": "cpu", "total-memory": "memory_bytes", "state-size": "state_size_bytes"}
_LONG = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Of one process, in a registry of its own."""

    def __init__(self, values: Values, is_leader: Callable[[], bool] = lambda: True) -> None:
        self._values = values
        self.registry = CollectorRegistry()
        self._is_by_namespace = values.boolean("resource.lifecycle.namespace.histograms.enabled")
        self._has_times = values.boolean("resource.lifecycle.metrics.enabled")
        slow = values.duration("kubernetes.client.metrics.slow.request.threshold")
        self._slow_seconds = slow.total_seconds() if slow else 5.0
        self._states = self._histogram("lifecycle_state_time_seconds", _LONG)
        self._transitions = self._histogram("lifecycle_transition_time_seconds", _LONG)
        self._failures = self._counter("failures")
        self._turns = self._counter("reconciliations")
        self._turn_seconds = self._histogram("reconcile_seconds", _SHORT)
        self._calls = self._counter("kube_client_requests")
        self._slow_calls = self._counter("kube_client_slow_requests")
        self._call_seconds = self._histogram("kube_client_request_seconds", _SHORT)
        leader = Gauge(PREFIX + "leader", NAMES["leader"].meaning, registry=self.registry)
        leader.set_function(lambda: float(is_leader()))
        self.ledger = Ledger(self._state_took, self._transition_took)
        if values.boolean("resource.metrics.enabled"):
            self.registry.register(Resources(self.ledger))
        self.autoscalers = AutoscalerFigures()
        if values.boolean("resource.metrics.enabled"):
            self.registry.register(self.autoscalers)
        if values.boolean("jvm.metrics.enabled"):
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
        self._server: tuple[WSGIServer, threading.Thread] | None = None

    def serve(self, host: str, port: int) -> None:
        """Answer `/metrics` on this address until closed."""
        self._server = start_http_server(port, host, self.registry)

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join(10.0)
            self._server = None

    def saw(self, kind: str, type_: str | None, body: Mapping[str, Any]) -> None:
        """An event of a resource: as it is now, or that it is gone."""
        meta = body.get("metadata") or {}
        if type_ == "DELETED" and kind in _DEPLOYMENT:
            self.autoscalers.gone(Ref(str(meta.get("namespace") or ""), str(meta.get("name") or "")))
        if type_ == "DELETED":
            self.ledger.gone(kind, str(meta.get("namespace") or ""), str(meta.get("name") or ""))
        elif self.ledger.saw(kind, body, time.monotonic()):
            self._failures.labels(kind=kind, resourcens=str(meta.get("namespace") or "")).inc()

    def turned(self, kind: str, seconds: float, outcome: str) -> None:
        """A turn of the loop ended."""
        if self._values.boolean("josdk.metrics.enabled"):
            self._turns.labels(kind=kind, outcome=outcome).inc()
            self._turn_seconds.labels(kind=kind).observe(seconds)

    def called(self, method: str, status: int, seconds: float) -> None:
        """A call to the API server was answered; status 0 is no answer."""
        if self._values.boolean("kubernetes.client.metrics.enabled"):
            self._calls.labels(method=method, code=str(status)).inc()
            self._call_seconds.labels(method=method).observe(seconds)
            if seconds > self._slow_seconds:
                self._slow_calls.labels(method=method).inc()

    def _state_took(self, kind: str, namespace: str, state: str, seconds: float) -> None:
        if self._has_times:
            place = namespace if self._is_by_namespace else ""
            self._states.labels(kind=kind, resourcens=place, state=state).observe(seconds)

    def _transition_took(self, kind: str, namespace: str, transition: str, seconds: float) -> None:
        if self._has_times:
            place = namespace if self._is_by_namespace else ""
            self._transitions.labels(kind=kind, resourcens=place, transition=transition).observe(seconds)

    def _counter(self, name: str) -> Counter:
        about = NAMES[name]
        return Counter(PREFIX + name, about.meaning, about.labels, registry=self.registry)

    def _histogram(self, name: str, buckets: tuple[float, ...]) -> Histogram:
        about = NAMES[name]
        return Histogram(PREFIX + name, about.meaning, about.labels, registry=self.registry, buckets=buckets)


class Resources(Collector):
    """Counts of resources by what they are like, made when they are read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every count."""
        entries = self._ledger.entries()
        counts = {
            "resource_count": count_by(entries, _ALL, lambda state, body: "any"),
            "lifecycle_state_count": count_by(entries, _JOBS, lambda state, body: state),
            "job_status_count": count_by(entries, _JOBS, _at("status", "jobStatus", "state")),
            "jm_deployment_status_count": count_by(
                entries, _DEPLOYMENT, _at("status", "jobManagerDeploymentStatus")
            ),
            "flink_version_count": count_by(
                entries, _DEPLOYMENT, _at("status", "clusterInfo", "flink-version")
            ),
            "flink_minor_version_count": count_by(entries, _DEPLOYMENT, _minor_version),
            "snapshot_state_count": count_by(entries, _SNAPSHOT, _snapshot),
            "blue_green_state_count": count_by(entries, _BLUE_GREEN, lambda state, body: state),
        }
        for name, found in counts.items():
            about = NAMES[name]
            family = GaugeMetricFamily(PREFIX + name, about.meaning, labels=about.labels)
            for (kind, namespace, value), count in sorted(found.items()):
                values = {"kind": kind, "resourcens": namespace}
                last = value.split("/") if name == "snapshot_state_count" else [value]
                own = [label for label in about.labels if label not in values]
                values.update(zip(own, last, strict=False))
                family.add_metric([values[label] for label in about.labels], count)
            yield family
        yield from self._usage(entries)
        yield self._each(entries)

    def _usage(self, entries: list[Any]) -> Iterator[GaugeMetricFamily]:
        for key, name in _USAGE.items():
            about = NAMES[f"resource_usage_{name}"]
            sums: dict[str, float] = {}
            for (kind, namespace, _), _state, body in entries:
                text = (body["status"].get("clusterInfo") or {}).get(key) if kind in _DEPLOYMENT else None
                if text is not None:
                    sums[namespace] = sums.get(namespace, 0.0) + _number(text)
            family = GaugeMetricFamily(PREFIX + f"resource_usage_{name}", about.meaning, labels=about.labels)
            for namespace, amount in sorted(sums.items()):
                family.add_metric([namespace], amount)
            yield family

    def _each(self, entries: list[Any]) -> GaugeMetricFamily:
        about = NAMES["resource_state"]
        family = GaugeMetricFamily(PREFIX + "resource_state", about.meaning, labels=about.labels)
        for (kind, namespace, name), state, body in sorted(entries, key=lambda entry: entry[0]):
            job = str((body["status"].get("jobStatus") or {}).get("state") or "")
            family.add_metric([kind, namespace, name, state or "", job], 1)
        return family


def _at(*path: str) -> Callable[[str | None, Mapping[str, Any]], str | None]:
    def value(_: str | None, body: Mapping[str, Any]) -> str | None:
        found: Any = body
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return None if found is None else str(found)

    return value


def _minor_version(state: str | None, body: Mapping[str, Any]) -> str | None:
    whole = _at("status", "clusterInfo", "flink-version")(state, body)
    return None if whole is None else ".".join(whole.split(".")[:2])


def _snapshot(state: str | None, body: Mapping[str, Any]) -> str:
    return f"{'checkpoint' if 'checkpoint' in body['spec'] else 'savepoint'}/{state}"


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0
