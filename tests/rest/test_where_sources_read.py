"""The REST API says where a job's sources read, and nothing of what their clients log in with."""

from pathlib import Path

from penstock.connectors.kafka.source import KafkaSourceSettings, ValueDeserializer
from penstock.graph.jobgraph import Boundedness, SourceSpec, VertexSpec
from penstock.rest.sources import described
from penstock_api.rest.source import JobSources, KafkaPlace
from tests.rest.api_driver import JOB, Api, graph

PROPERTIES = {
    "bootstrap.servers": "broker:9092",
    "group.id": "readers",
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "alice",
    "sasl.password": "hunter2",
    "sasl.jaas.config": 'ScramLoginModule required username="alice" password="hunter2";',
    "penstock.secrets": "kafka-login, kafka-ca",
}


def vertex(source: SourceSpec) -> VertexSpec:
    return graph().vertices[0].model_copy(update={"source": source})


def kafka(**changes: object) -> SourceSpec:
    settings = KafkaSourceSettings(PROPERTIES, ValueDeserializer(bytes.decode), topics=["clicks"], **changes)  # type: ignore[arg-type]
    return SourceSpec(
        connector="kafka", options=settings.options(), boundedness=Boundedness.CONTINUOUS_UNBOUNDED
    )


def test_a_kafka_source_names_brokers_topics_group_and_secrets_and_no_login() -> None:
    source = kafka()
    found = described(vertex(source), source)
    place = KafkaPlace.model_validate(found.place)
    assert (place.bootstrap_servers, place.topics, place.group_id) == ("broker:9092", ["clicks"], "readers")
    assert (place.security_protocol, place.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert place.secrets == ["kafka-login", "kafka-ca"]
    assert "hunter2" not in found.model_dump_json()
    assert "alice" not in found.model_dump_json()


def test_other_connectors_tell_no_place() -> None:
    for connector in ("sequence", "one-that-is-not-there"):
        source = SourceSpec(connector=connector, boundedness=Boundedness.BOUNDED)
        assert described(vertex(source), source).place == {}


def test_the_endpoint_lists_the_sources_of_a_job(tmp_path: Path) -> None:
    api = Api(tmp_path)
    try:
        job = graph()
        with_source = job.model_copy(update={"vertices": [vertex(kafka())]})
        assert api.submit(with_source).status_code == 202
        found = JobSources.model_validate_json(api.ask("GET", f"/penstock/jobs/{JOB}/sources").content)
        assert [(one.connector, one.place["topics"]) for one in found.sources] == [("kafka", ["clicks"])]
        assert api.ask("GET", f"/penstock/jobs/{'9' * 32}/sources").status_code == 404
    finally:
        api.close()
