"""Reads an uploaded file out of a multipart body, as browsers, curl and Flink's clients send it. Pure but for the body.

The whole body is in memory, so the caller's limit on its length is checked while it arrives.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_FILE_NAME = re.compile(r'filename="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file's last name, without folders, and its content."""

    name: str
    data: bytes


async def read_limited(request: Request, limit: int) -> bytes:
    """The body; 413 as soon as it is longer than `limit` bytes."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise HTTPException(
                413, f"the body is longer than {limit} bytes: raise rest.server.max-content-length"
            )
    return bytes(found)


def uploaded_file(content_type: str, body: bytes) -> UploadedFile:
    """The one file of a multipart body; 400 says what else is there."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise HTTPException(400, "send the file as multipart/form-data, in a field named jarfile")
    found = []
    for part in body.split(b"--" + boundary[1].encode())[1:]:
        head, blank, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _FILE_NAME.search(head.decode("utf-8", "replace"))
        if blank and name:
            last = PurePosixPath(name[1].replace("\\", "/")).name
            found.append(UploadedFile(last, data.removesuffix(b"\r\n")))
    if len(found) != 1:
        raise HTTPException(400, f"Exactly 1 file must be sent, received {len(found)}.")
    return found[0]
