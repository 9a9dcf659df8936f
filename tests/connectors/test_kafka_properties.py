"""Kafka client properties in Java's names: translated, left out, or refused with the way out."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from penstock.common.serialization import SimpleStringSchema
from penstock.connectors.kafka.api import KafkaSource, KafkaTopicPartition
from penstock.connectors.kafka.enumerator import KafkaEnumerator
from penstock.connectors.kafka.errors import UnusableProperties
from penstock.connectors.kafka.legacy_consumer import FlinkKafkaConsumer
from penstock.connectors.kafka.properties import client_id, client_properties, protocol_client_arguments

BASE = {"bootstrap.servers": "127.0.0.1:1"}
PLAIN = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="us\\"er" password="pa;ss=1";'
)


def translated(**properties: str) -> dict[str, Any]:
    given = {key.replace("_", "."): value for key, value in properties.items()}
    made = client_properties({**BASE, **given})
    Producer(made)  # librdkafka knows every name that is left
    return made


def test_java_only_settings_are_left_out_and_others_renamed() -> None:
    made = translated(
        max_poll_records="500",
        key_deserializer="org.apache.kafka.common.serialization.StringDeserializer",
        fetch_max_wait_ms="50",
        buffer_memory="33554432",
        send_buffer_bytes="100000",
        acks="all",
        compression_type="lz4",
    )
    assert "max.poll.records" not in made
    assert made["fetch.wait.max.ms"] == "50"
    assert made["queue.buffering.max.kbytes"] == 32768
    assert made["socket.send.buffer.bytes"] == "100000"


def test_classes_of_java_are_refused_with_the_way_out() -> None:
    with pytest.raises(UnusableProperties, match="set_partitioner"):
        translated(partitioner_class="com.shop.Mine")
    with pytest.raises(UnusableProperties, match=r"bootstrap\.servers"):
        client_properties({"group.id": "x"})


@pytest.mark.parametrize("module", ["plain.PlainLoginModule", "scram.ScramLoginModule"])
def test_logins_come_out_of_the_jaas_text(module: str) -> None:
    made = translated(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN" if "plain" in module else "SCRAM-SHA-512",
        sasl_jaas_config=PLAIN.replace("plain.PlainLoginModule", module),
    )
    assert made["sasl.username"] == 'us"er'
    assert made["sasl.password"] == "pa;ss=1"
    assert "sasl.jaas.config" not in made


def test_oauth_and_kerberos_logins() -> None:
    oauth = 'a.b.OAuthBearerLoginModule required clientId="me" clientSecret="hush" scope="s";'
    made = client_properties(
        {**BASE, "sasl.jaas.config": oauth, "sasl.oauthbearer.token.endpoint.url": "http://x/token"}
    )
    assert made["sasl.oauthbearer.method"] == "oidc"
    assert made["sasl.oauthbearer.client.id"] == "me"
    assert made["sasl.oauthbearer.scope"] == "s"
    with pytest.raises(UnusableProperties, match=r"token\.endpoint\.url"):
        client_properties({**BASE, "sasl.jaas.config": oauth})
    kerberos = "com.sun.security.auth.module.Krb5LoginModule required keyTab='/k.tab' principal=\"a@B\";"
    made = client_properties({**BASE, "sasl.jaas.config": kerberos})
    assert made["sasl.kerberos.keytab"] == "/k.tab"
    assert made["sasl.kerberos.principal"] == "a@B"


@pytest.mark.parametrize(
    ("jaas", "said"),
    [
        ("software.amazon.msk.auth.iam.IAMLoginModule required;", "SCRAM or TLS certificates with MSK"),
        ('x.PlainLoginModule required username="u";', "has no password"),
        ("com.shop.Login required;", "use PLAIN, SCRAM or OAuth"),
    ],
)
def test_logins_that_cannot_be_had_are_refused(jaas: str, said: str) -> None:
    with pytest.raises(UnusableProperties, match=said):
        client_properties({**BASE, "sasl.jaas.config": jaas})


def test_java_stores_are_refused_with_the_command_that_converts_them() -> None:
    with pytest.raises(UnusableProperties, match="keytool -list -rfc"):
        translated(ssl_truststore_location="/etc/trust.jks", ssl_truststore_password="secret")
    with pytest.raises(UnusableProperties, match="PKCS12") as refused:
        translated(ssl_keystore_location="/etc/key.jks", ssl_keystore_password="secret")
    assert "secret" not in str(refused.value)


def certificate(folder: Path) -> tuple[Path, str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    chain = made.public_bytes(serialization.Encoding.PEM).decode()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path = folder / "client.pem"
    path.write_text(chain + secret)
    return path, chain, secret


def test_pem_stores_are_translated_for_both_clients(tmp_path: Path) -> None:
    path, chain, secret = certificate(tmp_path)
    by_file = {
        **BASE,
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(path),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(path),
        "ssl.endpoint.identification.algorithm": "",
    }
    made = client_properties(by_file)
    Producer(made)
    assert (
        made["ssl.ca.location"] == made["ssl.certificate.location"] == made["ssl.key.location"] == str(path)
    )
    context = protocol_client_arguments(by_file)["ssl_context"]
    assert not context.check_hostname
    assert context.cert_store_stats()["x509"] == 1
    by_text = {
        **BASE,
        "security.protocol": "SSL",
        "ssl.truststore.certificates": chain,
        "ssl.keystore.certificate.chain": chain,
        "ssl.keystore.key": secret,
    }
    made = client_properties(by_text)
    Producer(made)
    assert made["ssl.ca.pem"] == chain
    assert protocol_client_arguments(by_text)["ssl_context"].check_hostname


def test_exactly_once_names_what_its_protocol_client_cannot_do() -> None:
    with pytest.raises(UnusableProperties, match="cannot log in by GSSAPI"):
        protocol_client_arguments({**BASE, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"})
    with pytest.raises(UnusableProperties, match="PEM only"):
        protocol_client_arguments(
            {
                **BASE,
                "security.protocol": "SSL",
                "ssl.keystore.location": "/x.p12",
                "ssl.keystore.password": "p",
            }
        )


def test_each_client_has_a_name_of_its_own() -> None:
    assert client_id({"client.id.prefix": "clicks"}, "3") == {"client.id": "clicks-3"}
    assert client_id({}, "3") == {}


def builder() -> Any:
    return (
        KafkaSource.builder()
        .set_bootstrap_servers("127.0.0.1:1")
        .set_value_only_deserializer(SimpleStringSchema())
    )


def test_a_builder_says_what_is_missing_or_told_twice() -> None:
    with pytest.raises(UnusableProperties, match="has no topics"):
        builder().build()
    with pytest.raises(UnusableProperties, match="told its topics in two ways"):
        builder().set_topics("a").set_topic_pattern("b.*").build()
    with pytest.raises(UnusableProperties, match="no deserializer"):
        KafkaSource.builder().set_bootstrap_servers("x:1").set_topics("a").build()
    with pytest.raises(UnusableProperties, match="keytool"):
        builder().set_topics("a").set_property("ssl.truststore.location", "/t.jks").build()


def test_a_checkpoint_says_where_a_source_reads_and_holds_no_secret() -> None:
    source = (
        builder()
        .set_partitions({KafkaTopicPartition("b", 1), KafkaTopicPartition("a", 0)})
        .set_group_id("readers")
        .set_property("sasl.jaas.config", PLAIN)
        .build()
    )
    enumerator = KafkaEnumerator(source.definition().options, 1, None)
    state = enumerator.snapshot()
    enumerator.close()
    assert state["source"] == {
        "bootstrap_servers": "127.0.0.1:1",
        "topics": ["a", "b"],
        "partitions": [["a", 0], ["b", 1]],
        "group_id": "readers",
        "isolation_level": "read_committed",
        "secrets": [],
    }
    assert "pa;ss" not in repr(state)


def test_the_old_consumer_takes_its_start_from_properties() -> None:
    consumer = FlinkKafkaConsumer("t", SimpleStringSchema(), {**BASE, "auto.offset.reset": "smallest"})
    assert consumer.definition().options["starting"]["fallback"] == "earliest"
    assert consumer.set_start_from_timestamp(5).definition().options["starting"]["timestamp_ms"] == 5
    assert consumer.set_start_from_earliest().definition().options["starting"]["kind"] == "earliest"
    assert consumer.set_start_from_group_offsets().definition().options["starting"]["kind"] == "committed"
    with pytest.raises(UnusableProperties):
        FlinkKafkaConsumer("t", SimpleStringSchema(), {})
