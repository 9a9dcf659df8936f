"""Global job parameters as text: JSON as `ExecutionConfig` writes it, or Flink's `key:value,key:value` of a configuration file."""

import json
from collections.abc import Mapping

KEY = "pipeline.global-job-parameters"


def parse_parameters(text: str) -> dict[str, str]:
    """The parameters of a text. ValueError names what is not `key:value`."""
    if text.lstrip().startswith("{"):
        return {str(key): str(value) for key, value in json.loads(text).items()}
    found: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, separator, value = entry.partition(":")
        if not separator:
            raise ValueError(f"{entry!r} in {KEY}: write key:value pairs with commas between them")
        found[_unquoted(key)] = _unquoted(value)
    return found


def format_parameters(parameters: Mapping[str, object]) -> str:
    """The text that `parse_parameters` reads back."""
    return json.dumps({str(key): str(value) for key, value in parameters.items()})


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
