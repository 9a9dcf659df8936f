"""Row types out of JSON schema text. Used by the JSON row schema's builder alone.

Known: `type` string, number, integer, boolean, object, array, null (alone or as one alternative of a list),
`format` date, time, date-time, `contentEncoding` base64, and `$ref` within the document. Anything else is
refused by name.
"""

import json
from collections.abc import Mapping
from typing import Any

from penstock.common.typeinfo import TypeInformation, Types

_FORMATS = {"date": Types.SQL_DATE, "time": Types.SQL_TIME, "date-time": Types.SQL_TIMESTAMP}


def type_of_json_schema(text: str) -> TypeInformation:
    """The declared type of a JSON schema's values."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the JSON schema is not JSON: {error}") from error
    return _type_of(document, document, "the root")


def _type_of(node: Any, document: Mapping[str, Any], where: str) -> TypeInformation:
    if not isinstance(node, Mapping):
        raise ValueError(f"the JSON schema at {where} is not an object")
    if "$ref" in node:
        return _type_of(_resolve(str(node["$ref"]), document), document, str(node["$ref"]))
    kind = _kind(node, where)
    if kind == "object":
        return _row_of(node, document, where)
    if kind == "array":
        if "items" not in node or not isinstance(node["items"], Mapping):
            raise ValueError(f"the JSON schema's array at {where} needs one schema under items")
        return Types.OBJECT_ARRAY(_type_of(node["items"], document, f"{where}/items"))
    if kind == "string":
        if node.get("contentEncoding") == "base64":
            return Types.PRIMITIVE_ARRAY(Types.BYTE())
        return _FORMATS.get(str(node.get("format")), Types.STRING)()
    if kind == "integer":
        return Types.BIG_INT()
    if kind == "number":
        return Types.BIG_DEC()
    if kind == "boolean":
        return Types.BOOLEAN()
    raise ValueError(f"the JSON schema's type {kind!r} at {where} has no counterpart")


def _row_of(node: Mapping[str, Any], document: Mapping[str, Any], where: str) -> TypeInformation:
    properties = node.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise ValueError(f"the JSON schema's object at {where} names no properties")
    names = [str(name) for name in properties]
    return Types.ROW_NAMED(names, [_type_of(properties[name], document, f"{where}/{name}") for name in names])


def _kind(node: Mapping[str, Any], where: str) -> str:
    given = node.get("type")
    if isinstance(given, list):
        real = [one for one in given if one != "null"]
        if len(real) != 1:
            raise ValueError(f"the JSON schema at {where} allows several types {given}: choose one")
        given = real[0]
    if not isinstance(given, str):
        raise ValueError(f"the JSON schema at {where} says no type")
    return given


def _resolve(reference: str, document: Mapping[str, Any]) -> Any:
    if not reference.startswith("#/"):
        raise ValueError(
            f"the JSON schema refers to {reference!r}: only references within the document are read"
        )
    node: Any = document
    for part in reference[2:].split("/"):
        if not isinstance(node, Mapping) or part not in node:
            raise ValueError(f"the JSON schema refers to {reference!r}, which is not there")
        node = node[part]
    return node
