"""Rows and their kinds, in PyFlink's shape. A row is a value: equal rows hash equal and are keys by their fields."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from penstock.common.unsupported import unsupported


class RowKind(Enum):
    """What a row says about a table: a new row, the old or the new side of an update, or a removal."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    def __str__(self) -> str:
        return ("+I", "-U", "+U", "-D")[self.value]

    @unsupported("Use the RowKind itself, or its name or value")
    def to_j_row_kind(self) -> Any:
        """Refused."""


class Row:
    """A record of fields, by position and, where names are known, by name.

    `Row(1, "a")` is positional, `Row(id=1, name="a")` named; `Row("id", "name")(1, "a")` uses the first as a template.
    """

    __slots__ = ("_fields", "_kind", "_values")
    _fields: tuple[str, ...] | None
    _values: list[Any]
    _kind: RowKind

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("Row takes values by position or by name, not both")
        object.__setattr__(self, "_fields", tuple(kwargs) if kwargs else None)
        object.__setattr__(self, "_values", list(kwargs.values()) if kwargs else list(args))
        object.__setattr__(self, "_kind", RowKind.INSERT)

    @staticmethod
    def of_kind(row_kind: RowKind, *args: Any, **kwargs: Any) -> "Row":
        """A row of that kind."""
        row = Row(*args, **kwargs)
        row.set_row_kind(row_kind)
        return row

    def get_row_kind(self) -> RowKind:
        """The kind of change."""
        return self._kind

    def set_row_kind(self, row_kind: RowKind) -> None:
        """Set the kind of change."""
        object.__setattr__(self, "_kind", row_kind)

    def set_field_names(self, field_names: Sequence[str]) -> None:
        """Name the fields, in order."""
        object.__setattr__(self, "_fields", tuple(field_names))

    def get_fields_by_names(self, names: Sequence[str]) -> list[Any]:
        """The values of those fields; of a row without names, all values."""
        return list(self._values) if self._fields is None else [self[name] for name in names]

    def has_names(self, names: Sequence[str]) -> bool:
        """Whether the row has fields of all these names."""
        return self._fields is not None and set(names) <= set(self._fields)

    def as_dict(self, recursive: bool = False) -> dict[str, Any]:
        """Field name to value; with `recursive` rows inside it, in lists and dicts too, become dicts."""
        if self._fields is None:
            raise TypeError("a row without field names cannot be a dict: call set_field_names first")
        plain = [_plain(value) for value in self._values] if recursive else self._values
        return dict(zip(self._fields, plain, strict=True))

    def _position(self, name: str) -> int:
        if self._fields is None or name not in self._fields:
            raise KeyError(f"no field {name!r} in {self!r}")
        return self._fields.index(name)

    def __getitem__(self, item: int | str | slice) -> Any:
        return self._values[self._position(item)] if isinstance(item, str) else self._values[item]

    def __setitem__(self, item: int | str, value: Any) -> None:
        self._values[self._position(item) if isinstance(item, str) else item] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[self._position(name)]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Row cannot be changed by attribute: use row[{name!r}] = ...")

    def __call__(self, *args: Any) -> "Row":
        """A row with these values, named by this row's own values."""
        if len(args) > len(self._values):
            raise ValueError(f"{len(args)} values for the {len(self._values)} fields {self._values}")
        row = Row(*args)
        row.set_field_names([str(name) for name in self._values[: len(args)]])
        return row

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, item: Any) -> bool:
        return item in (self._fields if self._fields is not None else self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._kind is other._kind and self._values == other._values

    def __hash__(self) -> int:
        return hash((self._kind, *self._values))

    def __penstock_key__(self) -> tuple[Any, ...]:
        return (self._kind.value, *self._values)

    def __reduce__(self) -> Any:
        return _restore_row, (self._fields, self._values, self._kind.value)

    def __repr__(self) -> str:
        if self._fields is not None and len(self._fields) == len(self._values):
            named = ", ".join(
                f"{name}={value!r}" for name, value in zip(self._fields, self._values, strict=True)
            )
            return f"Row({named})"
        return f"<Row({', '.join(repr(value) for value in self._values)})>"


def row_named(names: tuple[str, ...], row: Row) -> Row:
    """The same row with these names for its fields; the quick way, for many rows."""
    made = Row.__new__(Row)
    put = object.__setattr__
    put(made, "_fields", names)
    put(made, "_values", row._values[:])  # noqa: SLF001 - its own module
    put(made, "_kind", row._kind)  # noqa: SLF001
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.as_dict(True)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _restore_row(fields: tuple[str, ...] | None, values: list[Any], kind: int) -> Row:
    row = Row(*values)
    if fields is not None:
        row.set_field_names(fields)
    if kind:
        row.set_row_kind(RowKind(kind))
    return row
