"""What keeps a slot that eats memory from taking others with it: the kernel's choice of victim, and a limit of its own.

Called by `taskmanager.worker` at the start of a slot's process. A function that goes over the limit gets a MemoryError,
which fails its task; where the kernel or a pod's limit comes first, it ends the slot before the TaskManager.
"""

import logging
import resource
from collections.abc import Mapping
from pathlib import Path

_log = logging.getLogger(__name__)
MEMORY_LIMIT = "penstock.slot.memory-limit"
_FIRST_TO_GO = "500"
_UNITS = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "kb": 1 << 10,
    "m": 1 << 20,
    "mb": 1 << 20,
    "g": 1 << 30,
    "gb": 1 << 30,
}


def limit_process(configuration: Mapping[str, str]) -> None:
    """Apply what is configured to this process."""
    try:
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    except OSError as error:
        _log.debug("the kernel may choose another process before this slot: %s", error)
    text = configuration.get(MEMORY_LIMIT)
    if text is not None:
        size = parse_memory(text)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def parse_memory(text: str) -> int:
    """Bytes of a size such as `512 mb`; ValueError names the text."""
    number = text.strip().lower().rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text.strip().lower()[len(number) :]
    if unit not in _UNITS or not number.strip().isdigit():
        raise ValueError(f"{text!r} is no size of memory: write a whole number and b, kb, mb or gb")
    return int(number) * _UNITS[unit]
