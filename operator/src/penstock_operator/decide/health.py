"""How well a job runs: since when without a restart, whether it is stable, whether it is unhealthy. Pure.

`watch` is called by `refresh` in every turn; the rules `steady`, `rollback` and `unhealthy` ask the rest. What is kept in
`status.health` changes only when the job's state or its count of restarts does, so that a healthy job costs no write.
"""

from datetime import timedelta

from penstock_api.reasons import Reason
from penstock_api.v1beta1.configuration import flatten_configuration
from penstock_api.v1beta1.status import FlinkDeploymentStatus, FlinkJobState, JobHealth
from penstock_operator.decide.situation import Situation
from penstock_operator.model.duration import parse_duration
from penstock_operator.model.facts import Facts, Problem
from penstock_operator.model.launch import job_configuration, with_defaults

STABILITY_WINDOW = "30 s"
"""Without a restart before a spec counts as stable: the first retries of a job that cannot work come within seconds."""
INTERVAL_KEY = "execution.checkpointing.interval"
TIMEOUT_KEY = "execution.checkpointing.timeout"
TOLERATED_KEY = "execution.checkpointing.tolerable-failed-checkpoints"
RESTARTS_WINDOW_KEY = "cluster.health-check.restarts.window"
RESTARTS_WINDOW = "2 min"
RESTARTS_THRESHOLD = "64"


def watch(facts: Facts, status: FlinkDeploymentStatus, state: FlinkJobState | None) -> JobHealth | None:
    """`status.health` as of now. A job that cannot be asked keeps what was known of it."""
    held = status.health
    if held is not None and (held.window_began or 0) < _started(status):
        held = None
    if not facts.job.reachable or state is None or state.is_terminal:
        return held
    count = facts.job.restarts
    if held is None:
        held = JobHealth(window_began=facts.now, window_restarts=count or 0)
    if count is not None and _window_is_over(facts, held, count):
        held = held.model_copy(update={"window_began": facts.now, "window_restarts": count})
    if state is not FlinkJobState.RUNNING:
        return held.model_copy(update={"running_since": None})
    if held.running_since is not None and count == held.restarts:
        return held
    newest = facts.job.last_checkpoint.checkpoint_id if facts.job.last_checkpoint is not None else 0
    return held.model_copy(update={"running_since": facts.now, "checkpoint_id": newest, "restarts": count})


def _started(status: FlinkDeploymentStatus) -> int:
    return status.reconciliation_status.reconciliation_timestamp or 0


def _window_is_over(facts: Facts, held: JobHealth, count: int) -> bool:
    """Whether restarts are counted anew: the job's own count began again, or they are older than the window."""
    if count < held.window_restarts:
        return True
    if count == held.window_restarts:
        return False
    spec = with_defaults(facts.resource.spec, facts.defaults)
    text = flatten_configuration(spec.flink_configuration).get(f"kubernetes.operator.{RESTARTS_WINDOW_KEY}")
    age = timedelta(milliseconds=facts.now - (held.window_began or 0))
    return age > (_parsed(text) or parse_duration(RESTARTS_WINDOW))


def works(situation: Situation) -> bool:
    """Whether the job was just seen to run, or to have come to its end, with nothing wrong."""
    is_well = situation.job_state in (FlinkJobState.RUNNING, FlinkJobState.FINISHED)
    return is_well and situation.facts.job.failure is None


def is_stable(situation: Situation) -> bool:
    """Whether the deployed spec has proved itself: at its end, or a window without restarts and with checkpoints."""
    if not works(situation):
        return False
    if situation.job_state is FlinkJobState.FINISHED:
        return True
    health = situation.status.health
    if health is None or health.running_since is None:
        return False
    window = situation.duration("deployment.stability.window", STABILITY_WINDOW)
    if situation.since(health.running_since) < window:
        return False
    newest = situation.facts.job.last_checkpoint
    completed = (newest.checkpoint_id if newest is not None else 0) - health.checkpoint_id
    return completed >= _needed(situation)


