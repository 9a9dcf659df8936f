"""How ready a JobManager is that waits for the word, as it says itself. Called by `observe/everything.py`; never raises."""

from dataclasses import replace

from penstock_api.reasons import Reason
from penstock_operator.clients.flink_rest import FlinkRest, JobManagerSilent, RequestRefused
from penstock_operator.model.facts import BesideFacts, Problem


def observe_waiting(seen: BesideFacts, task_managers: int, timeout: float = 5.0) -> BesideFacts:
    """The facts with its own word: its program is fetched, and so many TaskManagers are there for it."""
    if seen.rest_url is None:
        return seen
    try:
        with FlinkRest(seen.rest_url, timeout) as rest:
            application = rest.application()
            if application is None:
                return seen
            if application.status == "FAILED":
                reason = Reason.of(application.reason)
                return replace(seen, failure=Problem(reason, application.message or reason.sentence, "Job"))
            there = len(rest.task_managers().taskmanagers) if application.status == "WAITING" else 0
    except (JobManagerSilent, RequestRefused):
        return seen
    return replace(seen, is_ready=application.status == "WAITING" and there >= task_managers)
