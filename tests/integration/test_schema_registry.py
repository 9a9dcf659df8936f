"""Avro with a real schema registry: the frame, evolution, compatibility, and what goes wrong."""

import io
import json
import pickle
from collections.abc import Iterator

import fastavro
import httpx
import pytest

from penstock.common.types import Row
from penstock.formats import registry as registry_module
from penstock.formats.avro_registry import (
    ConfluentRegistryAvroDeserializationSchema,
    ConfluentRegistryAvroSerializationSchema,
    SubjectNameStrategy,
)
from penstock.formats.avro_schema import AvroSchema
from penstock.formats.registry import (
    IncompatibleSchema,
    RegistryError,
    RegistrySettings,
    RegistryUnavailable,
    SchemaMissing,
    SchemaRegistry,
    SubjectMissing,
)
from penstock.formats.rows import BadValue
from tests.servers.process import free_port
from tests.servers.schema_registry import SchemaRegistryServer

pytestmark = pytest.mark.integration

FIELDS = [{"name": "k", "type": "string"}, {"name": "n", "type": "int"}]


def sent(message: bytes | None) -> bytes:
    assert message is not None
    return message


def schema(*more: object) -> AvroSchema:
    fields = [*FIELDS, *more]
    return AvroSchema.parse_string(json.dumps({"type": "record", "name": "Pair", "fields": fields}))


@pytest.fixture(scope="module")
def server() -> Iterator[SchemaRegistryServer]:
    with SchemaRegistryServer() as started:
        yield started


def test_records_are_framed_as_confluents_protocol_says(server: SchemaRegistryServer) -> None:
    # By hand: register over plain REST, frame with a zero byte and the id, big-endian.
    subject = SubjectNameStrategy.TOPIC_NAME.subject("exchanged", schema())
    answer = httpx.post(f"{server.url}/subjects/{subject}/versions", json={"schema": schema().text})
    head = b"\x00" + int(answer.json()["id"]).to_bytes(4, "big")
    by_hand = io.BytesIO()
    fastavro.schemaless_writer(by_hand, schema().parsed, {"k": "a", "n": 1})
    write = pickle.loads(
        pickle.dumps(ConfluentRegistryAvroSerializationSchema.for_generic(subject, schema(), server.url))
    )
    assert write.serialize({"k": "a", "n": 1}) == write.serialize(Row("a", 1)) == head + by_hand.getvalue()
    read = pickle.loads(
        pickle.dumps(ConfluentRegistryAvroDeserializationSchema.for_row(schema(), server.url))
    )
    assert read.deserialize(head + by_hand.getvalue()) == Row("a", 1)
    as_written = ConfluentRegistryAvroDeserializationSchema.for_generic(None, server.url)
    assert as_written.deserialize(head + by_hand.getvalue()) == {"k": "a", "n": 1}


def test_old_records_are_read_by_an_evolved_schema(server: SchemaRegistryServer) -> None:
    old = ConfluentRegistryAvroSerializationSchema.for_generic("evolved-value", schema(), server.url)
    message = sent(old.serialize({"k": "a", "n": 1}))
    newer = schema({"name": "more", "type": ["null", "string"], "default": None})
    new = ConfluentRegistryAvroSerializationSchema.for_generic("evolved-value", newer, server.url)
    later = sent(new.serialize({"k": "b", "n": 2, "more": "x"}))
    read = ConfluentRegistryAvroDeserializationSchema.for_row(newer, server.url)
    assert [read.deserialize(one) for one in (message, later)] == [Row("a", 1, None), Row("b", 2, "x")]
    earlier = ConfluentRegistryAvroDeserializationSchema.for_generic(schema(), server.url)
    assert earlier.deserialize(later) == {"k": "b", "n": 2}
    required = schema({"name": "must", "type": "string"})
    with pytest.raises(BadValue, match="do not fit the reader's schema"):
        ConfluentRegistryAvroDeserializationSchema.for_generic(required, server.url).deserialize(message)


def test_an_incompatible_schema_is_refused_by_name(server: SchemaRegistryServer) -> None:
    first = ConfluentRegistryAvroSerializationSchema.for_generic("strict-value", schema(), server.url)
    first.serialize({"k": "a", "n": 1})
    rule = httpx.put(f"{server.url}/config/strict-value", json={"compatibility": "BACKWARD"})
    assert rule.is_success
    worse = schema({"name": "must", "type": "string"})
    write = ConfluentRegistryAvroSerializationSchema.for_generic("strict-value", worse, server.url)
    with pytest.raises(IncompatibleSchema, match="subject 'strict-value'"):
        write.serialize({"k": "a", "n": 1, "must": "x"})


def test_ids_are_asked_for_once(server: SchemaRegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    once = SchemaRegistry._once

    def counted(self: SchemaRegistry, url: str, method: str, path: str, what: str, body: object) -> object:
        calls.append(path)
        return once(self, url, method, path, what, body)

    monkeypatch.setattr(SchemaRegistry, "_once", counted)
    monkeypatch.setattr(registry_module, "_registries", {})
    write = ConfluentRegistryAvroSerializationSchema.for_generic("cached-value", schema(), server.url)
    messages = [write.serialize({"k": "a", "n": number}) for number in range(50)]
    monkeypatch.setattr(registry_module, "_registries", {})
    read = ConfluentRegistryAvroDeserializationSchema.for_generic(schema(), server.url)
    assert [read.deserialize(message or b"")["n"] for message in messages] == list(range(50))
    assert len(calls) == 2


def test_what_the_registry_does_not_know_is_named(server: SchemaRegistryServer) -> None:
    read = ConfluentRegistryAvroDeserializationSchema.for_generic(
        schema(), server.url, ignore_parse_errors=True
    )
    with pytest.raises(SchemaMissing, match="schema 99999"):
        read.deserialize(b"\x00" + (99_999).to_bytes(4, "big") + b"x")
    write = ConfluentRegistryAvroSerializationSchema.for_generic(
        "nobody-value", schema(), server.url, auto_register=False
    )
    with pytest.raises(SubjectMissing, match="subject 'nobody-value'"):
        write.serialize({"k": "a", "n": 1})


def test_the_second_address_serves_when_the_first_is_down(server: SchemaRegistryServer) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    both = ConfluentRegistryAvroSerializationSchema.for_generic(
        "both-value", schema(), f"{nobody},{server.url}"
    )
    assert (both.serialize({"k": "a", "n": 1}) or b"")[0] == 0
    alone = SchemaRegistry(RegistrySettings(nobody))
    with pytest.raises(RegistryUnavailable, match="schema 1"):
        alone.schema(1)
    assert issubclass(RegistryUnavailable, RegistryError)
