"""The DataStream examples of PyFlink's own wheel run unmodified and print what they print on Flink 2.3.0.

The wheel is fetched with pip when the test runs and kept in the cache; nothing of it is stored here. The records below were
seen on Flink's own runtime (process mode). In the examples for Kafka the broker's address alone is changed. Not here: the two
that begin with a Table (streaming_word_count, remote_model_inference), and those for Elasticsearch and Pulsar.
"""

import json
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from penstock.taskmanager.shipped import pip_command
from tests.servers import KafkaServer
from tests.servers.install import CACHE, exclusive

pytestmark = pytest.mark.integration
VERSION = "2.3.0"

PRINTED: dict[str, list[str]] = {
    "basic_operations.py": [
        "('China', 135)",
        "('China', 167)",
        "('Germany', 123)",
        "('USA', 124)",
        *['(1, \'{"name": "Flink", "tel": 124, "addr": {"country": "Germany", "city": "Berlin"}}\')'] * 2,
        '(2, \'{"name": "hello", "tel": 136, "addr": {"country": "China", "city": "Shanghai"}}\')',
        '(3, \'{"name": "world", "tel": 125, "addr": {"country": "USA", "city": "NewYork"}}\')',
        '(4, \'{"name": "PyFlink", "tel": 33, "addr": {"country": "China", "city": "Hangzhou"}}\')',
    ],
    "event_time_timer.py": ["('Alice', 163.29999923706055)"] * 4 + ["('Bob', 102.49999952316284)"] * 4,
    "process_json_data.py": [
        "(2, {'name': 'hello', 'tel': 136, 'addr': {'country': 'China', 'city': 'Shanghai'}})",
        "(4, {'name': 'PyFlink', 'tel': 33, 'addr': {'country': 'China', 'city': 'Hangzhou'}})",
    ],
    "state_access.py": [
        "('Alice', 110.0999984741211)",
        "('Alice', 130.0999984741211)",
        "('Alice', 143.19999885559082)",
        "('Alice', 163.29999923706055)",
        "('Bob', 30.200000762939453)",
        "('Bob', 83.29999923706055)",
        "('Bob', 86.39999914169312)",
        "('Bob', 102.49999952316284)",
    ],
    "windowing/session_with_dynamic_gap_window.py": ["(hi,1,30,7)"],
    "windowing/session_with_gap_window.py": ["(hi,1,14,6)", "(hi,15,20,1)"],
    "windowing/sliding_time_window.py": [
        "(hi,-2,3,2)",
        "(hi,0,5,4)",
        "(hi,2,7,4)",
        "(hi,4,9,3)",
        "(hi,6,11,2)",
        "(hi,8,13,2)",
        "(hi,12,17,1)",
        "(hi,14,19,1)",
    ],
    "windowing/tumbling_count_window.py": ["(hi,4)", "(hello,6)", "(hello,12)"],
    "windowing/tumbling_time_window.py": ["(hi,0,5,4)", "(hi,5,10,3)", "(hi,15,20,1)"],
}


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the examples."""
    folder = CACHE / f"pyflink-examples-{VERSION}"
    with exclusive(folder.name):
        if not folder.exists():
            fresh = folder.with_suffix(".fresh")
            with pip_command() as pip:
                wanted = [f"apache-flink=={VERSION}", "--no-deps", "--only-binary", ":all:"]
                subprocess.run(
                    [*pip, "download", "--quiet", "--disable-pip-version-check", "-d", str(fresh), *wanted],
                    check=True,
                )
            (wheel,) = fresh.glob("*.whl")
            with zipfile.ZipFile(wheel) as opened:
                members = [name for name in opened.namelist() if name.startswith("pyflink/examples/")]
                opened.extractall(fresh, members)
            fresh.rename(folder)
    return folder / "pyflink" / "examples" / "datastream"


def printed(program: Path, folder: Path, *arguments: str) -> list[str]:
    """The records that a program prints, without the numbers of subtasks; its log lines are left out."""
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"^\d+> ", "", line) for line in done.stdout.splitlines()]
    return sorted(line for line in lines if re.fullmatch(r"\(.*\)", line))


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_prints_on_flink(examples: Path, tmp_path: Path, name: str) -> None:
    assert printed(examples / name, tmp_path) == sorted(PRINTED[name])


def test_the_word_count_in_batch_mode_prints_final_counts_only(examples: Path, tmp_path: Path) -> None:
    program = examples / "word_count.py"
    data = runpy.run_path(str(program))["word_count_data"]
    counts = Counter(word for line in data for word in line.split())
    assert printed(program, tmp_path) == sorted(f"({word},{count})" for word, count in counts.items())


def test_the_word_count_reads_and_writes_files(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("to be\nor not to be\n")
    printed(
        examples / "word_count.py",
        tmp_path,
        "--input",
        str(tmp_path / "in.txt"),
        "--output",
        str(tmp_path / "out"),
    )
    written = [file for file in (tmp_path / "out").rglob("prefix*.ext") if file.is_file()]
    lines = sorted(line for file in written for line in file.read_text().splitlines())
    assert lines == ["(be,2)", "(not,1)", "(or,1)", "(to,2)"]


ROWS = ["+I[1,hi]", "+I[2,hello]", "+I[3,hi]", "+I[4,hello]", "+I[5,hi]", "+I[6,hello]", "+I[6,hello]"]
READ_FROM_KAFKA = {
    "kafka_json_format.py": ("test_json_topic", ROWS),
    "kafka_csv_format.py": ("test_csv_topic", ROWS),
    "kafka_avro_format.py": ("test_avro_topic", ROWS),
    "kafka_bytearray_format.py": (
        "test_bytearray_topic",
        [f'{{"id": {n}, "country": "{c}"}}' for n, c in enumerate(("USA", "Canada", "Germany"), 1)],
    ),
}


def with_broker(examples: Path, name: str, kafka: KafkaServer, folder: Path) -> Path:
    """The example with the address of the test's broker in place of Kafka's usual port: nothing else is changed."""
    source = (examples / "connectors" / name).read_text(encoding="utf-8")
    assert "localhost:9092" in source
    (folder / name).write_text(source.replace("localhost:9092", kafka.bootstrap), encoding="utf-8")
    return folder / name


def make_topics(kafka: KafkaServer, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a test starts can be ended as by Ctrl-C: a shell lets what it starts in the background ignore that, and its children too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def rest_of(program: subprocess.Popen[str]) -> str:
    """What it still says when it is interrupted; it has ended by then in any case."""
    program.send_signal(signal.SIGINT)
    try:
        return program.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        program.kill()
        program.communicate()
        raise


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", READ_FROM_KAFKA)
def test_an_example_writes_to_kafka_and_reads_it_again(
    examples: Path, tmp_path: Path, kafka: KafkaServer, name: str
) -> None:
    topic, expected = READ_FROM_KAFKA[name]
    make_topics(kafka, topic)
    program = subprocess.Popen(
        [sys.executable, str(with_broker(examples, name, kafka, tmp_path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    watchdog = threading.Timer(150, program.kill)
    watchdog.start()
    said: list[str] = []
    try:
        assert program.stdout is not None
        for line in program.stdout:  # the job never ends by itself
            said.append(re.sub(r"^\d+> ", "", line.rstrip("\n")))
            if sum(text in expected for text in said) >= len(expected):
                break
    finally:
        watchdog.cancel()
        watchdog.join()
        rest = rest_of(program)
    found = sorted(text for text in said if text in expected)
    assert found == sorted(expected), "\n".join([*said, rest])


def test_an_example_takes_key_and_value_from_the_fields_of_a_row(
    examples: Path, tmp_path: Path, kafka: KafkaServer
) -> None:
    make_topics(kafka, "row-extractor-example")
    program = with_broker(examples, "kafka_row_field_extractor_example.py", kafka, tmp_path)
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "x", "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe(["row-extractor-example"])
        messages: list[Message] = []
        deadline = time.monotonic() + 60
        while len(messages) < 4:
            assert time.monotonic() < deadline, messages
            messages += consumer.consume(10, 0.5)
    finally:
        consumer.close()
    found = [
        ((message.key() or b"").decode(), json.loads(message.value() or b"{}")["type"])
        for message in messages
    ]
    expected = [
        ("user-001", "purchase"),
        ("user-002", "view"),
        ("user-001", "add_to_cart"),
        ("user-003", "purchase"),
    ]
    assert found == expected
