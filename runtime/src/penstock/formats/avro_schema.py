"""Avro schemas: parsing, and converters between Avro's plain values and rows or logical types.

Used by the Avro and Parquet formats. fastavro is an extra: it is imported when a schema is parsed, and an error
says how to install it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from penstock.common.typeinfo import TypeInformation
from penstock.common.types import Row
from penstock.common.unsupported import unsupported
from penstock.formats.logical import DataType, DataTypes, RowType
from penstock.formats.rows import BadValue, named_row, row_values

Convert = Callable[[Any], Any]


class FormatNotInstalled(ImportError):
    """A format's library is an extra that is not installed."""


def load_fastavro() -> Any:
    """The library, or an error that names the extra."""
    try:
        import fastavro
    except ModuleNotFoundError as error:
        raise FormatNotInstalled("Avro needs the extra 'avro': pip install 'penstock[avro]'") from error
    return fastavro


@dataclass(frozen=True)
class AvroSchema:
    """A schema; made by `parse_string` or `parse_file`. Travels as its text."""

    text: str

    @staticmethod
    def parse_string(json_schema: str) -> "AvroSchema":
        """A schema from its JSON text; an error says what is wrong with it."""
        schema = AvroSchema(json_schema)
        _ = schema.parsed
        return schema

    @staticmethod
    def parse_file(file_path: str) -> "AvroSchema":
        """A schema from a local file."""
        with open(file_path, encoding="utf-8") as stream:
            return AvroSchema.parse_string(stream.read())

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro takes it."""
        fastavro = load_fastavro()
        try:
            return fastavro.parse_schema(json.loads(self.text))
        except json.JSONDecodeError as error:
            raise ValueError(f"the Avro schema is not JSON: {error}") from error
        except fastavro.schema.SchemaParseException as error:
            raise ValueError(f"the Avro schema is wrong: {error}") from error
        except fastavro.schema.UnknownType as error:
            raise ValueError(f"the Avro schema names an unknown type: {error}") from error

    @property
    def full_name(self) -> str:
        """The name of the record."""
        parsed = self.parsed
        return str(parsed["name"]) if isinstance(parsed, Mapping) and "name" in parsed else str(parsed)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> Any:
        return AvroSchema, (self.text,)


class GenericRecordAvroTypeInfo(TypeInformation):
    """Records of an Avro schema, which are dicts in Python."""

    schema: AvroSchema

    def __init__(self, schema: AvroSchema) -> None:
        object.__setattr__(self, "schema", schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenericRecordAvroTypeInfo) and other.schema.text == self.schema.text

    def __hash__(self) -> int:
        return hash(self.schema.text)

    def __repr__(self) -> str:
        return f"GenericRecordAvroTypeInfo({self.schema.full_name})"

    @unsupported("A declared type is used as it is: pass the TypeInformation itself")
    def get_java_type_info(self) -> Any:
        """Refused."""

    def need_conversion(self) -> bool:
        """A dict is its own form."""
        return False


class AvroTypes:
    """Walks a parsed schema; named types are known by name from their definition on."""

    def __init__(self, schema: AvroSchema) -> None:
        self._root = schema.parsed
        self._named: dict[str, Mapping[str, Any]] = {}
        self._collect(self._root)

    def to_row(self) -> Convert:
        """Dict of fastavro → Row."""
        return self._reader(self._root)

    def from_row(self) -> Convert:
        """Row, dict or tuple → dict for fastavro."""
        return self._writer(self._root)

    def row_type(self) -> RowType:
        """The logical type of the records."""
        found = self._logical(self._root)
        if not isinstance(found, RowType):
            raise BadValue("the Avro schema is no record")
        return found

    def _collect(self, node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                self._collect(one)
        elif isinstance(node, Mapping):
            if "name" in node and node.get("type") in ("record", "error", "enum", "fixed"):
                self._named[str(node["name"])] = node
            for one in node.get("fields", ()):
                self._collect(one["type"])
            for part in ("items", "values"):
                if part in node:
                    self._collect(node[part])

    def _resolved(self, node: Any) -> Any:
        return self._named.get(node, node) if isinstance(node, str) else node

    def _branches(self, node: Sequence[Any]) -> list[Any]:
        return [self._resolved(one) for one in node if one != "null"]

    def _reader(self, node: Any) -> Convert:
        node = self._resolved(node)
        if isinstance(node, list):
            return _chosen(self._branches(node), self._reader, is_reading=True)
        if not isinstance(node, Mapping):
            return _plain
        kind = node["type"]
        if kind == "record":
            names = tuple(str(one["name"]) for one in node["fields"])
            parts = [self._reader(one["type"]) for one in node["fields"]]
            return lambda value: named_row(
                names, [read(value[name]) for name, read in zip(names, parts, strict=True)]
            )
        if kind == "array":
            element = self._reader(node["items"])
            return lambda value: [element(one) for one in value]
        if kind == "map":
            item = self._reader(node["values"])
            return lambda value: {name: item(one) for name, one in value.items()}
        return _naive if str(node.get("logicalType", "")).startswith("timestamp") else _plain

    def _writer(self, node: Any) -> Convert:
        node = self._resolved(node)
        if isinstance(node, list):
            return _chosen(self._branches(node), self._writer, is_reading=False)
        if not isinstance(node, Mapping):
            return _plain
        kind = node["type"]
        if kind == "record":
            names = tuple(str(one["name"]) for one in node["fields"])
            parts = [self._writer(one["type"]) for one in node["fields"]]
            return lambda value: {
                name: write(one)
                for name, write, one in zip(names, parts, row_values(value, names), strict=True)
            }
        if kind == "array":
            element = self._writer(node["items"])
            return lambda value: [element(one) for one in value]
        if kind == "map":
            item = self._writer(node["values"])
            return lambda value: {name: item(one) for name, one in value.items()}
        return _aware if str(node.get("logicalType", "")).startswith("timestamp") else _plain

    def _logical(self, node: Any) -> DataType:
        node = self._resolved(node)
        if isinstance(node, list):
            branches = self._branches(node)
            if len(branches) != 1:
                raise BadValue(f"a union of {len(branches)} types has no column type")
            return self._logical(branches[0]).nullable()
        name = node if isinstance(node, str) else str(node.get("logicalType") or node["type"])
        if name == "decimal":
            return DataTypes.DECIMAL(int(node["precision"]), int(node.get("scale", 0)), False)
        if name in _LOGICAL:
            return _LOGICAL[name].not_null()
        kind = node if isinstance(node, str) else node["type"]
        if kind == "record":
            fields = [DataTypes.FIELD(one["name"], self._logical(one["type"])) for one in node["fields"]]
            return DataTypes.ROW(fields, False)
        if kind == "array":
            return DataTypes.ARRAY(self._logical(node["items"]), False)
        if kind == "map":
            return DataTypes.MAP(DataTypes.STRING(False), self._logical(node["values"]), False)
        if kind in _LOGICAL:
            return _LOGICAL[kind].not_null()
        raise BadValue(f"the Avro type {kind!r} has no column type")


@lru_cache(maxsize=256)
def row_reader(schema: AvroSchema) -> Convert:
    """Dict of fastavro → Row; compiled once for a schema."""
    return AvroTypes(schema).to_row()


@lru_cache(maxsize=256)
def row_writer(schema: AvroSchema) -> Convert:
    """Row, dict or tuple → dict for fastavro; compiled once for a schema."""
    return AvroTypes(schema).from_row()


_LOGICAL: dict[str, DataType] = {
    "boolean": DataTypes.BOOLEAN(),
    "int": DataTypes.INT(),
    "long": DataTypes.BIGINT(),
    "float": DataTypes.FLOAT(),
    "double": DataTypes.DOUBLE(),
    "string": DataTypes.STRING(),
    "enum": DataTypes.STRING(),
    "bytes": DataTypes.BYTES(),
    "fixed": DataTypes.BYTES(),
    "date": DataTypes.DATE(),
    "time-millis": DataTypes.TIME(3),
    "time-micros": DataTypes.TIME(6),
    "timestamp-millis": DataTypes.TIMESTAMP(3),
    "timestamp-micros": DataTypes.TIMESTAMP(6),
    "local-timestamp-millis": DataTypes.TIMESTAMP(3),
    "local-timestamp-micros": DataTypes.TIMESTAMP(6),
}


def _plain(value: Any) -> Any:
    return value


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo is not None else value


def _aware(value: Any) -> Any:
    # fastavro takes a naive time for one of this machine's zone; here it is UTC, as everywhere in Penstock.
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _chosen(branches: Sequence[Any], make: Callable[[Any], Convert], is_reading: bool) -> Convert:
    """Converts a union's value: by its only branch, or among records by the names of the fields."""
    converts = [make(one) for one in branches]
    if len(converts) == 1:
        only = converts[0]
        return lambda value: None if value is None else only(value)
    shapes = [
        frozenset(field["name"] for field in one["fields"])
        if isinstance(one, Mapping) and one["type"] == "record"
        else None
        for one in branches
    ]

    def convert(value: Any) -> Any:
        if isinstance(value, Row) and not is_reading:
            value = value.as_dict()
        if isinstance(value, Mapping):
            for shape, one in zip(shapes, converts, strict=True):
                if shape == frozenset(value):
                    return one(value)
        return value

    return convert
