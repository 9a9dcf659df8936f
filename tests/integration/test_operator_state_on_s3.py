"""The operator reads the newest state from a real S3 server, and names what is wrong with the storage."""

import json

import pytest

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.observe.checkpoints import observe_state
from tests.servers.s3 import S3Server

pytestmark = pytest.mark.integration

JOB = "b" * 32


def put_checkpoint(s3: S3Server, bucket: str, number: int, size: int = 3) -> None:
    subtask = {"index": 0, "operator": [{"path": "state", "size": size}]}
    operator = {
        "uid": "u",
        "operator_id": "0" * 32,
        "name": "n",
        "parallelism": 1,
        "max_parallelism": 128,
        "subtasks": [subtask],
    }
    body = {
        "kind": "CHECKPOINT",
        "job_id": JOB,
        "job_name": "j",
        "checkpoint_id": number,
        "attempt": 1,
        "trigger_timestamp": number,
        "completed_timestamp": number,
        "python_version": "3",
        "penstock_version": "0",
        "operators": [operator],
    }
    client = s3.client()
    folder = f"chk/{JOB}/chk-{number}"
    client.put_object(Bucket=bucket, Key=f"{folder}/state", Body=b"abc")
    client.put_object(Bucket=bucket, Key=f"{folder}/_metadata", Body=json.dumps(body).encode())
    client.close()


def resource(bucket: str) -> FlinkDeployment:
    return FlinkDeployment.from_wire(
        {
            "metadata": {"name": "clicks", "namespace": "default"},
            "spec": {
                "job": {"jarURI": "/job.py", "parallelism": 1, "upgradeMode": "last-state"},
                "flinkConfiguration": {"state.checkpoints.dir": f"s3://{bucket}/chk"},
            },
            "status": {
                "jobStatus": {"jobId": JOB, "jobIds": [JOB]},
                "reconciliationStatus": {"lastReconciledSpec": '{"spec": {"job": {"state": "suspended"}}}'},
            },
        }
    )


def test_newest_whole_checkpoint_on_s3(s3: S3Server) -> None:
    bucket = "operator-state"
    client = s3.client()
    client.create_bucket(Bucket=bucket)
    client.close()
    for number in (8, 9, 10):
        put_checkpoint(s3, bucket, number, size=4 if number == 10 else 3)
    newest = observe_state(resource(bucket), s3.configuration).newest_complete
    assert newest
    assert newest.path == f"s3://{bucket}/chk/{JOB}/chk-9"


@pytest.mark.parametrize("fault", ["bucket", "secret", "endpoint"])
def test_storage_that_cannot_be_read_is_named(s3: S3Server, fault: str) -> None:
    keys = dict(s3.configuration)
    if fault == "secret":
        keys["s3.secret-key"] = "wrong"
    if fault == "endpoint":
        keys["s3.endpoint"] = "http://127.0.0.1:1"
    found = observe_state(resource("there-is-no-such-bucket"), keys)
    assert found.problem
    assert found.problem.reason is Reason.CHECKPOINT_STORAGE_UNAVAILABLE
