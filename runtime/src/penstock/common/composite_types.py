"""Types of tuples and rows, whose fields have types of their own. Public at `penstock.common.typeinfo`. Pure."""

from dataclasses import dataclass, field
from typing import Any

from penstock.common.type_information import TypeInformation
from penstock.common.types import Row, RowKind


@dataclass(frozen=True, repr=False)
class TupleTypeInfo(TypeInformation):
    """A tuple of fixed length."""

    field_types: tuple[TypeInformation, ...]

    def get_field_types(self) -> list[TypeInformation]:
        """The types of the fields, in order."""
        return list(self.field_types)

    def need_conversion(self) -> bool:
        """Always: lists and rows become tuples."""
        return True

    def to_internal_type(self, obj: Any) -> tuple[Any, ...] | None:
        """A tuple of the fields' internal forms."""
        if obj is None:
            return None
        if not isinstance(obj, list | tuple | Row):
            raise ValueError(f"{obj!r} is not a tuple, list or Row, which {self!r} takes")
        return tuple(kind.to_internal_type(value) for kind, value in zip(self.field_types, obj, strict=True))

    def from_internal_type(self, obj: Any) -> tuple[Any, ...] | None:
        """The tuple of internal forms."""
        if obj is None:
            return None
        return tuple(
            kind.from_internal_type(value) for kind, value in zip(self.field_types, obj, strict=True)
        )

    def __repr__(self) -> str:
        return f"TupleTypeInfo({', '.join(map(repr, self.field_types))})"


@dataclass(frozen=True, repr=False)
class RowTypeInfo(TypeInformation):
    """A row; fields are f0, f1, … unless named. Types of equal fields are equal, whatever the fields' names."""

    field_types: tuple[TypeInformation, ...]
    field_names: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        types, names = tuple(self.field_types), tuple(self.field_names or ())
        object.__setattr__(self, "field_types", types)
        object.__setattr__(self, "field_names", names or tuple(f"f{i}" for i in range(len(types))))
        if len(self.field_names) != len(types):
            raise ValueError(f"{len(names)} names for {len(types)} types of a row")

    def get_field_types(self) -> list[TypeInformation]:
        """The types of the fields, in order."""
        return list(self.field_types)

    def get_field_names(self) -> list[str]:
        """The names of the fields, in order."""
        return list(self.field_names)

    def get_field_index(self, field_name: str) -> int:
        """The position of a field; -1 if there is none of that name."""
        return self.field_names.index(field_name) if field_name in self.field_names else -1

    def need_conversion(self) -> bool:
        """Always: rows become tuples that begin with their kind."""
        return True

    def to_internal_type(self, obj: Any) -> tuple[Any, ...] | None:
        """The kind's number and the fields' internal forms, of a row, sequence, dict or object with these fields."""
        if obj is None:
            return None
        values = self.values_of(obj)
        if len(values) != len(self.field_types):
            raise ValueError(f"{obj!r} has {len(values)} fields, {self!r} has {len(self.field_types)}")
        kind = obj.get_row_kind() if isinstance(obj, Row) else RowKind.INSERT
        pairs = zip(self.field_types, values, strict=True)
        return (kind.value, *(kind_of.to_internal_type(value) for kind_of, value in pairs))

    def from_internal_type(self, obj: Any) -> Row | None:
        """The row of such a tuple."""
        if obj is None:
            return None
        kind, *values = obj
        row = Row.of_kind(RowKind(kind), *map(_from_internal, zip(self.field_types, values, strict=True)))
        row.set_field_names(self.field_names)
        return row

    def values_of(self, obj: Any) -> list[Any]:
        """The fields of a row, sequence, dict or object, in this type's order."""
        if isinstance(obj, Row):
            return obj.get_fields_by_names(self.field_names) if obj.has_names(self.field_names) else list(obj)
        if isinstance(obj, list | tuple):
            return list(obj)
        fields = obj if isinstance(obj, dict) else getattr(obj, "__dict__", None)
        if fields is None:
            raise ValueError(
                f"{obj!r} is not a Row, tuple, list, dict or object with fields, which {self!r} takes"
            )
        return [fields.get(name) for name in self.field_names]

    def __repr__(self) -> str:
        if all(name == f"f{i}" for i, name in enumerate(self.field_names)):
            return f"RowTypeInfo({', '.join(map(repr, self.field_types))})"
        named = zip(self.field_names, self.field_types, strict=True)
        return f"RowTypeInfo({', '.join(f'{name}: {kind!r}' for name, kind in named)})"


def _from_internal(pair: tuple[TypeInformation, Any]) -> Any:
    return pair[0].from_internal_type(pair[1])
