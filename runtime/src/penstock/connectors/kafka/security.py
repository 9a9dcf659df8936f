"""TLS and SASL settings in Java's names made into librdkafka's, and into a TLS context for the protocol client.

Used by `properties` alone. Java key stores (JKS) cannot be read here: they are refused with the command that
makes PEM of them. No message holds a password or a key.
"""

import re
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.connectors.kafka.errors import UnusableProperties

NEVER_PASSED = {
    "sasl.jaas.config",
    "sasl.login.class",
    "sasl.login.callback.handler.class",
    "sasl.client.callback.handler.class",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "security.providers",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.protocol",
    "ssl.provider",
    "ssl.keymanager.algorithm",
    "ssl.trustmanager.algorithm",
    "ssl.secure.random.implementation",
    "ssl.engine.factory.class",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
    "ssl.truststore.certificates",
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.endpoint.identification.algorithm",
}
"""Names that are translated here or have no meaning for librdkafka."""

_OPTION = re.compile(r"""([\w.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;]+))""")
_IAM = "software.amazon.msk.auth.iam"


def librdkafka_security(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What librdkafka is given in place of Java's names; its own names are left as they are."""
    made: dict[str, Any] = {}
    if properties.get("sasl.jaas.config"):
        made.update(_login(str(properties["sasl.jaas.config"]), properties))
    made.update(_trusted(properties))
    made.update(_own(properties))
    if "ssl.endpoint.identification.algorithm" in properties:
        asked = str(properties["ssl.endpoint.identification.algorithm"] or "none")
        made["ssl.endpoint.identification.algorithm"] = asked.lower()
    return made


def _login(jaas: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    module, _, rest = jaas.strip().partition(" ")
    options = {found[1]: found[2] or found[3] or found[4] or "" for found in _OPTION.finditer(rest)}
    name = module.rsplit(".", 1)[-1]
    if name in ("PlainLoginModule", "ScramLoginModule"):
        missing = [key for key in ("username", "password") if key not in options]
        if missing:
            raise UnusableProperties(f"sasl.jaas.config has no {missing[0]}")
        return {"sasl.username": _plain(options["username"]), "sasl.password": _plain(options["password"])}
    if name == "OAuthBearerLoginModule":
        url = properties.get("sasl.oauthbearer.token.endpoint.url")
        if not url or "clientId" not in options:
            raise UnusableProperties(
                "sasl.jaas.config asks for OAuth: that needs clientId and clientSecret in it, and the property "
                "sasl.oauthbearer.token.endpoint.url"
            )
        made = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": _plain(options["clientId"]),
            "sasl.oauthbearer.client.secret": _plain(options.get("clientSecret", "")),
        }
        return made | ({"sasl.oauthbearer.scope": options["scope"]} if "scope" in options else {})
    if name == "Krb5LoginModule":
        named = {"keyTab": "sasl.kerberos.keytab", "principal": "sasl.kerberos.principal"}
        return {ours: _plain(options[java]) for java, ours in named.items() if java in options}
    hint = "AWS IAM: use SCRAM or TLS certificates with MSK" if _IAM in jaas else "use PLAIN, SCRAM or OAuth"
    raise UnusableProperties(
        f"sasl.jaas.config names {module}, a Java class that cannot be loaded here: {hint}"
    )


def _trusted(properties: Mapping[str, Any]) -> dict[str, Any]:
    if properties.get("ssl.truststore.certificates"):
        return {"ssl.ca.pem": str(properties["ssl.truststore.certificates"])}
    location = properties.get("ssl.truststore.location")
    if not location:
        return {}
    if _kind(properties, "truststore", str(location)) != "PEM":
        raise UnusableProperties(
            f"ssl.truststore.location {location}: a Java trust store cannot be read here. Export its certificates with "
            f"`keytool -list -rfc -keystore {location} > ca.pem` and set ssl.ca.location=ca.pem"
        )
    return {"ssl.ca.location": str(location)}


def _own(properties: Mapping[str, Any]) -> dict[str, Any]:
    if properties.get("ssl.keystore.certificate.chain") or properties.get("ssl.keystore.key"):
        return {
            "ssl.certificate.pem": str(properties.get("ssl.keystore.certificate.chain", "")),
            "ssl.key.pem": str(properties.get("ssl.keystore.key", "")),
        }
    location = properties.get("ssl.keystore.location")
    if not location:
        return {}
    kind = _kind(properties, "keystore", str(location))
    if kind == "PEM":
        return {"ssl.certificate.location": str(location), "ssl.key.location": str(location)}
    if kind == "PKCS12":
        return {
            "ssl.keystore.location": str(location),
            "ssl.keystore.password": properties.get("ssl.keystore.password"),
        }
    raise UnusableProperties(
        f"ssl.keystore.location {location}: a Java key store cannot be read here. Convert it with `keytool "
        f"-importkeystore -srckeystore {location} -destkeystore client.p12 -deststoretype PKCS12` and set "
        "ssl.keystore.location=client.p12 with ssl.keystore.type=PKCS12"
    )


def _kind(properties: Mapping[str, Any], store: str, location: str) -> str:
    """PEM, PKCS12 or JKS: what is said, else what the name says; Java's default is JKS."""
    said = str(properties.get(f"ssl.{store}.type") or "").upper()
    if said:
        return said
    suffix = location.rsplit(".", 1)[-1].lower()
    return {"pem": "PEM", "crt": "PEM", "cer": "PEM", "p12": "PKCS12", "pfx": "PKCS12"}.get(suffix, "JKS")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def ssl_context(given: Mapping[str, Any]) -> ssl.SSLContext:
    """A TLS context of librdkafka's settings, for the protocol client."""
    if given.get("ssl.keystore.location"):
        raise UnusableProperties(
            "an exactly-once Kafka sink takes its own certificate as PEM only: set ssl.certificate.location and "
            "ssl.key.location in place of the PKCS12 key store"
        )
    context = ssl.create_default_context(cafile=given.get("ssl.ca.location"), cadata=given.get("ssl.ca.pem"))
    if given.get("ssl.endpoint.identification.algorithm") == "none":
        context.check_hostname = False
    if str(given.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    password = given.get("ssl.key.password")
    if given.get("ssl.certificate.location"):
        context.load_cert_chain(given["ssl.certificate.location"], given.get("ssl.key.location"), password)
    elif given.get("ssl.certificate.pem"):
        with tempfile.TemporaryDirectory(prefix="penstock-kafka-") as folder:
            path = Path(folder, "client.pem")
            path.touch(mode=0o600)
            path.write_text(f"{given['ssl.certificate.pem']}\n{given.get('ssl.key.pem', '')}\n")
            context.load_cert_chain(path, None, password)
    return context
