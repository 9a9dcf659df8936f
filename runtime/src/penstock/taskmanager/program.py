"""User functions and operator factories from bytes, in a slot. Used by `taskmanager.deployment`.

The bytes come from the JobManager over an authenticated channel (Decision 15); the program's own module is installed by
`graph.program_module` before.
"""

from collections.abc import Callable
from typing import Any

from penstock.graph.program_module import loads


class ProgramNotLoadable(ImportError):
    """A function or class of the program cannot be loaded in this slot."""


def load_function(data: bytes, what: str) -> Callable[..., Any]:
    """A function from its bytes; `what` names it in the error."""
    try:
        function: Callable[..., Any] = loads(data)
    except (ImportError, AttributeError) as error:
        raise ProgramNotLoadable(
            f"{what} cannot be loaded in the slot: {error}. Ship what it imports: spec.job.requirements, python.files, or the image"
        ) from error
    return function
