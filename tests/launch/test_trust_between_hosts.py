"""Between hosts every port is mutual TLS: who has no certificate of the job's CA is not answered."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.launch.cluster_processes import cluster
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(200)

PROGRAM = """
from penstock.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(list(range(100))).map(lambda x: (x % 3, 1)).key_by(lambda x: x[0]).sum(1).print()
env.execute("over TLS")
"""


def make_certificates(folder: Path) -> dict[str, str]:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "job CA")])
    now = datetime.datetime.now(datetime.UTC)

    def builder(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )

    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage, True)
        .add_extension(ca_id, False)
        .sign(ca_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    )
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "job")]), key.public_key())
        .add_extension(names, False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "tls.crt").write_bytes(leaf.public_bytes(pem))
    (folder / "tls.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {
        f"penstock.rpc.tls.{what}": str(folder / name)
        for what, name in (("ca", "ca.crt"), ("cert", "tls.crt"), ("key", "tls.key"))
    }


def test_job_runs_over_mutual_tls_and_strangers_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    port = free_port()
    with cluster(tmp_path, slots=1) as running:
        del running.settings["penstock.rpc.socket"]
        running.settings |= make_certificates(tmp_path)
        running.settings |= {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(port),
            "taskmanager.host": "127.0.0.1",
            "parallelism.default": "2",
        }
        running.start_jobmanager(program)
        for number in (1, 2):
            running.start(f"taskmanager-{number}", "--resource-id", f"tm-{number}")
        running.wait_status("FINISHED")
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with httpx.Client(verify=context) as stranger, pytest.raises(httpx.HTTPError):
            stranger.post(f"https://127.0.0.1:{port}/penstock/jobs", json={})
        with httpx.Client() as plain, pytest.raises(httpx.HTTPError):
            plain.post(f"http://127.0.0.1:{port}/penstock/jobs", json={})
