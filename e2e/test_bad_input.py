"""What owners get wrong: refused at once, or one clear reason in status and Events within 30 s; recovers when corrected."""

from __future__ import annotations

import pytest

from e2e.clicks import click_lines
from e2e.environment import Environment
from e2e.job import Job
from e2e.storage import make_bucket

_RAISES = 'raise ValueError("the owner forgot something")\n'
_NEVER_EXECUTES = """
from pyflink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 2, 3]).print()
"""


def _recovers(job: Job) -> None:
    """The corrected job runs and counts exactly."""
    lines = click_lines(300)
    job.topics.send(lines)
    job.wait_running()
    job.topics.wait_exact(lines)


@pytest.mark.parametrize(
    ("program", "reason"),
    [(_RAISES, "ProgramFailed"), (_NEVER_EXECUTES, "ProgramNeverExecuted")],
    ids=["raises", "never-executes"],
)
def test_a_program_that_fails(job: Job, program: str, reason: str) -> None:
    job.program(program)
    job.apply()
    job.wait_reason(reason)
    job.program()
    job.apply(restartNonce=1)
    _recovers(job)


def test_an_image_that_does_not_exist(job: Job) -> None:
    job.apply(image="penstock/no-such-image:0", imagePullPolicy="Never")
    job.wait_reason("ImagePullFailed")
    del job.spec["image"], job.spec["imagePullPolicy"]
    job.apply()
    _recovers(job)


def test_a_secret_that_is_missing(job: Job) -> None:
    variable = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}
    container = {"name": "flink-main-container", "env": [variable]}
    job.apply(podTemplate={"spec": {"containers": [container]}})
    job.wait_reason("SecretMissing")
    job.kubectl.run("create", "secret", "generic", "token", "-n", job.namespace, "--from-literal=value=x")
    _recovers(job)


def test_a_bucket_that_is_not_there(job: Job, environment: Environment) -> None:
    name = f"late-{job.namespace}"
    job.apply(
        configuration={"state.checkpoints.dir": f"s3://{name}/c", "state.savepoints.dir": f"s3://{name}/s"}
    )
    job.wait_reason("CheckpointStorageUnavailable")
    make_bucket(environment, name)
    job.apply(restartNonce=1)
    _recovers(job)


def test_a_spec_that_is_refused_leaves_the_running_job_alone(job: Job) -> None:
    lines = click_lines(600)
    job.topics.send(lines[:300])
    job.apply()
    job.wait_running()
    job.topics.wait_exact(lines[:300])
    with pytest.raises(RuntimeError, match="set it to 1 or more"):
        job.apply({"parallelism": -1})
    job.topics.send(lines[300:])
    job.topics.wait_exact(lines)
    job.apply({"parallelism": 1})
    job.wait_running()


def test_a_savepoint_that_does_not_exist(job: Job) -> None:
    job.apply({"initialSavepointPath": f"{job.bucket}/savepoints/none"})
    job.wait_reason("StateNotFound")
    del job.spec["job"]["initialSavepointPath"]
    job.apply()
    _recovers(job)
