"""Settings of the rocksdb backend, read from Flink's keys once for each backend. Pure.

Only what means something here: memory, folders, compression, background work, incremental checkpoints.
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.state.errors import StateError

_SIZE = re.compile(r"(?i)^\s*(\d+)\s*(b|bytes|k|kb|kib|m|mb|mib|g|gb|gib|t|tb|tib)?\s*$")
_FACTORS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DEFAULT_MEMORY = 128 << 20
"""For a slot whose managed memory is not configured."""
_PREFIX = "state.backend.rocksdb."


class RocksDBSettingWrong(StateError):
    """A setting of the backend cannot be read."""


@dataclass(slots=True, frozen=True)
class RocksDBOptions:
    """Sizes in bytes. `memory` is for all backends of a slot together: block cache, indexes and write buffers."""

    local_folder: str
    memory: int
    write_buffer_ratio: float = 0.5
    write_buffer_size: int | None = None
    """None: what fits into the memory."""
    write_buffer_count: int = 2
    background_jobs: int = 2
    compression: str = "lz4"
    open_files: int = -1
    is_incremental: bool = False


def read_options(configuration: Mapping[str, str]) -> RocksDBOptions:
    """The options; RocksDBSettingWrong names the key."""
    folders = _text(configuration, _PREFIX + "localdir", "io.tmp.dirs") or tempfile.gettempdir()
    managed = _bytes(configuration, "taskmanager.memory.managed.size")
    slots = int(_text(configuration, "taskmanager.numberOfTaskSlots") or 1)
    share = None if managed is None else managed // max(1, slots)
    fixed = _bytes(configuration, _PREFIX + "memory.fixed-per-slot")
    per_manager = _bytes(configuration, _PREFIX + "memory.fixed-per-tm")
    memory = fixed or (per_manager // max(1, slots) if per_manager else None) or share or _DEFAULT_MEMORY
    ratio = _text(configuration, _PREFIX + "memory.write-buffer-ratio")
    incremental = _text(configuration, "execution.checkpointing.incremental", "state.backend.incremental")
    return RocksDBOptions(
        local_folder=re.split(r"[,|:]", folders.replace("file://", ""))[0].strip(),
        memory=max(memory, 4 << 20),
        write_buffer_ratio=float(ratio) if ratio else 0.5,
        write_buffer_size=_bytes(configuration, _PREFIX + "writebuffer.size"),
        write_buffer_count=int(_text(configuration, _PREFIX + "writebuffer.count") or 2),
        background_jobs=int(_text(configuration, _PREFIX + "thread.num") or 2),
        compression=_compression(configuration),
        open_files=int(_text(configuration, _PREFIX + "files.open") or -1),
        is_incremental=incremental is not None and incremental.lower() == "true",
    )


def _compression(configuration: Mapping[str, str]) -> str:
    chosen = _text(configuration, _PREFIX + "compression.per.level") or "lz4"
    name = re.split(r"[;,]", chosen)[-1].strip().lower().removesuffix("_compression")
    names = {"no": "none", "none": "none", "snappy": "snappy", "lz4": "lz4", "zstd": "zstd", "zlib": "zlib"}
    if name not in names:
        raise RocksDBSettingWrong(
            f"{_PREFIX}compression.per.level is {chosen!r}: use one of {', '.join(sorted(set(names.values())))}"
        )
    return names[name]


def _text(configuration: Mapping[str, str], *keys: str) -> str | None:
    for key in keys:
        value = configuration.get(key)
        if value is not None and str(value).strip():
            return str(value).strip()
    return None


def _bytes(configuration: Mapping[str, str], key: str) -> int | None:
    text = _text(configuration, key)
    if text is None:
        return None
    match = _SIZE.match(text)
    if match is None:
        raise RocksDBSettingWrong(f"{key} is {text!r}: write a size like '64 mb' or '1 gb'")
    return int(match[1]) * _FACTORS[(match[2] or "b")[0].lower()]
