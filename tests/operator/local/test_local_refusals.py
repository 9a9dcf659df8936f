"""What the local platform cannot do is refused with what to do instead."""

import sys
from pathlib import Path

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.platforms.local import LocalPlatform


def test_values_in_secrets_are_refused_where_there_are_no_secrets(tmp_path: Path) -> None:
    source = {"valueFrom": {"secretKeyRef": {"name": "storage", "key": "password"}}}
    body = {"metadata": {"name": "clicks"}, "spec": {"flinkConfiguration": {"s3.secret-key": source}}}
    (problem,) = LocalPlatform(tmp_path, (sys.executable,)).refusals(FlinkDeployment.from_wire(body))
    assert "spec.flinkConfiguration[s3.secret-key]" in problem.message
