"""Writes the reference pages of resources and reasons: `python -m penstock_api.docgen DIR`, `--check` to compare.

Run by `make gen` and by a test. Everything on the pages comes from the models; nothing is written by hand.
"""

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from penstock_api.crd import KINDS, Kind
from penstock_api.generated_files import GeneratedFiles
from penstock_api.reasons import Domain, Reason
from penstock_api.v1beta1.cost import ByKey, Cost, WhenSet, WhenStandalone
from penstock_api.v1beta1.model import API_VERSION, ApiModel, IntOrString

HEADER = "<!-- Generated from penstock_api by `make gen`. Do not edit. -->\n\n"

_COSTS = {
    Cost.IGNORE: "nothing",
    Cost.SCALE: "scaling",
    Cost.UPGRADE: "upgrade",
    Cost.SAVEPOINT_REDEPLOY: "redeploy from savepoint",
}
_DOMAINS = {
    Domain.USER: "Yours to mend: the resource or the program",
    Domain.EXTERNAL: "Something outside: the cluster, the storage, the broker",
    Domain.INTERNAL: "Penstock's own",
}
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "anything"}


def render() -> dict[str, str]:
    """Every page by its file name."""
    pages = {f"{kind.name.lower()}.md": HEADER + _kind_page(kind) for kind in KINDS}
    pages["reasons.md"] = HEADER + _reasons_page()
    return pages


def _kind_page(kind: Kind) -> str:
    columns = ", ".join(f"{title} (`{path}`)" for title, path in kind.columns)
    lines = [
        f"# {kind.name}",
        "",
        (kind.model.__doc__ or "").strip(),
        "",
        f"`apiVersion: {API_VERSION}`, `kind: {kind.name}`; short name `{kind.short}`. Columns of `kubectl get`: {columns}.",
        "",
        "## spec",
        "",
        "| field | type | default | a change costs | meaning |",
        "|---|---|---|---|---|",
        *_spec_rows(_model_of(kind.model.model_fields["spec"]), "", Cost.UPGRADE),
        "",
        "## status",
        "",
        "| field | type | meaning |",
        "|---|---|---|",
        *_status_rows(_model_of(kind.model.model_fields["status"]), ""),
        "",
    ]
    return "\n".join(lines)


def _spec_rows(model: type[ApiModel], prefix: str, inherited: Cost) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        own = next((mark for mark in field.metadata if isinstance(mark, Cost)), inherited)
        inner, ending = _inner_model(field.annotation)
        cells = (
            f"`{path}`",
            _type_name(field.annotation),
            _default(field),
            _cost(field, own),
            field.description,
        )
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
        if inner is not None and inner.model_fields:
            yield from _spec_rows(inner, f"{path}{ending}.", own)


def _status_rows(model: type[ApiModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner, ending = _inner_model(field.annotation)
        cells = (f"`{path}`", _type_name(field.annotation), field.description)
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
        if inner is not None:
            yield from _status_rows(inner, f"{path}{ending}.")


def _reasons_page() -> str:
    lines = [
        "# Reasons",
        "",
        "One word for each thing that can happen, the same in status, conditions, Events and metrics.",
    ]
    for domain, title in _DOMAINS.items():
        rows = [
            f"| `{reason.value}` | {'Warning' if reason.is_warning else 'Normal'} | {reason.sentence} |"
            for reason in Reason
            if reason.domain is domain
        ]
        lines += ["", f"## {title}", "", "| reason | Event type | meaning |", "|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


def _cost(field: FieldInfo, inherited: Cost) -> str:
    for mark in field.metadata:
        if isinstance(mark, ByKey):
            cheap = ", ".join(f"`{prefix}*` {_COSTS[cost]}" for prefix, cost in mark.prefixes)
            return f"upgrade; {cheap}"
        if isinstance(mark, WhenSet):
            return f"{_COSTS[mark.cost]}; nothing if set to null"
        if isinstance(mark, WhenStandalone):
            return f"{_COSTS[mark.cost]}; on Flink's native mode upgrade"
    return _COSTS[inherited]


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return ""
    value = field.get_default()
    if value is None or isinstance(value, ApiModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _model_of(field: FieldInfo) -> type[ApiModel]:
    model, _ = _inner_model(field.annotation)
    if model is None:
        raise TypeError(f"{field.annotation!r} is not a model")
    return model


def _inner_model(annotation: Any) -> tuple[type[ApiModel] | None, str]:
    """The model within a type, and what a path through it looks like: `[]` for a list."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _inner_model(next(argument for argument in arguments if argument is not NoneType))
    if origin is list:
        return _inner_model(arguments[0])[0], "[]"
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation, ""
    return None, ""


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marked = any(isinstance(mark, IntOrString) for mark in arguments[1:])
        return "quantity" if marked else _type_name(arguments[0])
    if origin in (Union, UnionType):
        return _type_name(next(argument for argument in arguments if argument is not NoneType))
    if origin is list:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"map of {_type_name(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return _SCALARS.get(annotation, "object")


_FILES = GeneratedFiles("penstock_api.docgen", __doc__, render)
stale, main = _FILES.stale, _FILES.main


if __name__ == "__main__":
    raise SystemExit(main())
