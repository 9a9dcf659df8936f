"""Validation of configuration whose values are in Secrets and ConfigMaps. Called by `validate.py`. Pure."""

from collections.abc import Iterator

from penstock_api.v1beta1.configuration import value_sources
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.facts import Problem
from penstock_operator.model.launch import OPERATOR_PREFIXES

_NEEDED_PLAIN = ("state.checkpoints.dir", "state.savepoints.dir", "execution.checkpointing.dir", "rest.port")
"""What the operator itself acts on, and others look at: a value there is no secret."""


def check_sources(resource: FlinkDeployment) -> Iterator[Problem]:
    """Each `valueFrom` is whole, and on a key of the job's own."""
    try:
        found = value_sources(resource.spec.flink_configuration)
    except ValueError as error:
        yield refuse(f"spec.flinkConfiguration: {error}")
        return
    for key in found:
        if key in _NEEDED_PLAIN or key.startswith(
            (*OPERATOR_PREFIXES, "high-availability", "taskmanager.number")
        ):
            yield refuse(
                f"spec.flinkConfiguration[{key}] is read by the operator: write its value, not valueFrom"
            )
