"""Keys of Flink's that a job would fail by are refused before the job that runs is stopped for them."""

import pytest

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.decide.validate_keys import check_keys


def problems(key: str, value: str) -> list[str]:
    resource = FlinkDeployment.from_wire({"spec": {"flinkConfiguration": {key: value}}})
    return [problem.message for problem in check_keys(resource)]


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("execution.checkpointing.interval", "now and then", "10 min"),
        ("execution.checkpointing.timeout", "soon", "1 h"),
        ("state.checkpoints.dir", "ftp://nowhere", "s3://state/checkpoints"),
        ("execution.checkpointing.savepoint-dir", "gopher://x", "file:///state"),
        ("rest.port", "no port", "9000"),
        ("rest.port", "70000", "1"),
        ("security.ssl.rest.enabled", "true", "false"),
        ("penstock.rest.token", "a word", ""),
    ],
)
def test_a_key_that_cannot_work_is_refused_by_its_name(key: str, wrong: str, right: str) -> None:
    assert [key in message for message in problems(key, wrong)] == [True]
    assert problems(key, right) == []
