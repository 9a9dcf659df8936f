"""A schema registry that speaks Confluent's REST protocol: ids to schemas and back, cached for the process.

Used by `avro_registry` in slots. Ids never change their meaning, so what was fetched once is never fetched
again. Credentials are sent to the registry only and appear in no message.

RegistryError
├── SchemaMissing          the registry does not know the id
├── SubjectMissing         the registry does not know the subject
├── IncompatibleSchema     the subject's compatibility rule refuses the schema
├── RegistryAccessDenied   credentials are missing, wrong or too weak
└── RegistryUnavailable    no answer, or one that says "later"; tried again before it is raised
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from penstock.formats.avro_schema import AvroSchema

_TYPE = "application/vnd.schemaregistry.v1+json"
_SECONDS = 10.0
_ATTEMPTS = 4


class RegistryError(RuntimeError):
    """Something between the job and the registry failed."""

    retryable: ClassVar[bool] = False


class SchemaMissing(RegistryError):
    """The registry does not know the id."""


class SubjectMissing(RegistryError):
    """The registry does not know the subject."""


class IncompatibleSchema(RegistryError):
    """The subject's compatibility rule refuses the schema."""


class RegistryAccessDenied(RegistryError):
    """Credentials are missing, wrong or too weak."""


class RegistryUnavailable(RegistryError):
    """No answer, or one that says "later"."""

    retryable = True


@dataclass(frozen=True)
class RegistrySettings:
    """How to reach a registry; several URLs separated by commas are tried in turn."""

    url: str
    user: str | None = None
    password: str | None = None
    token: str | None = None
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{self.url!r} is not the URL of a schema registry: write http://host:8081")

    def __repr__(self) -> str:
        return f"RegistrySettings({self.url!r})"


class SchemaRegistry:
    """One registry. Thread-safe; calls block up to a deadline."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._urls = [url.strip().rstrip("/") for url in settings.url.split(",") if url.strip()]
        self._lock = threading.Lock()
        self._schemas: dict[int, AvroSchema] = {}
        self._ids: dict[tuple[str, str], int] = {}

    def schema(self, schema_id: int) -> AvroSchema:
        """The schema of an id."""
        with self._lock:
            found = self._schemas.get(schema_id)
        if found is not None:
            return found
        answer = self._call("GET", f"/schemas/ids/{schema_id}", f"schema {schema_id}")
        kind = answer.get("schemaType", "AVRO")
        if kind != "AVRO":
            raise RegistryError(f"{self._where}: schema {schema_id} is {kind}, not Avro")
        if answer.get("references"):
            raise RegistryError(
                f"{self._where}: schema {schema_id} refers to other subjects, which is not supported: register it whole"
            )
        found = AvroSchema.parse_string(str(answer["schema"]))
        with self._lock:
            self._schemas[schema_id] = found
        return found

    def register(self, subject: str, schema: AvroSchema) -> int:
        """The id of a schema under a subject; it is registered where it is not known yet."""
        return self._id(subject, schema, f"/subjects/{quote(subject, safe='')}/versions")

    def look_up(self, subject: str, schema: AvroSchema) -> int:
        """The id of a schema that must be registered under the subject already."""
        return self._id(subject, schema, f"/subjects/{quote(subject, safe='')}")

    def latest(self, subject: str) -> tuple[int, AvroSchema]:
        """The newest schema of a subject and its id; never cached."""
        answer = self._call(
            "GET", f"/subjects/{quote(subject, safe='')}/versions/latest", f"subject {subject!r}"
        )
        return int(answer["id"]), AvroSchema.parse_string(str(answer["schema"]))

    def _id(self, subject: str, schema: AvroSchema, path: str) -> int:
        key = (subject, schema.text)
        with self._lock:
            known = self._ids.get(key)
        if known is not None:
            return known
        answer = self._call("POST", path, f"subject {subject!r}", {"schema": schema.text})
        found = int(answer["id"])
        with self._lock:
            self._ids[key] = found
            self._schemas.setdefault(found, schema)
        return found

    @property
    def _where(self) -> str:
        return f"schema registry {self._urls[0]}"

    def _call(self, method: str, path: str, what: str, body: Any = None) -> dict[str, Any]:
        for attempt in Retrying(
            retry=retry_if_exception_type(RegistryUnavailable),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(0.2, max=2),
            reraise=True,
        ):
            with attempt:
                turn = attempt.retry_state.attempt_number - 1
                return self._once(self._urls[turn % len(self._urls)], method, path, what, body)
        raise RegistryUnavailable(f"{self._where}: {what}: no answer")

    def _once(self, url: str, method: str, path: str, what: str, body: Any) -> dict[str, Any]:
        settings = self._settings
        headers = {"Accept": _TYPE, "Content-Type": _TYPE}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        auth = (settings.user, settings.password or "") if settings.user else None
        verify: Any = True if settings.ca_file is None else _trusting(settings.ca_file)
        try:
            with httpx.Client(timeout=_SECONDS, verify=verify) as client:
                answer = client.request(method, url + path, json=body, headers=headers, auth=auth)
        except httpx.HTTPError as error:
            raise RegistryUnavailable(
                f"schema registry {url}: {what}: {error or type(error).__name__}"
            ) from error
        if answer.is_success:
            found: dict[str, Any] = answer.json()
            return found
        raise _refusal(answer, f"schema registry {url}: {what}")


_registries: dict[RegistrySettings, SchemaRegistry] = {}
_registries_lock = threading.Lock()


def open_registry(settings: RegistrySettings) -> SchemaRegistry:
    """The registry of these settings; the same object, and so the same cache, for the same settings."""
    with _registries_lock:
        return _registries.setdefault(settings, SchemaRegistry(settings))


def _trusting(ca_file: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=ca_file)


def _refusal(answer: httpx.Response, where: str) -> RegistryError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    code = int(body.get("error_code") or answer.status_code) if isinstance(body, dict) else answer.status_code
    said = (
        str(body.get("message") or answer.reason_phrase) if isinstance(body, dict) else answer.reason_phrase
    )
    make: Callable[[str], RegistryError]
    if answer.status_code in (401, 403):
        make = RegistryAccessDenied
    elif code in (40403,) or (answer.status_code == 404 and "/schemas/ids/" in str(answer.url)):
        make = SchemaMissing
    elif answer.status_code == 404:
        make = SubjectMissing
    elif answer.status_code in (409, 422):
        make = IncompatibleSchema
    elif answer.status_code in (408, 429) or answer.status_code >= 500:
        make = RegistryUnavailable
    else:
        make = RegistryError
    return make(f"{where}: {said} ({code})")
