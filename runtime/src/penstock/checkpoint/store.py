"""Where a job's snapshots are: claims, metadata written last, what is newest and whole, what is pruned.

Called by the JobManager's shell from worker threads (every call blocks on storage). Never decides which snapshot a job
should take; never opens a state object.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.filesystems.errors import FileMissing, FileSystemError
from penstock.filesystems.port import FileSystem
from penstock.filesystems.registry import open_filesystem
from penstock_api.manifest import COMMITTED_FILE, METADATA_FILE, CheckpointMetadata, StateObject

_ATTEMPT = re.compile(r"/attempt-(\d+)$")
_CHECKPOINT = re.compile(rf"/chk-(\d+)/{METADATA_FILE}$")
_CHECKPOINT_FOLDER = re.compile(r"/chk-(\d+)/")
RESULT_FILE = "_result"


class SnapshotProblem(Exception):
    """A snapshot that cannot be restored; `reason` is a word of the contract."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Superseded(Exception):
    """A newer attempt has claimed the job: this one may complete nothing."""


@dataclass(slots=True, frozen=True)
class Snapshot:
    """A whole snapshot and the folder of its `_metadata`."""

    location: str
    metadata: CheckpointMetadata


def resolve(location: str, stored: StateObject) -> str:
    """The URI of an object of the snapshot in `location`."""
    absolute = "://" in stored.path or stored.path.startswith(("/", "file:"))
    return stored.path if absolute else f"{location.rstrip('/')}/{stored.path}"


def with_absolute_paths(location: str, metadata: CheckpointMetadata) -> CheckpointMetadata:
    """The same snapshot, described from any other folder."""
    document = metadata.model_dump()
    for operator in document["operators"]:
        for subtask in operator["subtasks"]:
            stored = [keyed["object"] for keyed in subtask["keyed"]] + subtask["operator"]
            files = [file["object"] for native in subtask["native"] for file in native["files"]]
            for entry in [*stored, *files]:
                entry["path"] = resolve(location, StateObject(**entry))
    return CheckpointMetadata.model_validate(document)


