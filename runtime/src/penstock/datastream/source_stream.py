"""The stream of a source, and the values of a collection in their declared shape. Made by the environment."""

import struct
from collections.abc import Sequence
from typing import Any

from penstock.common.composite_types import RowTypeInfo, TupleTypeInfo
from penstock.common.type_information import TypeInformation
from penstock.common.typeinfo import BasicType, BasicTypeInfo
from penstock.common.types import Row, RowKind
from penstock.datastream.data_stream import DataStream


def declared_values(values: Sequence[Any], type_info: TypeInformation | None) -> list[Any]:
    """The values in their declared shape: rows where a row type is declared, tuples without nulls, FLOAT in 32 bits."""
    return [_declared(value, type_info) for value in values] if type_info is not None else list(values)


def _declared(value: Any, type_info: TypeInformation) -> Any:
    if value is None:
        return None
    if isinstance(type_info, RowTypeInfo):
        return _row(value, type_info)
    if isinstance(type_info, TupleTypeInfo):
        return _tuple(value, type_info)
    if isinstance(type_info, BasicTypeInfo) and type_info.basic_type is BasicType.FLOAT:
        return struct.unpack("f", struct.pack("f", value))[0]
    return value


def _row(value: Any, type_info: RowTypeInfo) -> Row:
    kind = value.get_row_kind() if isinstance(value, Row) else RowKind.INSERT
    row = Row.of_kind(kind, *type_info.values_of(value))
    if len(row) != len(type_info.field_types):
        raise ValueError(f"{value!r} has {len(row)} fields, its type has {len(type_info.field_types)}")
    for position, field_type in enumerate(type_info.field_types):
        row[position] = _declared(row[position], field_type)
    row.set_field_names(type_info.field_names)
    return row


def _tuple(value: Any, type_info: TupleTypeInfo) -> Any:
    if not isinstance(value, tuple | list | Row):
        raise ValueError(f"{value!r} is not a tuple, which {type_info!r} declares")
    if len(value) != len(type_info.field_types):
        raise ValueError(f"{value!r} has {len(value)} fields, its type has {len(type_info.field_types)}")
    if any(field is None for field in value):
        raise ValueError(f"{value!r}: a tuple type has no nulls; declare a ROW type")
    if hasattr(value, "_fields") and isinstance(value, tuple):
        return value
    return tuple(map(_declared, value, type_info.field_types))


class SourceStream(DataStream):
    """The stream of a source: its settings are the source's, its records come from behind the watermarks."""

    def of(self, source_node: Any) -> DataStream:
        """This stream with the settings of the source node."""
        self._settings = source_node
        return self

    def name(self, name: str) -> "SourceStream":
        """Name the source."""
        self._settings.name = f"Source: {name}"
        return self

    def uid(self, uid: str) -> "SourceStream":
        """Name the source's state, over versions of the program."""
        self._settings.uid = uid
        return self

    def set_uid_hash(self, uid_hash: str) -> "SourceStream":
        """Set the source's operator id."""
        self._settings.uid_hash = uid_hash
        return self

    def set_parallelism(self, parallelism: int) -> "SourceStream":
        """Set how many subtasks read."""
        if parallelism < 1 or (self._settings.is_single and parallelism != 1):
            raise ValueError(f"{self._settings.name!r} cannot have parallelism {parallelism}")
        self._settings.parallelism = parallelism
        return self

    def set_max_parallelism(self, max_parallelism: int) -> "SourceStream":
        """Set the number of key groups."""
        self._settings.max_parallelism = max_parallelism
        return self

    def slot_sharing_group(self, slot_sharing_group: object) -> "SourceStream":
        """Put the source into a group of slots."""
        self._settings.slot_sharing_group = str(getattr(slot_sharing_group, "name", slot_sharing_group))
        return self

    def get_name(self) -> str:
        """The source's name."""
        return str(self._settings.name)
