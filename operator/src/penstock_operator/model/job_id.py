"""Job ids that tell whose they are, so that a job is known where the status that named it is lost. Pure.

Made by `observe/everything.py`; looked for in session clusters and on storage. Ids of other makers are never taken for ours.
"""

import hashlib
import secrets

_HALF = 16
"""Hex digits that are chance; the other half is the resource's."""


def new_job_id(uid: str) -> str:
    """A fresh id of 32 hex digits for a job, or for a trigger, of the resource with this uid."""
    return secrets.token_hex(_HALF // 2) + _mark(uid)


def is_job_of(job_id: str, uid: str) -> bool:
    """Whether the id was made for the resource with this uid."""
    return len(job_id) == 2 * _HALF and bool(uid) and job_id.endswith(_mark(uid))


def _mark(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:_HALF]
