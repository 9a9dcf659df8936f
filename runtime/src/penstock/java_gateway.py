"""The way to the JVM, in PyFlink's place; refused, as there is none behind Penstock."""

from typing import Any

from penstock.common.unsupported import unsupported

_INSTEAD = "Use PyFlink's own classes, which need no gateway here; settings are configuration keys"


@unsupported(_INSTEAD)
def get_gateway() -> Any:
    """Refused."""


@unsupported(_INSTEAD)
def set_gateway(gateway: Any) -> None:
    """Refused."""
