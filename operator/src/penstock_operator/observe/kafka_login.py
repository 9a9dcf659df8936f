"""The properties of a client that reads a source's offsets: the place that the job tells, and the login of its Secrets. Pure.

Called by `observe/kafka_lag.py`. What a job says of itself is not trusted: only the properties that are named here are
ever passed on, for others make librdkafka load libraries, run commands or read files of the operator.
"""

import re
from collections.abc import Iterable, Mapping

from penstock_api.rest.source import KafkaPlace

_LOGIN = (
    "sasl.username",
    "sasl.password",
    "ssl.ca.pem",
    "ssl.certificate.pem",
    "ssl.key.pem",
    "ssl.key.password",
)
_WAYS = ("security.protocol", "sasl.mechanism")
_ALIASES = {
    "username": "sasl.username",
    "password": "sasl.password",
    "ca.crt": "ssl.ca.pem",
    "user.crt": "ssl.certificate.pem",
    "tls.crt": "ssl.certificate.pem",
    "user.key": "ssl.key.pem",
    "tls.key": "ssl.key.pem",
}
"""Names in Secrets of Strimzi, of cert-manager and of basic authentication."""
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_JAAS = re.compile(r"""\b(username|password)\s*=\s*"((?:[^"\\]|\\.)*)\"""")


class LoginNotPossible(ValueError):
    """The cluster cannot be reached with what is known; the text says what is missing, and holds no secret."""


def client_properties(place: KafkaPlace, secrets: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Librdkafka's properties; `secrets` are the Secrets that may be used, later ones win."""
    found: dict[str, str] = {}
    for secret in secrets:
        found.update(_of_secret(secret))
    protocol = (found.get("security.protocol") or place.security_protocol or "PLAINTEXT").upper()
    mechanism = (found.get("sasl.mechanism") or place.sasl_mechanism or "PLAIN").upper()
    if protocol not in _PROTOCOLS:
        raise LoginNotPossible(f"security.protocol {protocol!r} is not known")
    made = {"bootstrap.servers": place.bootstrap_servers, "security.protocol": protocol}
    if protocol.startswith("SASL"):
        if mechanism not in _MECHANISMS:
            raise LoginNotPossible(
                f"the operator cannot log in by {mechanism}: it can by {', '.join(_MECHANISMS)}"
            )
        missing = [key for key in ("sasl.username", "sasl.password") if not found.get(key)]
        if missing:
            raise LoginNotPossible(
                f"{missing[0]} is in no Secret that the spec names: name one in the source's property penstock.secrets "
                "and in the spec, or in job.autoscaler.kafka-lag.secrets"
            )
        made["sasl.mechanism"] = mechanism
    is_used = {"sasl": protocol.startswith("SASL"), "ssl": protocol.endswith("SSL")}
    made.update({key: found[key] for key in _LOGIN if found.get(key) and is_used[key.partition(".")[0]]})
    return made


def _of_secret(secret: Mapping[str, str]) -> dict[str, str]:
    found = {own: secret[key] for key, own in _ALIASES.items() if secret.get(key)}
    if secret.get("sasl.jaas.config"):
        for key, value in _JAAS.findall(secret["sasl.jaas.config"]):
            found[f"sasl.{key}"] = re.sub(r"\\(.)", r"\1", value)
    return found | {key: secret[key].strip() for key in (*_LOGIN, *_WAYS) if secret.get(key)}
