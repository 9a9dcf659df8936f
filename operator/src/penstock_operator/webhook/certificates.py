"""The webhook's certificates: a CA of the installation, the server's certificate, and what is due next. Pure but for keys.

Called by `keeper.py`. A new CA first stands beside the old one in the bundle; only when the API server has the bundle is a
certificate signed by it, and the old CA leaves the bundle a while after. So at no moment is a server refused.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SKEW = timedelta(hours=1)
"""Clocks may differ: certificates count from a little earlier on."""


@dataclass(frozen=True, slots=True)
class Lives:
    """How long things count. A third before its end, each is replaced."""

    authority: timedelta = timedelta(days=730)
    leaf: timedelta = timedelta(days=90)
    overlap: timedelta = timedelta(hours=1)
    """How long the old CA stays in the bundle once a new one has signed: servers read the new certificate meanwhile."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the Secret holds."""

    bundle: str
    """PEM of the CAs, newest first."""
    authority_key: str
    """PEM of the newest CA's key."""
    certificate: str
    key: str

    @classmethod
    def from_secret(cls, secret: Mapping[str, object] | None) -> Self | None:
        """What a Secret object holds; None where it is not there or lacks something."""
        data = (secret or {}).get("data")
        if not isinstance(data, Mapping):
            return None
        try:
            parts = [base64.b64decode(data[name]).decode() for name in _FILES]
            found = cls(*parts)
            found.check()
        except (KeyError, ValueError, TypeError, binascii.Error):
            return None
        return found

    def to_data(self) -> dict[str, str]:
        """`data` of the Secret."""
        parts = (self.bundle, self.authority_key, self.certificate, self.key)
        return {
            name: base64.b64encode(part.encode()).decode() for name, part in zip(_FILES, parts, strict=True)
        }

    def check(self) -> None:
        """Raises ValueError where a part cannot be read."""
        if not self.authorities:
            raise ValueError("no CA")
        _key_of(self.authority_key)
        _key_of(self.key)
        _ = self.leaf

    @property
    def authorities(self) -> list[x509.Certificate]:
        """The CAs, newest first."""
        return x509.load_pem_x509_certificates(self.bundle.encode())

    @property
    def leaf(self) -> x509.Certificate:
        """The server's certificate."""
        return x509.load_pem_x509_certificate(self.certificate.encode())

    @property
    def is_signed_by_newest(self) -> bool:
        """Whether the newest CA signed the server's certificate."""
        try:
            self.leaf.verify_directly_issued_by(self.authorities[0])
        except Exception:  # noqa: BLE001 - whatever does not verify was not signed by it
            return False
        return True


_FILES = ("ca.crt", "ca.key", "tls.crt", "tls.key")


def make_material(hosts: tuple[str, ...], now: datetime, lives: Lives) -> Material:
    """A new CA and a certificate of its own."""
    bundle, key = _new_authority(now, lives)
    return with_new_leaf(Material(bundle, key, "", ""), hosts, now, lives)


def with_new_authority(material: Material, now: datetime, lives: Lives) -> Material:
    """A new CA before the old ones; the server's certificate stays as it is. Those that ended are dropped."""
    bundle, key = _new_authority(now, lives)
    kept = [_pem(old) for old in material.authorities if old.not_valid_after_utc > now]
    return replace(material, bundle=bundle + "".join(kept), authority_key=key)


def with_new_leaf(material: Material, hosts: tuple[str, ...], now: datetime, lives: Lives) -> Material:
    """A certificate for the hosts, signed by the newest CA."""
    authority = material.authorities[0]
    authority_key = _key_of(material.authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    leaf = (
        _builder(hosts[0], key.public_key(), now, lives.leaf)
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return replace(material, certificate=_pem(leaf), key=_key_text(key))


def without_old_authorities(material: Material) -> Material:
    """The newest CA alone."""
    return replace(material, bundle=_pem(material.authorities[0]))


def is_authority_due(material: Material, now: datetime, lives: Lives) -> bool:
    """Whether the newest CA is in the last third of its life."""
    return _is_ending(material.authorities[0], now, lives.authority)


def is_leaf_due(material: Material, hosts: tuple[str, ...], now: datetime, lives: Lives) -> bool:
    """Whether the server's certificate is ending, is for other hosts, or was signed by an older CA."""
    named = material.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    is_for_others = set(hosts) - set(named.get_values_for_type(x509.DNSName))
    is_old = not material.is_signed_by_newest or _is_ending(material.leaf, now, lives.leaf)
    return bool(is_for_others) or is_old


def is_overlap_over(material: Material, now: datetime, lives: Lives) -> bool:
    """Whether every server has had the time to use the newest CA's certificate."""
    signed = material.leaf.not_valid_before_utc + _SKEW
    return material.is_signed_by_newest and now - signed >= lives.overlap


def _is_ending(certificate: x509.Certificate, now: datetime, life: timedelta) -> bool:
    return certificate.not_valid_after_utc - now < life / 3


def _new_authority(now: datetime, lives: Lives) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Penstock webhook {now:%Y-%m-%d %H:%M:%S}"
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, key.public_key(), now, lives.authority)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate), _key_text(key)


def _builder(
    name: str, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
    )


def _key_of(text: str) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_pem_private_key(text.encode(), None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise TypeError("the key is of another kind")
    return found


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
