"""User code in a slot: the program's module under its stable name, then functions and operator factories from bytes.

Used by `taskmanager.deployment`. The bytes come from the JobManager over an authenticated channel (Decision 15).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import cloudpickle

PROGRAM_LOADER = "penstock.launch.program"
"""Module whose `load_in_slot(bytes)` registers the program's module; named, not imported: it lies in a higher layer."""


class ProgramNotLoadable(ImportError):
    """A function or class of the program cannot be loaded in this slot."""


def load_program(program_module: bytes | None) -> None:
    """Register the program's module under its stable name."""
    if program_module is not None:
        import_module(PROGRAM_LOADER).load_in_slot(program_module)


def load_function(data: bytes, what: str) -> Callable[..., Any]:
    """A function from its bytes; `what` names it in the error."""
    try:
        function: Callable[..., Any] = cloudpickle.loads(data)
    except (ImportError, AttributeError) as error:
        raise ProgramNotLoadable(
            f"{what} cannot be loaded in the slot: {error}. Install what it imports on the TaskManagers, or ship it with the program"
        ) from error
    return function
