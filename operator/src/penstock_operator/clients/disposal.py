"""Deletes a savepoint from storage: the objects that its metadata names inside its folder, the metadata, and its mark.

Called by `reconcile/snapshot.py`. Needs no running job. Never deletes a folder as a whole, an object outside of the
savepoint's folder (it belongs to others), or anything without readable metadata of ours.
"""

from pydantic import ValidationError

from penstock_api.manifest import COMMITTED_FILE, METADATA_FILE, CheckpointMetadata, SnapshotKind
from penstock_operator.clients.objectstore import StorageUnavailable, Stores


def dispose_savepoint(path: str, stores: Stores) -> None:
    """Delete it; deleted already is well. Raises `StorageUnavailable` where it cannot be deleted."""
    store, folder = stores.of(path), path.rstrip("/")
    metadata_uri = f"{folder}/{METADATA_FILE}"
    content = store.read(metadata_uri)
    mark_uri = f"{folder}/{COMMITTED_FILE}"
    if content is None:
        store.delete(mark_uri)  # an earlier attempt may have ended before it
        return
    try:
        metadata = CheckpointMetadata.model_validate_json(content)
    except ValidationError as error:
        raise StorageUnavailable(
            f"{metadata_uri} cannot be read, so nothing of it is deleted: {error}"
        ) from error
    if metadata.kind is not SnapshotKind.SAVEPOINT:
        raise StorageUnavailable(f"{path} is a checkpoint that its job owns, so nothing of it is deleted")
    for uri in sorted({_uri(folder, stored.path) for stored in metadata.objects()}):
        if _is_inside(folder, uri):
            store.delete(uri)
    store.delete(metadata_uri)
    store.delete(mark_uri)


def _uri(folder: str, path: str) -> str:
    return path if "://" in path else f"{folder}/{path}"


def _is_inside(folder: str, uri: str) -> bool:
    return uri.startswith(f"{folder}/") and ".." not in uri.removeprefix(folder).split("/")