class CheckpointStore:
    """Snapshots of one job under `<directory>/<job-id>/`."""

    def __init__(self, directory: str, job_id: str, configuration: Mapping[str, str]) -> None:
        self.folder = f"{directory.rstrip('/')}/{job_id}"
        self._configuration = dict(configuration)
        self._own = open_filesystem(self.folder, self._configuration)

    def location(self, checkpoint_id: int) -> str:
        """The folder of that checkpoint."""
        return f"{self.folder}/chk-{checkpoint_id}"

    def claim_attempt(self) -> int:
        """Claim the next attempt at running the job (Decision 12); unique among all claimers."""
        token = json.dumps({"token": uuid.uuid4().hex}).encode()
        attempt = max(self._attempts(), default=0) + 1
        while True:
            path = f"{self.folder}/attempt-{attempt}"
            if self._own.put_if_absent(path, token) or self._own.read(path) == token:
                return attempt
            attempt += 1

    def check_attempt(self, attempt: int) -> None:
        """Raise Superseded if a newer attempt has claimed the job."""
        newest = max(self._attempts(), default=attempt)
        if newest > attempt:
            raise Superseded(f"attempt {attempt} of {self.folder} is superseded by attempt {newest}")

    def highest_id(self) -> int:
        """The highest checkpoint id with anything in its folder, 0 if none."""
        found = (_CHECKPOINT_FOLDER.search(entry.path) for entry in self._own.list(self.folder))
        return max((int(match[1]) for match in found if match), default=0)

    def newest(self) -> Snapshot | None:
        """The newest completed checkpoint that is whole; incomplete ones are passed over."""
        found: list[tuple[int, int, Snapshot]] = []
        for entry in self._own.list(self.folder):
            match = _CHECKPOINT.search(entry.path)
            if match is None:
                continue
            location = self.location(int(match[1]))
            try:
                snapshot = self.load(location, verify=False)
            except SnapshotProblem:
                continue
            metadata = snapshot.metadata
            found.append((metadata.checkpoint_id, metadata.completed_timestamp, snapshot))
        for _, _, snapshot in sorted(found, key=lambda item: item[:2], reverse=True):
            if self._first_missing(snapshot) is None:
                return snapshot
        return None

    def completed_locations(self) -> list[tuple[int, str]]:
        """(id, folder) of every completed checkpoint, oldest first."""
        matches = (_CHECKPOINT.search(entry.path) for entry in self._own.list(self.folder))
        return [(number, self.location(number)) for number in sorted(int(m[1]) for m in matches if m)]

    def load(self, path: str, verify: bool = True) -> Snapshot:
        """Read a snapshot by its folder or its `_metadata` path; SnapshotProblem says what is wrong with it."""
        location = path.rstrip("/").removesuffix(f"/{METADATA_FILE}")
        filesystem = self._at(location)
        try:
            metadata = CheckpointMetadata.model_validate_json(filesystem.read(f"{location}/{METADATA_FILE}"))
        except FileMissing:
            raise SnapshotProblem(
                "StateNotFound",
                f"there is no savepoint or checkpoint at {location}: no {METADATA_FILE} in it",
            ) from None
        except FileSystemError as error:
            raise SnapshotProblem("StateNotFound", f"{location} cannot be read: {error}") from error
        except ValueError as error:
            raise SnapshotProblem("StateIncomplete", f"{location}/{METADATA_FILE}: {error}") from error
        if filesystem.size(f"{location}/{COMMITTED_FILE}") is not None:
            metadata = without_committables(metadata)
        snapshot = Snapshot(location, metadata)
        if verify and (missing := self._first_missing(snapshot)):
            raise SnapshotProblem("StateIncomplete", f"{location}: {missing}")
        return snapshot

    def write(self, location: str, metadata: CheckpointMetadata, is_savepoint: bool) -> None:
        """Complete a snapshot: its metadata, last. Raises Superseded when a newer attempt runs the job.

        A savepoint is also entered among the job's own checkpoints: its commits are made, so nothing older may be
        restored in its place.
        """
        self.check_attempt(metadata.attempt)
        self._put(location, metadata)
        if is_savepoint:
            self._put(self.location(metadata.checkpoint_id), with_absolute_paths(location, metadata))
        try:
            self.check_attempt(metadata.attempt)
        except Superseded:
            self._at(location).delete(f"{location}/{METADATA_FILE}")
            self._own.delete(f"{self.location(metadata.checkpoint_id)}/{METADATA_FILE}")
            raise

    def mark_committed(self, location: str, checkpoint_id: int) -> None:
        """What the snapshot's sinks had prepared is committed: a restore need not do it again.

        A savepoint's entry among the job's checkpoints is marked too. One that was deleted meanwhile keeps no mark.
        """
        for folder in {location, self.location(checkpoint_id)}:
            filesystem = self._at(folder)
            mark = f"{folder}/{COMMITTED_FILE}"
            if filesystem.size(f"{folder}/{METADATA_FILE}") is not None:
                filesystem.write(mark, b"{}")
                if filesystem.size(f"{folder}/{METADATA_FILE}") is None:
                    filesystem.delete(mark)

    def discard(self, location: str) -> None:
        """Delete a snapshot: the metadata first, so that it is never half there."""
        filesystem = self._at(location)
        filesystem.delete(f"{location}/{METADATA_FILE}")
        filesystem.delete_prefix(location)

    def write_result(self, status: str) -> None:
        """Record that the job ended for good, so that a JobManager that starts again does not run it again."""
        self._own.write(f"{self.folder}/{RESULT_FILE}", json.dumps({"status": status}).encode())

    def read_result(self) -> str | None:
        """The recorded end, or None."""
        try:
            return str(json.loads(self._own.read(f"{self.folder}/{RESULT_FILE}"))["status"])
        except FileMissing:
            return None

    def _put(self, location: str, metadata: CheckpointMetadata) -> None:
        path, data = f"{location}/{METADATA_FILE}", metadata.model_dump_json().encode()
        filesystem = self._at(location)
        if filesystem.put_if_absent(path, data):
            return
        there = self.load(location, verify=False).metadata
        if there.attempt > metadata.attempt:
            raise Superseded(f"{path} was written by attempt {there.attempt}")
        filesystem.write(path, data)

    def _attempts(self) -> list[int]:
        matches = (_ATTEMPT.search(entry.path) for entry in self._own.list(self.folder))
        return [int(match[1]) for match in matches if match]

    def _first_missing(self, snapshot: Snapshot) -> str | None:
        for stored in snapshot.metadata.objects():
            uri = resolve(snapshot.location, stored)
            size = self._at(uri).size(uri)
            if size != stored.size:
                there = "it is not there" if size is None else f"it has {size}"
                return f"{uri} should have {stored.size} bytes and {there}"
        return None

    def _at(self, uri: str) -> FileSystem:
        return open_filesystem(uri, self._configuration)


def without_committables(metadata: CheckpointMetadata) -> CheckpointMetadata:
    """The same snapshot after its sinks have committed."""
    operators = [
        operator.model_copy(
            update={"subtasks": [s.model_copy(update={"committables": []}) for s in operator.subtasks]}
        )
        for operator in metadata.operators
    ]
    return metadata.model_copy(update={"operators": operators, "transaction_timeout_ms": None})
