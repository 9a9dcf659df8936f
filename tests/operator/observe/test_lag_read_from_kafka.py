"""The operator reads lags beside the loop: what counts as a position, how clients are shared and closed, which logins are used."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from penstock_api.rest.source import JobSources, KafkaPlace, SourceDescription
from penstock_operator.model.facts import Ref
from penstock_operator.model.kafka import KafkaSource, LagAnswer, Partition
from penstock_operator.observe.kafka_cluster import ClusterSilent
from penstock_operator.observe.kafka_lag import IDLE_SECONDS, LagReader, Question, lag_of
from penstock_operator.observe.kafka_login import LoginNotPossible, client_properties
from penstock_operator.observe.kafka_sources import NotOfKafka, sources_of, stored_sources
from tests.servers.process import wait_until

A, B = Ref("default", "a"), Ref("default", "b")


@dataclass
class Brokers:
    """A cluster as it is asked."""

    topic_partitions: Mapping[str, int] = field(default_factory=lambda: {"clicks": 3})
    ends_at: int = 100
    begins_at: int = 10
    group: Mapping[Partition, int] = field(default_factory=dict)
    stable_ends_at: int = 90
    block: threading.Event | None = None

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        if self.block is not None:
            assert self.block.wait(30)
        return [(name, number) for name in topics for number in range(self.topic_partitions[name])]

    def ends(self, of: Iterable[Partition], *, committed_only: bool) -> dict[Partition, int]:
        return dict.fromkeys(of, self.stable_ends_at if committed_only else self.ends_at)

    def beginnings(self, of: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(of, self.begins_at)

    def committed(self, group: str) -> dict[Partition, int]:
        return dict(self.group)


def source(positions: Mapping[Partition, int] | None = None, **place: object) -> KafkaSource:
    given: dict[str, object] = {"bootstrap_servers": "broker:9092", "topics": ["clicks"], "group_id": "g"}
    return KafkaSource("s", "clicks", KafkaPlace.model_validate(given | place), positions or {})


def test_positions_of_the_checkpoint_count_before_those_of_the_group() -> None:
    brokers = Brokers(group={("clicks", 0): 0})
    positions = {("clicks", 0): 90, ("clicks", 1): 85, ("clicks", 2): 90}
    assert lag_of(source(positions), brokers).records == 5


def test_without_a_checkpoint_the_group_counts_and_new_partitions_are_read_from_their_beginning() -> None:
    brokers = Brokers(group={("clicks", 0): 80, ("clicks", 1): 90})
    found = lag_of(source(), brokers)
    assert (found.records, found.partitions) == (10 + 0 + 80, 3)


def test_records_of_open_transactions_wait_only_for_who_reads_them() -> None:
    positions = {("clicks", number): 90 for number in range(3)}
    assert lag_of(source(positions), Brokers()).records == 0
    assert lag_of(source(positions, isolation_level="read_uncommitted"), Brokers()).records == 30


def test_a_pattern_is_never_evaluated_what_it_matched_has_positions() -> None:
    found = lag_of(source({("other", 0): 50}, topics=[], topic_pattern="(a+)+$"), Brokers())
    assert (found.records, found.partitions) == (40, 1)


def test_a_source_without_any_position_cannot_be_told() -> None:
    with pytest.raises(ClusterSilent, match="'g' has committed nothing"):
        lag_of(source(), Brokers())


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def made() -> list[Mapping[str, str]]:
    return []


@pytest.fixture
def brokers() -> Brokers:
    return Brokers(group={("clicks", 0): 80})


@pytest.fixture
def reader(clock: list[float], made: list[Mapping[str, str]], brokers: Brokers) -> Iterator[LagReader]:
    def connect(properties: Mapping[str, str], timeout: float) -> Brokers:
        made.append(properties)
        return brokers

    found = LagReader(connect, lambda: clock[0])
    yield found
    if brokers.block is not None:
        brokers.block.set()
    found.close()


def answered(reader: LagReader, ref: Ref) -> LagAnswer:
    wait_until(lambda: not reader.is_reading(ref), "the read ends", 30)
    found = reader.answer(ref)
    assert found is not None
    return found


def test_jobs_of_one_cluster_share_a_client_which_is_closed_when_nobody_uses_it(
    reader: LagReader, made: list[Mapping[str, str]], clock: list[float]
) -> None:
    for ref in (A, B, A):
        reader.ask(ref, Question((source(),)))
        assert answered(reader, ref).records == 10 + 80 + 80
    assert len(made) == reader.clients() == 1
    reader.ask(B, Question((source(bootstrap_servers="other:9092"),)))
    answered(reader, B)
    assert reader.clients() == 2
    clock[0] += IDLE_SECONDS + 1
    reader.ask(A, Question((source(),)))
    answered(reader, A)
    reader.tidy()
    assert reader.clients() == 1
    reader.forget(A)
    reader.forget(B)
    assert reader.clients() == 0


def test_asking_never_waits_and_a_slow_cluster_holds_two_threads_at_most(
    reader: LagReader, brokers: Brokers
) -> None:
    brokers.block = threading.Event()
    refs = [Ref("default", f"job{number}") for number in range(5)]
    for ref in refs:
        reader.ask(ref, Question((source(),)))
    wait_until(lambda: sum(reader.is_reading(ref) for ref in refs) == 2, "the others are told", 30)
    told = [found.problem for ref in refs if (found := reader.answer(ref)) is not None]
    assert len(told) == 3
    assert all("answers slowly" in str(problem) for problem in told)
    brokers.block.set()
    for ref in refs:
        answered(reader, ref)
    good = [found for ref in refs if (found := reader.answer(ref)) is not None and found.problem is None]
    assert len(good) == 2


def test_threads_that_make_the_same_client_at_once_count_as_its_readers(
    clock: list[float], brokers: Brokers
) -> None:
    together = threading.Barrier(3)
    brokers.block = threading.Event()

    def connect(properties: Mapping[str, str], timeout: float) -> Brokers:
        together.wait(30)
        return brokers

    reader = LagReader(connect, lambda: clock[0])
    refs = [Ref("default", f"job{number}") for number in range(3)]
    for ref in refs:
        reader.ask(ref, Question((source(),)))
    wait_until(lambda: sum(reader.is_reading(ref) for ref in refs) == 2, "the third is told", 30)
    brokers.block.set()
    reader.close()


def test_what_cannot_be_read_is_an_answer(reader: LagReader, brokers: Brokers) -> None:
    brokers.group = {}
    reader.ask(A, Question((source(),)))
    assert "has committed nothing" in str(answered(reader, A).problem)
    brokers.topic_partitions = {}
    reader.ask(A, Question((source({("clicks", 0): 1}),)))
    assert "KeyError" in str(answered(reader, A).problem)


PLACE = KafkaPlace(bootstrap_servers="b:1", security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512")


def test_a_login_is_taken_from_secrets_of_several_shapes() -> None:
    jaas = 'ScramLoginModule required username="al" password="p\\"w";'
    found = client_properties(PLACE, [{"sasl.jaas.config": jaas}, {"ca.crt": "PEM"}])
    assert (found["sasl.username"], found["sasl.password"], found["ssl.ca.pem"]) == ("al", 'p"w', "PEM")
    found = client_properties(PLACE, [{"username": "al", "password": "pw"}])
    assert (found["sasl.username"], found["sasl.mechanism"]) == ("al", "SCRAM-SHA-512")


def test_properties_that_could_run_or_read_things_are_never_passed_on() -> None:
    evil = {
        "plugin.library.paths": "/tmp/x.so",
        "ssl.ca.location": "/var/run/secrets/token",
        "sasl.kerberos.kinit.cmd": "reboot",
        "bootstrap.servers": "other:9092",
    }
    found = client_properties(PLACE, [{"username": "a", "password": "b", **evil}])
    assert set(found) == {
        "bootstrap.servers",
        "security.protocol",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
    }
    assert found["bootstrap.servers"] == "b:1"


def test_a_login_that_is_missing_or_impossible_is_told_without_a_secret() -> None:
    with pytest.raises(LoginNotPossible, match=r"penstock\.secrets") as told:
        client_properties(PLACE, [{"username": "alice"}])
    assert "alice" not in str(told.value)
    with pytest.raises(LoginNotPossible, match="GSSAPI"):
        client_properties(PLACE.model_copy(update={"sasl_mechanism": "GSSAPI"}), [])


def test_a_login_is_not_sent_where_none_is_asked_for() -> None:
    plain = KafkaPlace(bootstrap_servers="b:1")
    found = client_properties(plain, [{"username": "a", "password": "b", "ca.crt": "PEM"}])
    assert found == {"bootstrap.servers": "b:1", "security.protocol": "PLAINTEXT"}


def described(connector: str) -> SourceDescription:
    place = {"bootstrap_servers": "b:1", "topics": ["t"]} if connector == "kafka" else {}
    return SourceDescription(
        vertex_id="v", operator_id="v", uid="u", name="in", connector=connector, place=place
    )


def test_a_source_that_is_not_kafkas_is_named() -> None:
    assert sources_of(JobSources(sources=[described("kafka")]))[0].place.topics == ["t"]
    with pytest.raises(NotOfKafka, match=r"'in' does not read from Kafka \(files\)"):
        sources_of(JobSources(sources=[described("kafka"), described("files")]))


def test_a_job_without_a_readable_checkpoint_stands_nowhere(tmp_path: Path) -> None:
    (tmp_path / "chk-1").mkdir()
    (tmp_path / "chk-1" / "_metadata").write_text("not json")
    with pytest.raises(NotOfKafka, match="no readable checkpoint"):
        stored_sources([(tmp_path / "chk-1").as_uri()], {})
