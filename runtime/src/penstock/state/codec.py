"""Bytes of state: pickled by reference to the program's module, so that an upgraded class receives old values.

Called by the backends and by operators' snapshots, in the task thread, and by tools. Never stores a class by value: a
class that the new program lacks must be named in the error, not silently brought back. The fields of stored classes
are kept too (in a JSON header), so that a changed class is found at restore and not at some later record.
"""

import io
import json
import pickle
import struct
from typing import Any

from penstock.state.errors import StateError, StateIncompatible, StateNotSerializable, StateUnreadable
from penstock.state.schema import Shapes, fit, shape_of

_HEADER = struct.Struct("<I")
_NO_HEADER = _HEADER.pack(0)
_NAMES_A_CLASS = b"\x93"
"""Pickle's STACK_GLOBAL: without this byte a pickle of protocol 5 holds built-in values only."""


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
    header = json.dumps(writer.shapes).encode() if writer.shapes else b""
    return _HEADER.pack(len(header)) + header + stream.getvalue()


def dump_value(value: Any) -> bytes:
    """As `dump_state`, quicker for one small value of built-in types."""
    try:
        data = pickle.dumps(value, protocol=5)
    except Exception:  # noqa: BLE001 - whatever it is, dump_state says it better
        return dump_state(value)
    return dump_state(value) if _NAMES_A_CLASS in data else _NO_HEADER + data


def load_state(data: bytes, where: str) -> Any:
    """Unpickle what `dump_state` made; StateIncompatible names the class that is missing or changed, `where` the operator."""
    if data[:4] == _NO_HEADER and _NAMES_A_CLASS not in data:
        try:
            return pickle.loads(memoryview(data)[4:])
        except (pickle.UnpicklingError, EOFError, ValueError) as error:
            raise StateUnreadable(f"state of {where} is damaged: {error}") from error
    try:
        (size,) = _HEADER.unpack_from(data)
        body = _HEADER.size + size
        shapes = json.loads(data[_HEADER.size : body]) if size else {}
    except (struct.error, ValueError) as error:
        raise StateUnreadable(f"state of {where} is damaged: {error}") from error
    reader = _Reader(io.BytesIO(data[body:]), where, shapes)
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


class _Writer(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, protocol: int) -> None:
        super().__init__(stream, protocol=protocol)
        self.shapes: Shapes = {}
        self._seen: set[type] = set()

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind not in self._seen:
            self._seen.add(kind)
            shape = shape_of(kind)
            if shape is not None:
                self.shapes[f"{kind.__module__}:{kind.__qualname__}"] = shape
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, where: str, shapes: Shapes) -> None:
        super().__init__(stream)
        self._where = where
        self._shapes = shapes
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
        stored = self._shapes.get(f"{module}:{name}")
        if stored is None or not isinstance(found, type):
            return found
        return fit(f"{module}.{name}", stored, found, self._where)
