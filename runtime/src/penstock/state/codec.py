"""Bytes of state: pickled by reference to the program's module, so that an upgraded class receives old values.

Called by the hashmap backend and by operators' snapshots, in the task thread. Never stores a class by value: a class
that the new program lacks must be named in the error, not silently brought back. For each dataclass the names of its
fields are stored too (in a JSON header), so that a changed one is found at restore and not at some later record.
"""

import dataclasses
import io
import json
import pickle
import struct
from typing import Any

from penstock.state.errors import StateError, StateIncompatible, StateNotSerializable, StateUnreadable

_HEADER = struct.Struct("<I")
Fields = dict[str, list[str]]
"""Fields of dataclasses, by `module:qualname`."""


def dump_state(value: Any) -> bytes:
    """Pickle a value; StateNotSerializable if part of it has no importable name."""
    stream = io.BytesIO()
    writer = _Writer(stream, protocol=5)
    try:
        writer.dump(value)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise StateNotSerializable(
            f"a value in state cannot be stored: {error}. Keep values whose classes stand at the top level of a module; "
            "no lambdas, open files or locks"
        ) from error
    header = json.dumps(writer.fields).encode() if writer.fields else b""
    return _HEADER.pack(len(header)) + header + stream.getvalue()


def load_state(data: bytes, where: str) -> Any:
    """Unpickle what `dump_state` made; StateIncompatible names the class that is missing or changed, `where` the operator."""
    try:
        (size,) = _HEADER.unpack_from(data)
        body = _HEADER.size + size
        fields = json.loads(data[_HEADER.size : body]) if size else {}
    except (struct.error, ValueError) as error:
        raise StateUnreadable(f"state of {where} is damaged: {error}") from error
    reader = _Reader(io.BytesIO(data[body:]), where, fields)
    try:
        return reader.load()
    except StateError:
        raise
    except (pickle.UnpicklingError, EOFError) as error:
        raise StateUnreadable(f"state of {where} is damaged: {error}") from error
    except Exception as error:  # __setstate__ and constructors of user classes raise what they like
        raise StateIncompatible(
            f"state of {where} cannot be read by this program: {error} (last class read: {reader.last_class}). "
            "Restore the class as it was, or start from other state"
        ) from error


def _field_names(kind: Any) -> list[str]:
    return sorted(field.name for field in dataclasses.fields(kind))


class _Writer(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, protocol: int) -> None:
        super().__init__(stream, protocol=protocol)
        self.fields: Fields = {}
        self._seen: set[type] = set()

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind not in self._seen:
            self._seen.add(kind)
            if dataclasses.is_dataclass(kind):
                self.fields[f"{kind.__module__}:{kind.__qualname__}"] = _field_names(kind)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, where: str, fields: Fields) -> None:
        super().__init__(stream)
        self._where = where
        self._fields = fields
        self.last_class = "none"

    def find_class(self, module: str, name: str) -> Any:
        self.last_class = f"{module}.{name}"
        try:
            found = super().find_class(module, name)
        except (AttributeError, ImportError) as error:
            raise StateIncompatible(
                f"state of {self._where} holds values of {module}.{name}, which this program does not have: "
                "keep a class of that name, or start from other state"
            ) from error
        stored = self._fields.get(f"{module}:{name}")
        if stored is not None and "__setstate__" not in vars(found):
            self._compare(f"{module}.{name}", stored, found)
        return found

    def _compare(self, name: str, stored: list[str], found: Any) -> None:
        if not dataclasses.is_dataclass(found):
            raise StateIncompatible(
                f"state of {self._where}: {name} was a dataclass and is none now; restore it, or start from other state"
            )
        # A class attribute stands in for a default; slots have none.
        present = {field.name for field in dataclasses.fields(found) if field.name in vars(found)}
        if "__slots__" in vars(found):
            present = set()
        missing = sorted(set(_field_names(found)) - set(stored) - present)
        if missing:
            raise StateIncompatible(
                f"state of {self._where}: {name} has new fields ({', '.join(missing)}), which stored values lack: "
                "give them plain defaults or define __setstate__, or start from other state"
            )
