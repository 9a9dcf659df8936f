"""Holds what came out against what must: windows of the topic, positions of the files. Pure but for reading folders and buckets."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.chaos.load import CLOCK_KEY, Answer
from tests.servers import S3Server

SHOWN = 5


def window_faults(found: Counter[str], wanted: Counter[str]) -> list[str]:
    """What is wrong with the lines of the topic; nothing for none."""
    found = Counter({line: count for line, count in found.items() if not line.startswith(f"{CLOCK_KEY},")})
    missing, extra = wanted - found, found - wanted
    wrong = []
    if missing:
        wrong.append(f"{missing.total()} windows are missing, such as {_some(missing)}")
    if extra:
        wrong.append(f"{extra.total()} windows are wrong or repeated, such as {_some(extra)}")
    return wrong


def position_faults(where: str, lines: Iterable[str], answer: Answer) -> list[str]:
    """What is wrong with the lines of one folder of files; nothing for none."""
    numbers: dict[str, list[int]] = defaultdict(list)
    positions: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        key, position, number = line.split(",")
        numbers[key].append(int(number))
        positions[key].append(int(position))
    wrong = []
    for key, wanted in answer.numbers.items():
        found = Counter(numbers[key])
        missing, extra = Counter(wanted) - found, found - Counter(wanted)
        if missing:
            wrong.append(f"{where}: {missing.total()} records of {key} are missing, such as {_some(missing)}")
        if extra:
            wrong.append(f"{where}: {extra.total()} records of {key} are repeated, such as {_some(extra)}")
        if sorted(positions[key]) != list(range(1, len(wanted) + 1)):
            wrong.append(f"{where}: the positions of {key} are not 1 to {len(wanted)}, each once")
    return wrong


def local_lines(folder: Path) -> list[str]:
    """Lines of the finished part files of a folder: hidden ones and those in progress do not count."""
    parts = [part for part in folder.rglob("*") if part.is_file() and not _is_hidden(part.name)]
    return [line for part in parts for line in part.read_text().splitlines()]


def s3_lines(server: S3Server, bucket: str, prefix: str) -> list[str]:
    """Lines of the finished part files under a prefix."""
    client = server.client()
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        lines: list[str] = []
        for key in keys:
            if not _is_hidden(key.rpartition("/")[2]):
                body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
                lines.extend(body.decode().splitlines())
        return lines
    finally:
        client.close()


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _some(found: Counter[str] | Counter[int]) -> str:
    return ", ".join(str(line) for line in list(found)[:SHOWN])
