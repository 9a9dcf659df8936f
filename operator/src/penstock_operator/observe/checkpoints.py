"""The state on storage that a resource may restore (Decision 11): found, read and verified. Called before a start.

Only savepoints and checkpoints of the job ids that the status records count, never a whole folder. Never unpickles: the
metadata is JSON. Verification reads no state: every object must be there with its size.
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from penstock_api.manifest import METADATA_FILE, CheckpointMetadata, SnapshotKind
from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment, FlinkDeploymentSpec
from penstock_api.v1beta1.job import RestorePolicy
from penstock_operator.clients.objectstore import ObjectStore, StorageUnavailable, Stores
from penstock_operator.decide.restore import named_path, restore_policy
from penstock_operator.model.facts import Problem, Snapshot, StateFacts
from penstock_operator.model.job_id import is_job_of
from penstock_operator.model.launch import checkpoint_directory, savepoint_directory

LOOKED_AT = 5
"""Newest checkpoints of a job id whose metadata is read; the older ones only cost time."""


def observe_state(
    resource: FlinkDeployment, keys: Mapping[str, str], former: FlinkDeploymentSpec | None = None
) -> StateFacts:
    """Everything restorable, newest first; verified up to the first that is whole.

    `former`: the spec that ran last, which may have kept its state elsewhere.
    """
    named = named_path(resource)
    try:
        with Stores(keys) as stores:
            folder = checkpoint_directory(resource.spec)
            if folder is not None:
                stores.of(folder).check(folder)
            if named is not None:
                return _named(named, stores)
            specs = (resource.spec,) if former is None else (resource.spec, former)
            found = _lineage(resource, specs, stores)
            if restore_policy(resource) is RestorePolicy.SAVEPOINT:
                found = [snapshot for snapshot in found if snapshot.is_savepoint]
            whole = tuple(_verified(found, stores))
            lost = None if whole or folder is None else _unrecorded(resource, folder, stores)
            return StateFacts(looked_up=True, snapshots=whole, unrecorded=lost)
    except StorageUnavailable as error:
        problem = Problem(Reason.CHECKPOINT_STORAGE_UNAVAILABLE, error.message)
        return StateFacts(looked_up=True, problem=problem)


def observe_named(path: str, keys: Mapping[str, str]) -> StateFacts:
    """That one state, or what is wrong with it."""
    try:
        with Stores(keys) as stores:
            return _named(path, stores)
    except StorageUnavailable as error:
        problem = Problem(Reason.CHECKPOINT_STORAGE_UNAVAILABLE, error.message)
        return StateFacts(looked_up=True, problem=problem)


def is_whole(path: str, keys: Mapping[str, str]) -> bool:
    """Whether a checkpoint of the bundled runtime has all its objects; what cannot be looked at is taken to be."""
    try:
        with Stores(keys) as stores:
            store = stores.of(path)
            content = store.read(f"{path.rstrip('/')}/{METADATA_FILE}")
            if content is None:
                return False
            read = _read(store, path)
            return read is None or _missing(store, path, read[1]) is None
    except StorageUnavailable:
        return True


def _named(path: str, stores: Stores) -> StateFacts:
    """A state that the owner chose: that one or none."""
    store = stores.of(path)
    read = _read(store, path)
    if read is None:
        problem = Problem(Reason.STATE_NOT_FOUND, f"{path}: there is no readable {METADATA_FILE} in it")
        return StateFacts(looked_up=True, problem=problem)
    snapshot, metadata = read
    missing = _missing(store, path, metadata)
    if missing is not None:
        return StateFacts(looked_up=True, problem=Problem(Reason.STATE_INCOMPLETE, f"{path}: {missing}"))
    return StateFacts(looked_up=True, snapshots=(snapshot,))


def _lineage(
    resource: FlinkDeployment, specs: Sequence[FlinkDeploymentSpec], stores: Stores
) -> list[Snapshot]:
    ids = resource.status.job_status.job_ids
    found: dict[str, Snapshot] = {}
    for path in _candidates(resource, specs, stores):
        if path.rstrip("/") in found:
            continue
        store = stores.of(path)
        read = _read(store, path)
        # The path that the last start restored counts whoever wrote it: this line of state began there.
        is_origin = path == resource.status.job_status.upgrade_savepoint_path
        if read is not None and (read[0].job_id in ids or is_origin):
            found[path.rstrip("/")] = read[0]
    return sorted(
        found.values(), key=lambda snapshot: (snapshot.checkpoint_id, snapshot.timestamp), reverse=True
    )


def _candidates(
    resource: FlinkDeployment, specs: Sequence[FlinkDeploymentSpec], stores: Stores
) -> Iterable[str]:
    status = resource.status.job_status
    info = status.savepoint_info
    recorded = [status.upgrade_savepoint_path]
    recorded += [status.last_checkpoint.path] if status.last_checkpoint else []
    recorded += [info.last_savepoint.location] if info and info.last_savepoint else []
    recorded += [taken.location for taken in info.savepoint_history] if info else []
    yield from (path for path in recorded if path)
    for folder in dict.fromkeys(checkpoint_directory(spec) for spec in specs):
        for job_id in status.job_ids if folder else []:
            yield from _newest_checkpoints(f"{(folder or '').rstrip('/')}/{job_id}", stores)
    for savepoints in dict.fromkeys(savepoint_directory(spec) for spec in specs):
        if savepoints and status.job_ids:
            yield from _savepoints_of(savepoints, status.job_ids, stores)


def _unrecorded(resource: FlinkDeployment, folder: str, stores: Stores) -> str | None:
    """The newest state of this resource's own jobs where its status knows of none: it was lost. By time: they are several lines."""
    held, uid = resource.status, resource.metadata.uid or ""
    if held.job_status.job_ids or held.reconciliation_status.last_reconciled_spec is not None:
        return None
    store = stores.of(folder)
    own = [path for path in store.folders(folder) if is_job_of(path.rpartition("/")[2], uid)]
    paths = [path for job in own for path in _newest_checkpoints(job, stores)]
    found = [read[0] for path in paths if (read := _read(store, path)) is not None]
    return max(found, key=lambda each: (each.timestamp, each.checkpoint_id)).path if found else None


