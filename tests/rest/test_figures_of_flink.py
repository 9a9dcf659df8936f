"""Statistics, metric lists and uploads as Flink's clients know them."""

import json

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from penstock.rest.features import features_of, require
from penstock.rest.figures import (
    Value,
    aggregates,
    listed_or_aggregated,
    listed_or_read,
    numbers_of,
    spread,
    summary,
)
from penstock.rest.flamegraph import tree_of
from penstock.rest.multipart import uploaded_file


def request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_skew_is_what_flink_2_3_reports() -> None:
    # Recorded: two subtasks with 7098 and 7115 records have a skew of 0.1196…
    assert aggregates([7098.0, 7115.0])["skew"] == pytest.approx(0.11960880833698022)
    assert aggregates([0.0, 0.0])["skew"] == 0.0


def test_aggregates_are_those_that_are_asked_for() -> None:
    groups: list[dict[str, Value]] = [{"a": 1.0, "text": "n/a"}, {"a": 3.0}]
    found = json.loads(bytes(listed_or_aggregated(request("get=a,text,none&agg=sum,max"), groups).body))
    assert found == [{"id": "a", "max": 3.0, "sum": 4.0}]
    assert json.loads(bytes(listed_or_aggregated(request(""), groups).body)) == [{"id": "a"}, {"id": "text"}]
    with pytest.raises(HTTPException, match="median"):
        listed_or_aggregated(request("get=a&agg=median"), groups)


def test_values_are_texts_and_unknown_names_are_left_out() -> None:
    found = json.loads(bytes(listed_or_read(request("get=a,b,c,d"), {"a": 2.0, "b": 0.5, "c": "n/a"}).body))
    assert found == [{"id": "a", "value": "2"}, {"id": "b", "value": "0.5"}, {"id": "c", "value": "n/a"}]


def test_no_values_have_no_quantiles() -> None:
    assert summary([])["p99"] == "NaN"
    assert summary([5, 1])["min"] == 1
    assert spread([])["sum"] == 0
    assert spread([float("nan"), 4.0]) == dict.fromkeys(
        ("min", "max", "avg", "sum", "median", "p25", "p75", "p95"), 4
    )


def test_subtasks_are_numbers_and_ranges() -> None:
    assert numbers_of("0,2-4", "subtasks") == {0, 2, 3, 4}
    for bad in ("x", "-1", "1-x", ""):
        with pytest.raises(HTTPException, match="subtasks"):
            numbers_of(bad, "subtasks")


def test_features_follow_the_configuration() -> None:
    assert features_of({}, takes_programs=True) == {
        "web-submit": True,
        "web-cancel": True,
        "web-rescale": True,
        "web-history": False,
    }
    off = {"web.cancel.enable": "False", "web.submit.enable": "false", "web.rescale.enable": "false"}
    assert not any(features_of(off, takes_programs=True).values())
    assert not features_of({}, takes_programs=False)["web-submit"]
    with pytest.raises(HTTPException, match=r"web\.submit\.enable is false"):
        require(off, "web.submit.enable", "uploading")


def test_a_tree_counts_samples_by_frame() -> None:
    samples = [
        {"stack": ["a", "b"], "count": 2},
        {"stack": ["a", "c"], "count": 1},
        {"stack": ["a"], "count": 4},
    ]
    tree = tree_of(samples)
    assert tree["value"] == 7
    (top,) = tree["children"]
    assert (top["name"], top["value"]) == ("a", 7)
    assert [(child["name"], child["value"]) for child in top["children"]] == [("b", 2), ("c", 1)]


BOUNDARY = "multipart/form-data; boundary=xyz"


def part(name: str, data: bytes) -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="jarfile"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def test_an_uploaded_file_is_taken_as_it_is() -> None:
    data = b"print('\r\n')\r\n\x00\xff"
    found = uploaded_file(BOUNDARY, part("C:\\jobs\\..\\clicks.py", data) + b"--xyz--\r\n")
    assert (found.name, found.data) == ("clicks.py", data)


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/json", b"{}", "multipart/form-data"),
        (BOUNDARY, b"--xyz--\r\n", "received 0"),
        (BOUNDARY, part("a.py", b"1") + part("b.py", b"2") + b"--xyz--\r\n", "received 2"),
    ],
)
def test_a_body_without_one_file_is_refused(content_type: str, body: bytes, said: str) -> None:
    with pytest.raises(HTTPException, match=said):
        uploaded_file(content_type, body)
