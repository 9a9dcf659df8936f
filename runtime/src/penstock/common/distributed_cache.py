"""Files that a program registered, as functions find them. Made by RuntimeContext; `taskmanager.shipped` puts the files in place."""

import os
from pathlib import Path

CACHED_FILES_VARIABLE = "PENSTOCK_CACHED_FILES"
"""In a slot: the folder of registered files."""


class DistributedCache:
    """The registered files of this job."""

    def get_file(self, name: str) -> Path:
        """The path of the file or folder registered as `name`. KeyError if there is none."""
        folder = os.environ.get(CACHED_FILES_VARIABLE)
        found = Path(folder, name) if folder else None
        if found is None or not found.exists():
            raise KeyError(f"no cached file {name!r}: call env.register_cached_file(path, {name!r})")
        return found
