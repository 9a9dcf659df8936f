"""The operator reads a lag from a real broker that wants a login: with the right one, and why not with another.

No reason holds a secret, and a cluster that refuses the operator holds up no other.
"""

import uuid
from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from penstock_api.rest.source import KafkaPlace
from penstock_operator.model.facts import Ref
from penstock_operator.model.kafka import KafkaSource, LagAnswer
from penstock_operator.observe.kafka_cluster import KafkaCluster
from penstock_operator.observe.kafka_lag import THREADS, LagReader, Question
from tests.servers.kafka_guarded import MECHANISM, PASSWORD, USER, GuardedKafkaServer
from tests.servers.process import wait_until

pytestmark = pytest.mark.integration

TOPIC, GROUP, RECORDS, READ = "clicks", "readers", 500, 120
PLAIN_JAAS = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{USER}" password="{PASSWORD}";'
WRONG = "wrong-9d3e"


@pytest.fixture(scope="module")
def brokers(guarded_kafka: GuardedKafkaServer) -> GuardedKafkaServer:
    """With a topic of so many records in two partitions, of which a group has read some."""
    admin = AdminClient({"bootstrap.servers": guarded_kafka.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(30)
    producer = Producer({"bootstrap.servers": guarded_kafka.bootstrap, "enable.idempotence": True})
    for number in range(RECORDS):
        producer.produce(TOPIC, str(number), partition=number % 2)
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": guarded_kafka.bootstrap, "group.id": GROUP, "log_level": 0})
    positions = [TopicPartition(TOPIC, number, READ // 2) for number in range(2)]
    consumer.commit(offsets=positions, asynchronous=False)
    consumer.close()
    return guarded_kafka


@pytest.fixture
def reader() -> Iterator[LagReader]:
    made = LagReader()
    yield made
    made.close()


@pytest.fixture
def patient() -> Iterator[LagReader]:
    """One that would wait for longer than a test may take, so that what ends was told and not given up."""
    made = LagReader(lambda properties, _: KafkaCluster(properties, 300.0))
    yield made
    made.close()


def question(bootstrap: str, protocol: str, mechanism: str | None, *secrets: Mapping[str, str]) -> Question:
    place = KafkaPlace(
        bootstrap_servers=bootstrap,
        topics=[TOPIC],
        group_id=GROUP,
        security_protocol=protocol,
        sasl_mechanism=mechanism,
    )
    return Question((KafkaSource("s", "clicks", place),), secrets)


def by_scram(brokers: GuardedKafkaServer, password: str) -> Question:
    secret = {"username": USER, "password": password}
    return question(brokers.login_bootstrap, "SASL_PLAINTEXT", MECHANISM, secret)


def over_tls(brokers: GuardedKafkaServer, authority: str) -> Question:
    login = {"sasl.username": USER, "sasl.password": PASSWORD}
    return question(brokers.secure_bootstrap, "SASL_SSL", MECHANISM, login, {"ca.crt": authority})


def asked(reader: LagReader, about: Question) -> LagAnswer:
    ref = Ref("default", uuid.uuid4().hex)
    reader.ask(ref, about)
    return answered(reader, ref)


def answered(reader: LagReader, ref: Ref) -> LagAnswer:
    wait_until(lambda: not reader.is_reading(ref), "the read ends", 120)
    found = reader.answer(ref)
    assert found is not None
    return found


def test_the_right_login_reads_the_lag_by_each_way(brokers: GuardedKafkaServer, reader: LagReader) -> None:
    by_plain = question(brokers.login_bootstrap, "SASL_PLAINTEXT", "PLAIN", {"sasl.jaas.config": PLAIN_JAAS})
    for about in (by_scram(brokers, PASSWORD), by_plain, over_tls(brokers, brokers.authority)):
        found = asked(reader, about)
        assert (found.problem, found.records) == (None, RECORDS - READ)
        assert found.sources[0].partitions == 2


@pytest.mark.parametrize("mechanism", ["PLAIN", MECHANISM])
def test_a_login_that_is_refused_is_told_without_a_secret(
    brokers: GuardedKafkaServer, patient: LagReader, mechanism: str
) -> None:
    secret = {"username": USER, "password": WRONG}
    found = asked(patient, question(brokers.login_bootstrap, "SASL_PLAINTEXT", mechanism, secret))
    assert found.problem is not None
    assert brokers.login_bootstrap in found.problem
    assert "authentication" in found.problem.lower()
    assert WRONG not in found.problem
    assert not found.sources


def test_an_authority_that_is_not_the_brokers_is_told(brokers: GuardedKafkaServer, reader: LagReader) -> None:
    other = GuardedKafkaServer()  # never started: only its authority is wanted
    try:
        found = asked(reader, over_tls(brokers, other.authority))
        assert found.problem is not None
        assert "certificate" in found.problem
        garbled = asked(reader, over_tls(brokers, f"no certificate but {WRONG}"))
        assert garbled.problem is not None
        assert WRONG not in garbled.problem
        assert PASSWORD not in found.problem + garbled.problem
    finally:
        other.close()


def test_clusters_that_refuse_the_operator_hold_up_no_other(
    brokers: GuardedKafkaServer, patient: LagReader
) -> None:
    wrong = [Ref("default", f"wrong{number}") for number in range(2 * THREADS)]
    for number, ref in enumerate(wrong):
        patient.ask(ref, by_scram(brokers, f"{WRONG}-{number}"))
    right = asked(patient, by_scram(brokers, PASSWORD))
    assert (right.problem, right.records) == (None, RECORDS - READ)
    for ref in wrong:
        assert WRONG not in str(answered(patient, ref).problem)
        assert "authentication" in str(answered(patient, ref).problem).lower()


def test_a_login_that_the_owner_mends_is_used_with_the_next_question(
    brokers: GuardedKafkaServer, reader: LagReader
) -> None:
    ref = Ref("default", "mended")
    reader.ask(ref, by_scram(brokers, WRONG))
    assert answered(reader, ref).problem is not None
    reader.ask(ref, by_scram(brokers, PASSWORD))
    assert answered(reader, ref).records == RECORDS - READ
