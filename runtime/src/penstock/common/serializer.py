"""Serializers that a program writes, for the windows of its own window assigners. Called in slots."""

from abc import ABC, abstractmethod
from io import BytesIO
from typing import Generic, TypeVar

T = TypeVar("T")


class TypeSerializer(ABC, Generic[T]):
    """Writes an object to a stream and reads it back."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __hash__(self) -> int:
        return hash(repr(self))

    @abstractmethod
    def serialize(self, element: T, stream: BytesIO) -> None:
        """Write one object."""

    @abstractmethod
    def deserialize(self, stream: BytesIO) -> T:
        """Read one object."""


void = b""


class VoidNamespaceSerializer(TypeSerializer[bytes]):
    """Writes nothing: for state without a namespace."""

    def serialize(self, element: bytes, stream: BytesIO) -> None:
        """Write nothing."""

    def deserialize(self, stream: BytesIO) -> bytes:
        """The void."""
        return void
