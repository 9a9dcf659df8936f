"""What the JobManager of a session cluster says of itself, as `JobFacts`. Called by `observe/everything.py`."""

from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.model.facts import JobFacts

_OVER = ("FINISHED", "CANCELED", "FAILED")


def observe_session(url: str | None, timeout: float = 5.0) -> JobFacts:
    """Whether it answers, and which jobs run; never raises for a silent one."""
    if url is None:
        return JobFacts()
    try:
        with FlinkRest(url, timeout) as rest:
            config = rest.config()
            running = tuple(job.jid for job in rest.jobs().jobs if job.state not in _OVER)
    except (JobManagerSilent, RequestRefused):
        return JobFacts()
    return JobFacts(
        reachable=True, version=config.penstock_version or config.flink_version, session_jobs=running
    )
