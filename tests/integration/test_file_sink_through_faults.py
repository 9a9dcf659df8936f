"""The file sink on an S3 server that refuses, loses answers and goes away: nothing lost, nothing twice, reasons named."""

import dataclasses
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from penstock.connectors.files.rolling import Rolling
from penstock.connectors.files.sink import FileSink
from penstock.filesystems.errors import StorageUnavailable
from penstock.filesystems.registry import close_filesystems, open_filesystem
from penstock.operators.contract import Batch
from tests.integration.faulty_http import Fault, FaultyProxy
from tests.integration.sink_context import sink_context
from tests.servers import S3Server

pytestmark = pytest.mark.integration
LARGE = "x" * (6 << 20)


@pytest.fixture
def base(s3: S3Server) -> Iterator[str]:
    yield f"{s3.make_bucket(f'faults-{uuid.uuid4().hex[:8]}')}/out"
    close_filesystems()


def opened(sink: FileSink, configuration: dict[str, str], attempt: int = 1, states: Any = ()) -> Any:
    context = dataclasses.replace(sink_context(0, 1), attempt=attempt, configuration=configuration)
    writer, committer = sink.create_writer(), sink.create_committer()
    committer.open(context)
    writer.open(context, states, None)
    return writer, committer


def lines(base: str, configuration: dict[str, str]) -> list[str]:
    filesystem = open_filesystem(base, configuration)
    shown = [one.path for one in filesystem.list(base) if "/." not in one.path]
    return [line for path in shown for line in filesystem.read(path).decode().splitlines()]


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.LOST])
@pytest.mark.parametrize("what", ["?uploads", "partNumber=", "complete"])
def test_a_call_that_fails_once_is_tried_again(s3: S3Server, base: str, fault: Fault, what: str) -> None:
    left = [1]

    def rule(method: str, path: str) -> Fault:
        is_complete = what == "complete" and method == "POST" and "uploadId=" in path
        if (is_complete or what in path) and left[0]:
            left[0] -= 1
            return fault
        return Fault.NONE

    with FaultyProxy(s3.endpoint, rule) as proxy:
        configuration = s3.configuration | {"s3.endpoint": proxy.endpoint}
        writer, committer = opened(FileSink(base), configuration)
        writer.write(Batch(["a", LARGE, "b"]))
        committer.commit(writer.prepare_commit(1))
        assert len(proxy.faults) == 1
        writer.close()
    assert Counter(lines(base, s3.configuration)) == Counter(["a", LARGE, "b"])


def test_a_store_that_stays_away_is_named_and_a_later_commit_goes_through(s3: S3Server, base: str) -> None:
    is_down = [False]

    def rule(method: str, path: str) -> Fault:
        return Fault.BUSY if is_down[0] else Fault.NONE

    with FaultyProxy(s3.endpoint, rule) as proxy:
        configuration = s3.configuration | {"s3.endpoint": proxy.endpoint}
        writer, committer = opened(FileSink(base), configuration)
        writer.write(Batch(["a"]))
        prepared = writer.prepare_commit(1)
        is_down[0] = True
        with pytest.raises(StorageUnavailable, match=r"part-.*: the store answered 503"):
            committer.commit(prepared)
        is_down[0] = False
        committer.commit(prepared)
        writer.close()
    assert lines(base, s3.configuration) == ["a"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_open_parts_through_random_faults_and_restarts(s3: S3Server, base: str, seed: int) -> None:
    choose = random.Random(seed)
    sink = FileSink(base, rolling=Rolling(part_bytes=7 << 20, is_at_checkpoint=False))

    def rule(method: str, path: str) -> Fault:
        return choose.choices([Fault.NONE, Fault.BUSY, Fault.LOST], [8, 1, 1])[0]

    with FaultyProxy(s3.endpoint, rule) as proxy:
        configuration = s3.configuration | {"s3.endpoint": proxy.endpoint}
        written, kept, states, committables = 0, 0, [], []  # type: ignore[var-annotated]
        attempt, checkpoint = 0, 0
        while checkpoint < 12:
            attempt += 1
            written = kept
            try:
                context = dataclasses.replace(
                    sink_context(0, 1), attempt=attempt, configuration=configuration
                )
                committer = sink.create_committer()
                committer.open(context)
                committer.commit(committables)
                writer = sink.create_writer()
                writer.open(context, states, None)
                while checkpoint < 12:
                    count = choose.randrange(1, 40)
                    made = [
                        f"{number}-{'y' * choose.randrange(60_000)}"
                        for number in range(written, written + count)
                    ]
                    writer.write(Batch(made))
                    written += count
                    if checkpoint == 11:
                        writer.flush()
                    prepared = writer.prepare_commit(checkpoint + 1)
                    state = writer.snapshot()
                    checkpoint += 1
                    kept, states, committables = written, state, prepared
                    committer.commit(prepared)
                    committables = []
                    if choose.random() < 0.25:
                        break  # as a slot that is killed: nothing is closed
            except StorageUnavailable:
                continue
    context = dataclasses.replace(sink_context(0, 1), attempt=attempt + 1, configuration=s3.configuration)
    last = sink.create_committer()
    last.open(context)
    last.commit(committables)
    ending = sink.create_writer()
    ending.open(context, states, None)
    found = Counter(int(line.split("-")[0]) for line in lines(base, s3.configuration))
    assert found == Counter(range(kept))
