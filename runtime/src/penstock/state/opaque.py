"""State read by a tool that need not have the program's classes: what is unknown is shown, not made.

Called by `checkpoint.reader`. Without the program's code nothing is imported but a few harmless built-in modules, so a
snapshot from anywhere can be looked into; a class that is not among them becomes an `Opaque` with its name and content.
"""

import io
import pickle
import struct
from typing import Any

from penstock.state.errors import StateUnreadable

_HEADER = struct.Struct("<I")
_KNOWN = frozenset(
    {
        *(("builtins", name) for name in ("set", "frozenset", "complex", "bytearray", "range", "slice")),
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(("collections", name) for name in ("OrderedDict", "deque", "Counter", "defaultdict")),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
        ("uuid", "SafeUUID"),
        ("_codecs", "encode"),
        ("builtins", "int"),
        ("builtins", "list"),
        ("builtins", "dict"),
        ("penstock.common.types", "Row"),
        ("penstock.common.types", "RowKind"),
        ("penstock.common.types", "_restore_row"),
    }
)


class Opaque:
    """A value of a class that is not here."""

    class_name = "?"

    def __new__(cls, *arguments: Any, **named: Any) -> "Opaque":
        """Keep what the class would have been called with."""
        made = object.__new__(cls)
        made.content = [*arguments, *([named] if named else [])]
        return made

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.content: Any

    def __setstate__(self, state: Any) -> None:
        self.content = state if not self.content else [*self.content, state]

    def append(self, item: Any) -> None:
        """A list's item, of a class made from list."""
        self.content.append(item)

    def extend(self, items: Any) -> None:
        """A list's items."""
        self.content.extend(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.content.append((key, value))

    def __hash__(self) -> int:
        return hash((self.class_name, repr(self.content)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and repr(self) == repr(other)

    def __repr__(self) -> str:
        return f"<{self.class_name} {self.content!r}>"


class OpaqueLoader:
    """Loads state; remembers which classes it did not have. With `imports` it uses whatever can be imported."""

    def __init__(self, imports: bool = False) -> None:
        self._imports = imports
        self._stubs: dict[tuple[str, str], type[Opaque]] = {}

    @property
    def unknown(self) -> list[str]:
        """Names of the classes that were not here."""
        return sorted(f"{module}.{name}" for module, name in self._stubs)

    def load(self, data: bytes, where: str) -> Any:
        """What `dump_state` stored."""
        try:
            (size,) = _HEADER.unpack_from(data)
            return _Unpickler(io.BytesIO(data[_HEADER.size + size :]), self).load()
        except Exception as error:  # content of a file, and whatever classes do with it
            raise StateUnreadable(f"state of {where} cannot be read: {error}") from error

    def find(self, module: str, name: str) -> Any:
        """The class, or a stub of it."""
        if self._imports or (module, name) in _KNOWN:
            try:
                return pickle.Unpickler(io.BytesIO()).find_class(module, name)
            except (ImportError, AttributeError):
                pass
        stub = self._stubs.get((module, name))
        if stub is None:
            stub = self._stubs[module, name] = type(name, (Opaque,), {"class_name": f"{module}.{name}"})
        return stub


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, loader: OpaqueLoader) -> None:
        super().__init__(stream)
        self._find = loader.find

    def find_class(self, module: str, name: str) -> Any:
        return self._find(module, name)
