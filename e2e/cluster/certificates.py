"""The cluster's certificate authority, its leaf certificates, and kubeconfig files.

Called once by the node as it starts. Keys are written readable by their owner alone.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_LIFE = datetime.timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate to issue: its file name, its subject and the names it answers to."""

    file: str
    common_name: str
    organization: str = ""
    hosts: tuple[str, ...] = ()


def write_pki(folder: Path, leaves: tuple[Leaf, ...]) -> None:
    """Write `ca.crt`, `sa.key`, `sa.pub`, and a `.crt` and `.key` for each leaf."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("penstock-e2e-ca", "")
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write(folder / "ca.crt", authority.public_bytes(serialization.Encoding.PEM))
    _write(folder / "ca.key", _private(authority_key))
    for leaf in leaves:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [_alternative(host) for host in leaf.hosts or (leaf.file,)]
        certificate = (
            _builder(_name(leaf.common_name, leaf.organization), authority_name, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        _write(folder / f"{leaf.file}.crt", certificate.public_bytes(serialization.Encoding.PEM))
        _write(folder / f"{leaf.file}.key", _private(key))
    tokens = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(folder / "sa.key", _private(tokens))
    public = tokens.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(folder / "sa.pub", public)


def write_kubeconfig(file: Path, server: str, pki: Path, leaf: str, cluster: str) -> None:
    """Write a kubeconfig that talks to the server as the leaf's subject."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority": str(pki / "ca.crt")}}
        ],
        "users": [
            {
                "name": leaf,
                "user": {
                    "client-certificate": str(pki / f"{leaf}.crt"),
                    "client-key": str(pki / f"{leaf}.key"),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": leaf}}],
    }
    _write(file, yaml.safe_dump(config).encode())


def _name(common_name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
