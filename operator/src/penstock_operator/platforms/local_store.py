"""Objects of the local platform: resources, Events and processes in one SQLite file (WAL).

Used by `platforms/local.py` and the `local` commands, from several processes and threads at once. Every method is one
transaction. A status write names the version that it read, as on a real API server.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_api.v1beta1.status import FlinkDeploymentStatus
from penstock_operator.errors import Conflict
from penstock_operator.model.plan import Event

NAMESPACE = "local"
_TABLES = """
CREATE TABLE IF NOT EXISTS resource (
    name TEXT PRIMARY KEY, uid TEXT, generation INTEGER, version INTEGER, created TEXT, deleting TEXT,
    labels TEXT, spec TEXT, status TEXT);
CREATE TABLE IF NOT EXISTS event (
    name TEXT, type TEXT, reason TEXT, component TEXT, message TEXT, count INTEGER, first REAL, last REAL,
    PRIMARY KEY (name, reason, message));
CREATE TABLE IF NOT EXISTS process (
    name TEXT, role TEXT, token TEXT, command TEXT, started REAL, restarts INTEGER, stopping REAL, pid INTEGER,
    PRIMARY KEY (name, role));
CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, job_id TEXT, fingerprint TEXT, rest_port INTEGER);
"""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process that shall run: its role, the token in its environment, its command, and how often it died."""

    name: str
    role: str
    token: str
    command: tuple[str, ...]
    started: float
    restarts: int
    stopping: float | None
    pid: int | None = None
    """Of the process itself, without its children; None if it was not recorded any more."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """What was deployed."""

    job_id: str
    fingerprint: str
    rest_port: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """A recorded Event."""

    type: str
    reason: str
    component: str
    message: str
    count: int
    last: float


class LocalStore:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._setup = threading.Lock()
        with self._setup, self._connect() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(_TABLES)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=20.0)
        try:
            with db:
                yield db
        finally:
            db.close()

    # Resources.

    def names(self) -> dict[str, tuple[int, str | None]]:
        """Every resource with what a watch would see change: its generation and whether it is being deleted."""
        with self._connect() as db:
            rows = db.execute("SELECT name, generation, deleting FROM resource").fetchall()
        return {name: (generation, deleting) for name, generation, deleting in rows}

    def read(self, name: str) -> FlinkDeployment | None:
        """The resource."""
        with self._connect() as db:
            row = db.execute(
                "SELECT uid, generation, version, created, deleting, labels, spec, status FROM resource WHERE name=?",
                (name,),
            ).fetchone()
        if row is None:
            return None
        metadata: dict[str, Any] = {
            "name": name,
            "namespace": NAMESPACE,
            "uid": row[0],
            "generation": row[1],
            "resourceVersion": str(row[2]),
            "creationTimestamp": row[3],
            "deletionTimestamp": row[4],
            "labels": json.loads(row[5]),
        }
        body = {"metadata": metadata, "spec": json.loads(row[6]), "status": json.loads(row[7])}
        return FlinkDeployment.from_wire(body)

    def apply(self, resource: FlinkDeployment, uid: str) -> str:
        """Create or change; says `created`, `configured` or `unchanged`."""
        name, spec = resource.metadata.name, json.dumps(resource.spec.to_wire(), sort_keys=True)
        labels = json.dumps(resource.metadata.labels)
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            row = db.execute("SELECT spec FROM resource WHERE name=?", (name,)).fetchone()
            if row is None:
                values = (name, uid, 1, 1, _now(), None, labels, spec, "{}")
                db.execute("INSERT INTO resource VALUES (?,?,?,?,?,?,?,?,?)", values)
                return "created"
            if row[0] == spec:
                return "unchanged"
            db.execute(
                "UPDATE resource SET spec=?, labels=?, generation=generation+1, version=version+1 WHERE name=?",
                (spec, labels, name),
            )
            return "configured"

    def write_status(self, resource: FlinkDeployment, status: FlinkDeploymentStatus) -> FlinkDeployment:
        """Write the status, unless the resource is another one by now."""
        version = int(resource.metadata.resource_version or 0)
        with self._connect() as db:
            changed = db.execute(
                "UPDATE resource SET status=?, version=version+1 WHERE name=? AND version=?",
                (json.dumps(status.to_wire()), resource.metadata.name, version),
            ).rowcount
        if not changed:
            raise Conflict
        metadata = resource.metadata.model_copy(update={"resource_version": str(version + 1)})
        return resource.model_copy(update={"status": status, "metadata": metadata})

    def mark_deleting(self, name: str) -> bool:
        """Ask for the end of the resource; False if there is none."""
        with self._connect() as db:
            return bool(
                db.execute(
                    "UPDATE resource SET deleting=coalesce(deleting, ?), version=version+1 WHERE name=?",
                    (_now(), name),
                ).rowcount
            )

    def forget(self, name: str) -> None:
        """The resource is gone, and everything that was recorded of it."""
        with self._connect() as db:
            for table in ("resource", "event", "process", "job"):
                db.execute(f"DELETE FROM {table} WHERE name=?", (name,))  # noqa: S608 - names of ours

    # Events.

    def record(self, name: str, event: Event) -> None:
        """Record an Event; the same one again counts up."""
        now = time.time()
        values = (name, event.type, event.reason.value, event.component, event.message, now, now, now)
        with self._connect() as db:
            db.execute(
                "INSERT INTO event VALUES (?,?,?,?,?,1,?,?)"
                " ON CONFLICT (name, reason, message) DO UPDATE SET count=count+1, last=?",
                values,
            )

    def events(self, name: str) -> list[EventRow]:
        """The Events, oldest first."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT type, reason, component, message, count, last FROM event WHERE name=? ORDER BY last",
                (name,),
            ).fetchall()
        return [EventRow(*row) for row in rows]

    # Processes.

    def job(self, name: str) -> JobRow | None:
        """What was deployed under this name."""
        with self._connect() as db:
            query = "SELECT job_id, fingerprint, rest_port FROM job WHERE name=?"
            row = db.execute(query, (name,)).fetchone()
        return JobRow(*row) if row else None

    def put_job(self, name: str, job: JobRow | None) -> None:
        """Record what is deployed."""
        with self._connect() as db:
            db.execute("DELETE FROM job WHERE name=?", (name,))
            if job is not None:
                values = (name, job.job_id, job.fingerprint, job.rest_port)
                db.execute("INSERT INTO job VALUES (?,?,?,?)", values)

    def processes(self, name: str) -> list[ProcessRow]:
        """The processes of a job."""
        with self._connect() as db:
            rows = db.execute("SELECT * FROM process WHERE name=? ORDER BY role", (name,)).fetchall()
        return [ProcessRow(row[0], row[1], row[2], tuple(json.loads(row[3])), *row[4:]) for row in rows]

    def put_process(self, row: ProcessRow) -> None:
        """Record a process, before it is started."""
        values = (
            row.name,
            row.role,
            row.token,
            json.dumps(row.command),
            row.started,
            row.restarts,
            row.stopping,
            row.pid,
        )
        with self._connect() as db:
            db.execute("INSERT OR REPLACE INTO process VALUES (?,?,?,?,?,?,?,?)", values)

    def drop_process(self, name: str, role: str) -> None:
        """The process is gone and shall not come back."""
        with self._connect() as db:
            db.execute("DELETE FROM process WHERE name=? AND role=?", (name, role))


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
