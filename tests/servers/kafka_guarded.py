"""A Kafka broker that wants a login: by PLAIN or SCRAM at one address, by SCRAM over TLS at another. Used by integration tests.

At its plain address it serves whoever comes, so that tests can fill topics without one.
"""

from pathlib import Path
from typing import Self

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization

from e2e.cluster.certificates import Leaf, write_pki
from tests.servers.kafka import KafkaServer
from tests.servers.process import free_port

USER, PASSWORD = "clicks", "hush-2b7f"
"""The login that the broker knows."""
MECHANISM = "SCRAM-SHA-512"
_LOGINS = "org.apache.kafka.common.security"
_PLAIN = f"{_LOGINS}.plain.PlainLoginModule required"
_SCRAM = f"{_LOGINS}.scram.ScramLoginModule required"


class GuardedKafkaServer(KafkaServer):
    """One broker with three addresses, all of this machine only."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.login_bootstrap = f"{host}:{free_port(host)}"
        """`host:port` where clients log in by PLAIN or SCRAM-SHA-512, without TLS."""
        self.secure_bootstrap = f"{host}:{free_port(host)}"
        """`host:port` where clients log in by SCRAM-SHA-512, over TLS with a certificate of the broker's own authority."""
        pki = self._folder / "pki"
        write_pki(pki, (Leaf("broker", "broker", hosts=(host,)),))
        self.authority = (pki / "ca.crt").read_text()
        """The authority's certificate, as PEM."""
        self._overrides = self._listeners(pki)

    def _listeners(self, pki: Path) -> dict[str, str]:
        open_to_all = f"PLAINTEXT://{self.bootstrap}"
        guarded = f"LOGIN://{self.login_bootstrap},SECURE://{self.secure_bootstrap}"
        protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT,SECURE:SASL_SSL"
        login, secure = "listener.name.login", "listener.name.secure"
        return {
            "listeners": f"{open_to_all},{guarded},CONTROLLER://{self._host}:{self._controller}",
            "advertised.listeners": f"{open_to_all},{guarded}",
            "listener.security.protocol.map": protocols,
            "sasl.enabled.mechanisms": f"PLAIN,{MECHANISM}",
            f"{login}.plain.sasl.jaas.config": f'{_PLAIN} user_{USER}="{PASSWORD}";',
            f"{login}.scram-sha-512.sasl.jaas.config": f"{_SCRAM};",
            f"{secure}.sasl.enabled.mechanisms": MECHANISM,
            f"{secure}.scram-sha-512.sasl.jaas.config": f"{_SCRAM};",
            f"{secure}.ssl.keystore.type": "PEM",
            f"{secure}.ssl.keystore.certificate.chain": _one_line((pki / "broker.crt").read_bytes()),
            f"{secure}.ssl.keystore.key": _one_line(_pkcs8(pki / "broker.key")),
        }

    def start(self) -> Self:
        """Start, and have the broker know the login by SCRAM."""
        super().start()
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        kind = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        known = UserScramCredentialUpsertion(USER, kind, PASSWORD.encode())
        admin.alter_user_scram_credentials([known])[USER].result(30)
        return self


def _pkcs8(file: Path) -> bytes:
    """The key as Java wants it."""
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    form, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, nothing)


def _one_line(pem: bytes) -> str:
    """PEM as a value of Java's properties."""
    return pem.decode().replace("\n", "\\n")
