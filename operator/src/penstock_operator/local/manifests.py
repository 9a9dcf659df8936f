"""Manifests for the local platform: YAML files with FlinkDeployments. Read by `local apply` and `local up`.

A relative `jarURI` is taken as relative to its manifest. What cannot be read is a `ManifestError` naming file and field.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeployment
from penstock_operator.errors import UserError

SUFFIXES = (".yaml", ".yml")


class ManifestError(UserError):
    """A manifest cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.VALIDATION_ERROR, message)


def manifest_files(paths: list[Path]) -> list[Path]:
    """The files themselves, and those in the folders."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(entry for entry in path.iterdir() if entry.suffix in SUFFIXES)
        else:
            found.append(path)
    return found


def read_manifests(path: Path) -> list[FlinkDeployment]:
    """Every FlinkDeployment in the file; other kinds are refused by name."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} is not YAML: {error}") from error
    return [_resource(path, document) for document in _objects(documents)]


def _objects(documents: list[Any]) -> Iterator[Any]:
    for document in documents:
        if (
            isinstance(document, dict)
            and document.get("kind") == "List"
            and isinstance(document.get("items"), list)
        ):
            yield from document["items"]
        elif document is not None:
            yield document


def _resource(path: Path, document: Any) -> FlinkDeployment:
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind != "FlinkDeployment":
        raise ManifestError(f"{path}: kind {kind!r} cannot run here: use FlinkDeployment")
    try:
        resource = FlinkDeployment.from_wire(document)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ManifestError(f"{path}: {'; '.join(lines)}") from error
    if not resource.metadata.name:
        raise ManifestError(f"{path}: metadata.name is missing")
    return _with_absolute_program(path, resource)


def _with_absolute_program(path: Path, resource: FlinkDeployment) -> FlinkDeployment:
    job = resource.spec.job
    if job is None or not job.jar_uri or urlsplit(job.jar_uri).scheme or Path(job.jar_uri).is_absolute():
        return resource
    absolute = (path.parent / job.jar_uri).resolve()
    spec = resource.spec.model_copy(update={"job": job.model_copy(update={"jar_uri": str(absolute)})})
    return resource.model_copy(update={"spec": spec})
