"""What is handed to a session cluster with a program: arguments, state, configuration. Called by `session_job.py`.

Values of Secrets are in the request and nowhere else: they are read for it, and never written or logged.
"""

from collections.abc import Mapping

import structlog

from penstock_api.rest.program import RunRequest
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.clients.flink_programs import ProgramRest
from penstock_operator.errors import OperatorError
from penstock_operator.model.launch import OPERATOR_PREFIXES, SLOTS_KEY, Launch

log = structlog.get_logger(__name__)

_OF_THE_CLUSTER = (SLOTS_KEY, "execution.shutdown-on-application-finish", "web.cancel.enable")


def run_request(launch: Launch, session: FlinkDeployment | None, known: Mapping[str, str]) -> RunRequest:
    """The request; `known` has the values of keys that are in Secrets and ConfigMaps, as far as those are there."""
    job, sources = launch.spec.job, launch.sources
    cluster = flatten_configuration(session.spec.flink_configuration) if session is not None else {}
    configuration = {
        key: known[key] if key in sources else value
        for key, value in launch.configuration.items()
        if cluster.get(key) != value
        and (key not in sources or key in known)
        and key not in _OF_THE_CLUSTER
        and not key.startswith(OPERATOR_PREFIXES)
    }
    if job is not None and job.requirements:
        configuration["python.requirements"] = job.requirements
    return RunRequest(
        entry_class=job.entry_class if job else None,
        program_args_list=list(launch.arguments),
        parallelism=launch.parallelism,
        job_id=launch.job_id,
        savepoint_path=launch.from_savepoint,
        allow_non_restored_state=job.allow_non_restored_state if job else None,
        flink_configuration=configuration,
    )


def forget(rest: ProgramRest, program: str) -> None:
    """A program that was run is not needed any more; one that cannot be forgotten costs only room."""
    try:
        rest.forget(program)
    except OperatorError as error:
        log.info("a program stays in the session cluster", program=program, error=error.message)


def headers_of(text: str) -> dict[str, str]:
    """`name:value` pairs with commas (or `;`) between them, as upstream writes a map."""
    pairs = (pair.partition(":") for pair in text.replace(";", ",").split(",") if ":" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}
