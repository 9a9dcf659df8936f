"""How `local get` and `local describe` show a resource. Text and tables only; reads nothing by itself."""

import json
import time

from rich.console import Console
from rich.table import Table

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.platforms.local_store import EventRow


def table_of(resources: list[FlinkDeployment]) -> Table:
    """One line a resource, with the columns of `kubectl get`."""
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("NAME", "JOB STATUS", "LIFECYCLE STATE", "REASON"):
        table.add_column(title, overflow="fold")
    for resource in resources:
        status = resource.status
        table.add_row(
            resource.metadata.name,
            status.job_status.state.value if status.job_status.state else "",
            status.lifecycle_state.value if status.lifecycle_state else "",
            reason_of(resource),
        )
    return table


def reason_of(resource: FlinkDeployment) -> str:
    """The one word for what is wrong; empty when nothing is."""
    if not resource.status.error:
        return ""
    return str(json.loads(resource.status.error)["type"])


def describe(console: Console, resource: FlinkDeployment, url: str | None, events: list[EventRow]) -> None:
    """Everything that a person asks about one resource."""
    status, job = resource.status, resource.status.job_status
    rows = [
        ("Name", resource.metadata.name),
        ("Lifecycle", status.lifecycle_state.value if status.lifecycle_state else ""),
        ("Job", f"{job.job_id or '-'} {job.state.value if job.state else ''}"),
        ("Page", url or "-"),
        ("Restored from", job.upgrade_savepoint_path or "-"),
        ("Last checkpoint", job.last_checkpoint.path or "-" if job.last_checkpoint else "-"),
        ("Error", json.loads(status.error)["message"] if status.error else "-"),
    ]
    for title, text in rows:
        console.print(f"{title + ':':17}{text}", markup=False, highlight=False, soft_wrap=True)
    console.print("Conditions:")
    for condition in status.conditions:
        line = f"  {condition.type:12}{condition.status.value:8}{condition.reason:22}{condition.message}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print("Events:")
    for event in events:
        age = int(time.time() - event.last)
        count = f" (x{event.count})" if event.count > 1 else ""
        line = f"  {age:>5}s ago  {event.type:8}{event.reason:20}{event.message}{count}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