def _newest_checkpoints(folder: str, stores: Stores) -> list[str]:
    store = stores.of(folder)
    paths = [path for path in store.folders(folder) if _number(path) is not None]
    return sorted(paths, key=lambda path: _number(path) or 0, reverse=True)[:LOOKED_AT]


def _savepoints_of(folder: str, job_ids: Iterable[str], stores: Stores) -> list[str]:
    """Savepoints that were taken and whose path never reached the status; Flink puts the job's id into the name."""
    starts = tuple(f"savepoint-{job_id[:6]}-" for job_id in job_ids)
    store = stores.of(folder)
    return [path for path in store.folders(folder) if path.rpartition("/")[2].startswith(starts)]


def _number(path: str) -> int | None:
    number = path.rpartition("/")[2].removeprefix("chk-")
    return int(number) if number.isdigit() else None


def _read(store: ObjectStore, path: str) -> tuple[Snapshot, CheckpointMetadata] | None:
    content = store.read(f"{path.rstrip('/')}/{METADATA_FILE}")
    if content is None:
        return None
    try:
        metadata = CheckpointMetadata.model_validate_json(content)
    except ValidationError:
        return None
    snapshot = Snapshot(
        path,
        metadata.checkpoint_id,
        metadata.completed_timestamp,
        metadata.job_id,
        is_savepoint=metadata.kind is SnapshotKind.SAVEPOINT,
    )
    return snapshot, metadata


def _missing(store: ObjectStore, path: str, metadata: CheckpointMetadata) -> str | None:
    for stored in metadata.objects():
        uri = stored.path if "://" in stored.path else f"{path.rstrip('/')}/{stored.path}"
        size = store.size(uri)
        if size is None:
            return f"{uri} is not there"
        if size != stored.size:
            return f"{uri} has {size} bytes, not {stored.size}"
    return None


def _verified(found: list[Snapshot], stores: Stores) -> Iterable[Snapshot]:
    """Mark what is incomplete, from the newest on, until one is whole."""
    for index, snapshot in enumerate(found):
        store = stores.of(snapshot.path)
        read = _read(store, snapshot.path)
        missing = None if read is None else _missing(store, snapshot.path, read[1])
        if read is not None and missing is None:
            yield from found[index:]
            return
        yield Snapshot(
            snapshot.path,
            snapshot.checkpoint_id,
            snapshot.timestamp,
            snapshot.job_id,
            snapshot.is_savepoint,
            is_complete=False,
        )
