"""Frames, credits and ends between two slots, over unix sockets and over mutual TLS."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.control.barrier import Barrier
from penstock.control.messages import SlotAddress
from penstock.exchange.channels import InputChannel, InputGate
from penstock.exchange.elements import (
    CHANNEL_CREDITS,
    END_OF_PARTITION,
    Element,
    EndOfData,
    Idleness,
    Watermark,
)
from penstock.exchange.frames import UnsendableRecord
from penstock.exchange.network import Network, TlsFiles
from penstock.exchange.reactor import Reactor
from penstock.exchange.writers import RemoteWriter
from penstock.operators.contract import Batch

ATTEMPT = ("job", 1)
CHANNEL = (0, 0, 1)


class Pair:
    """A sending and a receiving slot in one reactor."""

    def __init__(self, folder: Path, tls: tuple[TlsFiles, TlsFiles] | None = None) -> None:
        self.reactor = Reactor()
        sender_tls, receiver_tls = tls or (None, None)
        self.sender = Network(self.reactor, "s0", sender_tls)
        self.receiver = Network(self.reactor, "s1", receiver_tls)
        path = folder / "s1.sock"
        self.receiver.listen_unix(path)
        tcp = f"tcp:127.0.0.1:{self.receiver.listen_tls('127.0.0.1', 0)}" if tls else None
        self.address = SlotAddress(slot_id="s1", host_id="b", unix_path=str(path), tcp=tcp)
        self.own_host = "a" if tls else "b"
        self.lost: list[str] = []
        self.gate = InputGate()
        self.channel = self.gate.add_channel(0)

    def send_from(self) -> RemoteWriter:
        self.sender.begin(ATTEMPT, self.lost.append)
        return self.sender.writer(CHANNEL, self.address, self.own_host)

    def receive(self) -> InputChannel:
        self.receiver.begin(ATTEMPT, self.lost.append)
        self.receiver.expect(CHANNEL, self.channel, "s0")
        self.receiver.start()
        return self.channel

    def poll(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"nothing came; lost: {self.lost}"
            self.reactor.poll(0.05)

    def settle(self) -> None:
        """Until nothing moves any more."""
        for _ in range(20):
            self.reactor.poll(0.005)

    def take_all(self, count: int) -> list[Element]:
        taken: list[Element] = []
        while len(taken) < count:
            self.poll(lambda: self.gate.has_ready)
            found = self.gate.next()
            if found is not None:
                taken.append(found[1])
        return taken

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()
        self.reactor.close()


def certificates(folder: Path, name: str) -> TlsFiles:
    """A CA and a certificate of it."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ca, signed = f"{name}-ca", f"{name}"
    authority = ["-subj", "/CN=ca", "-addext", "keyUsage=critical,keyCertSign"]
    issued = ["-subj", "/CN=slot", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key"]
    for file, words in ((ca, authority), (signed, issued)):
        command = [
            "openssl",
            "req",
            "-x509",
            *new_key,
            *words,
            "-keyout",
            f"{file}.key",
            "-out",
            f"{file}.pem",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return TlsFiles(*(str(folder / f"{name}{suffix}") for suffix in ("-ca.pem", ".pem", ".key")))


@pytest.fixture(params=["unix", "tls"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    tls = None
    if request.param == "tls":
        files = certificates(tmp_path, "job")
        tls = (files, files)
    made = Pair(tmp_path, tls)
    yield made
    made.close()


def test_elements_arrive_in_order(pair: Pair) -> None:
    elements: list[Element] = [
        Batch(["a", ("b", 1.5), None], [1, 2, 3]),
        Watermark(-(2**63)),
        Batch([{"k": [1]}]),
        Idleness(True),
        Barrier(7, 123, "/chk-7", True, True),
        EndOfData(True),
        END_OF_PARTITION,
    ]
    writer = pair.send_from()
    for element in elements:
        writer.send(element)
    pair.receive()
    assert pair.take_all(len(elements)) == elements
    pair.poll(lambda: writer.is_delivered)
    assert pair.channel.bytes_in > 0
    assert pair.lost == []


def test_sender_waits_for_a_receiver_that_is_not_deployed_yet(pair: Pair) -> None:
    writer = pair.send_from()
    writer.send(Batch([1]))
    pair.settle()
    assert not writer.has_room
    pair.receive()
    assert pair.take_all(1) == [Batch([1])]


def test_credits_bound_what_is_in_flight(pair: Pair) -> None:
    writer = pair.send_from()
    pair.receive()
    pair.poll(lambda: writer.has_room)
    for number in range(20):
        writer.send(Batch([number]))
    pair.settle()
    assert len(pair.channel.queue) == CHANNEL_CREDITS
    assert not writer.has_room
    assert pair.take_all(20) == [Batch([number]) for number in range(20)]
    pair.poll(lambda: writer.has_room)


def test_large_records_are_sent_in_small_batches(pair: Pair) -> None:
    writer = pair.send_from()
    pair.receive()
    pair.poll(lambda: writer.has_room)
    assert writer.batch_limit == 2048
    writer.send(Batch([bytes(100_000) for _ in range(40)]))
    assert 1 <= writer.batch_limit <= 8
    (received,) = pair.take_all(1)
    assert isinstance(received, Batch)
    assert len(received) == 40


def test_class_without_a_name_travels_by_value_and_what_cannot_travel_is_refused(pair: Pair) -> None:
    class Local:
        value = 5

    writer = pair.send_from()
    pair.receive()
    pair.poll(lambda: writer.has_room)
    writer.send(Batch([Local()]))
    (received,) = pair.take_all(1)
    assert isinstance(received, Batch)
    assert received.values[0].value == 5
    with pytest.raises(UnsendableRecord, match="cannot travel to another subtask"):
        writer.send(Batch([(x for x in [1])]))


def test_peer_that_goes_before_the_end_is_reported(pair: Pair) -> None:
    pair.send_from()
    pair.receive()
    pair.settle()
    pair.sender.close()
    pair.poll(lambda: bool(pair.lost))
    assert "slot s0 is gone" in pair.lost[0]


def test_peer_that_goes_after_the_end_is_not(pair: Pair) -> None:
    writer = pair.send_from()
    pair.receive()
    writer.send(END_OF_PARTITION)
    pair.poll(lambda: writer.is_delivered)
    pair.sender.close()
    pair.settle()
    assert pair.lost == []


def test_stranger_with_another_ca_gets_nothing(tmp_path: Path) -> None:
    pair = Pair(tmp_path, (certificates(tmp_path, "stranger"), certificates(tmp_path, "job")))
    try:
        writer = pair.send_from()
        pair.receive()
        writer.send(Batch([1]))
        pair.poll(lambda: bool(pair.lost))
        pair.settle()
        assert not pair.channel.queue
    finally:
        pair.close()


def test_tcp_without_certificates_is_refused(tmp_path: Path) -> None:
    reactor = Reactor()
    network = Network(reactor, "s0", None)
    try:
        with pytest.raises(ValueError, match="could send pickles"):
            network.listen_tls("127.0.0.1", 0)
    finally:
        network.close()
        reactor.close()
