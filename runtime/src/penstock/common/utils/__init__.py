"""Holders of Java objects, in PyFlink's place: the classes exist for type checks, an instance is refused."""

from typing import Any

from penstock.common.unsupported import unsupported


class JavaObjectWrapper:
    """Something that is Java's."""

    @unsupported("Use a class of Penstock, or write the function in Python")
    def __init__(self, j_object: Any) -> None:
        """Refused."""

    @unsupported("Use the Python object itself")
    def get_java_object(self) -> Any:
        """Refused."""