def may_become_stable(situation: Situation, began: int | None, timeout: timedelta) -> bool:
    """Whether only time is missing to a job that runs since before the timeout: its window, or its first checkpoint."""
    health = situation.status.health
    if not works(situation) or health is None or health.running_since is None:
        return False
    if timedelta(milliseconds=health.running_since - (began or 0)) > timeout:
        return False
    window = situation.duration("deployment.stability.window", STABILITY_WINDOW)
    interval = _duration(situation, INTERVAL_KEY) or timedelta()
    due = max(window, interval * (1 + _needed(situation)))
    return situation.since(health.running_since) <= due


def _needed(situation: Situation) -> int:
    """Checkpoints of the window: one, where the owner asked for checkpoints and the state counts."""
    asked = situation.option("deployment.stability.checkpoints", "")
    if asked.isdigit():
        return int(asked)
    if situation.is_stateless:
        return 0
    keys = flatten_configuration(situation.configured.flink_configuration)
    return 1 if keys.get(INTERVAL_KEY) else 0


def unhealthy(situation: Situation) -> Problem | None:
    """Why the job has to be started anew, by upstream's two measures; None while it is well or nobody asked."""
    if not situation.flag("cluster.health-check.enabled") or not _is_alive(situation):
        return None
    health = situation.status.health
    if health is None or not situation.facts.job.reachable:
        return None
    sentence = _restarts_too_often(situation, health) or _makes_no_checkpoints(situation, health)
    return Problem(Reason.JOB_UNHEALTHY, sentence, "Job") if sentence else None


def _is_alive(situation: Situation) -> bool:
    """Whether the job is one that goes on by itself: never one that is over, nor one that only just starts."""
    state = situation.job_state
    return state is not None and not state.is_terminal


def _restarts_too_often(situation: Situation, health: JobHealth) -> str | None:
    text = situation.option("cluster.health-check.restarts.threshold", RESTARTS_THRESHOLD)
    threshold = int(text) if text.isdigit() else int(RESTARTS_THRESHOLD)
    window = situation.duration(RESTARTS_WINDOW_KEY, RESTARTS_WINDOW)
    seen = (situation.facts.job.restarts or 0) - health.window_restarts
    age = situation.since(health.window_began)
    # As upstream: a window that was seen for longer than it is counts in proportion.
    in_window = seen * min(1.0, window / age) if age > timedelta() else float(seen)
    if in_window <= threshold:
        return None
    return f"The job restarted {seen} times within {_text(age)}; {threshold} within {_text(window)} are tolerated"


def _makes_no_checkpoints(situation: Situation, health: JobHealth) -> str | None:
    if not situation.flag("cluster.health-check.checkpoint-progress.enabled", default=True):
        return None
    interval = _duration(situation, INTERVAL_KEY)
    if interval is None or interval <= timedelta():
        return None
    window = _progress_window(situation, interval)
    newest = situation.facts.job.last_checkpoint
    since = max(_started(situation.status), health.running_since or 0)
    last = max(newest.timestamp if newest is not None else 0, since)
    silent = situation.since(last)
    if silent <= window:
        return None
    return f"The job completed no checkpoint for {_text(silent)}; one is expected every {_text(interval)}"


def _progress_window(situation: Situation, interval: timedelta) -> timedelta:
    """The configured window, never less than what tolerated failures may take."""
    timeout = _duration(situation, TIMEOUT_KEY) or timedelta(minutes=10)
    keys = job_configuration(situation.configured, situation.facts.ref.name)
    tolerated = keys.get(TOLERATED_KEY, "0")
    least = max(interval, timeout) * ((int(tolerated) if tolerated.isdigit() else 0) + 2)
    return max(least, situation.duration("cluster.health-check.checkpoint-progress.window", "0 s"))


def _duration(situation: Situation, key: str) -> timedelta | None:
    return _parsed(job_configuration(situation.configured, situation.facts.ref.name).get(key))


def _parsed(text: object) -> timedelta | None:
    try:
        return parse_duration(str(text)) if text else None
    except ValueError:
        return None


def _text(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
