"""Named points at which a crash would hurt most: an act has had its effect, and nothing records it yet.

Reached by the executor after every act. Nothing of the operator listens: the crash tests' own entry point does, and ends
the process there. No environment variable or setting is read here, so no installed operator can be told to.
"""

from collections.abc import Callable

Listener = Callable[[str], None]

_listeners: list[Listener] = []


def reached(name: str) -> None:
    """An act of this name has had its effect."""
    for listener in _listeners:
        listener(name)


def listen(listener: Listener) -> None:
    """Have every point told; for crash tests only."""
    _listeners.append(listener)


def forget(listener: Listener) -> None:
    """No longer tell this listener."""
    _listeners.remove(listener)
