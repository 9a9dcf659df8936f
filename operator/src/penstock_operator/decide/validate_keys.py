"""Validation of Flink's own keys that would otherwise stop the last good job: one that starts would fail by them. Pure.

Called by `validate.py`.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import Engine, FlinkDeployment
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Problem

DURATIONS = (
    "execution.checkpointing.interval",
    "execution.checkpointing.timeout",
    "execution.checkpointing.min-pause",
)
DIRECTORIES = (
    "execution.checkpointing.dir",
    "state.checkpoints.dir",
    "execution.checkpointing.savepoint-dir",
    "state.savepoints.dir",
)
NOT_SERVED = {
    "security.ssl.rest.enabled": "the bundled runtime serves REST without TLS",
    "penstock.rest.token": "the operator and the kubelet ask JobManagers without a token",
}
"""Keys with which nobody would reach the JobManager: its pod would never be ready."""
SCHEMES = ("", "file", "s3", "s3a", "s3p", "s3n")


def check_keys(resource: FlinkDeployment) -> Iterator[Problem]:
    """Durations that are none, directories that cannot be reached, a port that is none, a REST API that nobody could ask."""
    if resource.spec.effective_engine is not Engine.PENSTOCK:
        return
    keys = flatten_configuration(resource.spec.flink_configuration)
    for key in DURATIONS:
        try:
            parse_duration(keys.get(key) or "1 s")
        except ValueError as error:
            yield refuse(f"spec.flinkConfiguration[{key}]: {error}")
    for key in DIRECTORIES:
        uri = keys.get(key) or ""
        if urlsplit(uri).scheme not in SCHEMES:
            yield refuse(
                f"spec.flinkConfiguration[{key}] {uri!r}: state is kept at s3:// or file:// addresses only"
            )
    for key, why in NOT_SERVED.items():
        if (keys.get(key) or "false").strip().lower() != "false":
            yield refuse(
                f"spec.flinkConfiguration[{key}]: {why}: remove it; the job's network policy says who reaches its REST port"
            )
    port = keys.get("rest.port") or "8081"
    if not (port.isdigit() and 0 < int(port) < 65536):
        yield refuse(f"spec.flinkConfiguration[rest.port] is {port!r}: set it to a port, as 8081")
