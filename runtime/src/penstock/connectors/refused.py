"""Connectors that PyFlink names and Penstock does not have: their classes can be imported, and say so when used.

Each class raises `UnsupportedOperation` with the alternative at its constructor and at every member, so that a
program fails where it is built, not in a slot.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from penstock.common.unsupported import UnsupportedOperation


def refused_class(module: str, name: str, members: Sequence[str], why: str, alternative: str) -> type:
    """A class of that name whose constructor and members are refused."""

    def refusing(what: str) -> Callable[..., NoReturn]:
        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise UnsupportedOperation(what, why, alternative)

        refuse.__name__ = what.rsplit(".", 1)[-1]
        refuse.__qualname__, refuse.__module__ = what, module
        refuse.__doc__ = "Refused."
        return refuse

    body: dict[str, Any] = {
        "__module__": module,
        "__doc__": f"Refused: {why}. {alternative}.",
        "__init__": refusing(name),
    }
    body.update({member: staticmethod(refusing(f"{name}.{member}")) for member in members})
    return type(name, (), body)


def refused_classes(module: str, classes: str, why: str, alternative: str) -> dict[str, type]:
    """Classes by lines of `Name: member member …`."""
    made = {}
    for line in classes.strip().splitlines():
        name, _, members = line.strip().partition(":")
        made[name] = refused_class(module, name, members.split(), why, alternative)
    return made
