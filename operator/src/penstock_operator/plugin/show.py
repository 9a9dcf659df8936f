"""How the plugin shows a resource and its revisions: text and tables. Pure; called by the commands."""

import json
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import Revision


def history_table(revisions: list[Revision], now: datetime) -> Table:
    """One line a revision, oldest first."""
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("REVISION", "OUTCOME", "STARTED", "RAN", "BY", "FROM", "IMAGE", "CHANGED"):
        table.add_column(title, overflow="fold")
    for each in revisions:
        table.add_row(
            str(each.number),
            each.outcome.value,
            each.started or "-",
            _ran(each, now),
            each.by or "-",
            each.from_state or "nothing",
            each.image or "-",
            ", ".join(each.changed) or "-",
        )
    return table


def _ran(revision: Revision, now: datetime) -> str:
    if revision.started is None:
        return "-"
    end = datetime.fromisoformat(revision.ended) if revision.ended else now
    seconds = max(0, int((end - datetime.fromisoformat(revision.started)).total_seconds()))
    sizes = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    size, unit = next(((size, unit) for size, unit in sizes if seconds >= size), (1, "s"))
    return f"{seconds // size}{unit}" + ("" if revision.ended else " so far")


def show_status(console: Console, resource: FlinkDeployment) -> None:
    """Where the resource is, what is wrong, what runs, what it would go back to."""
    status, job = resource.status, resource.status.job_status
    held = status.reconciliation_status
    checkpoint = job.last_checkpoint
    rollback = f"{held.rollback.reason}: {held.rollback.message}" if held.rollback else "-"
    rows = [
        ("Resource", f"{resource.metadata.namespace}/{resource.metadata.name}"),
        ("Lifecycle", status.lifecycle_state.value if status.lifecycle_state else "-"),
        ("Job", f"{job.job_id or '-'} {job.state.value if job.state else ''}".strip()),
        ("Job namespace", status.job_namespace or "-"),
        ("Generation", f"{status.observed_generation} seen of {resource.metadata.generation}"),
        ("Revision", str(status.history[-1].number) if status.history else "-"),
        ("Restored from", job.upgrade_savepoint_path or "-"),
        ("Last checkpoint", (checkpoint.path if checkpoint else None) or "-"),
        ("Rolled back for", rollback),
        ("Error", _error(status.error)),
    ]
    for title, text in rows:
        _line(console, f"{title + ':':17}{text}")
    _line(console, "Conditions:")
    for condition in status.conditions:
        line = f"  {condition.type:13}{condition.status.value:8}{condition.reason:22}{condition.message}"
        _line(console, line)


def _error(text: str | None) -> str:
    if not text:
        return "-"
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return f"{body.get('type', '')}: {body.get('message', '')}"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def now() -> datetime:
    """The time against which a running revision's length is told."""
    return datetime.now(tz=UTC)
