"""Kubernetes' label selectors, read: which labels one asks about, and whether an object is chosen. Pure.

The API server chooses what is watched; this is for what the operator makes for a chosen resource, and for the webhook,
which is asked about every resource.
"""

import re
from collections.abc import Iterator, Mapping

_TERM = re.compile(
    r"\s*(?P<not>!?)\s*(?P<key>[\w./-]+)\s*"
    r"(?:(?P<equal>==?|!=)\s*(?P<value>[\w.-]*)|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*"
)


def chosen_by(selector: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Those labels that the selector asks about: what is made for a resource must be served by whoever serves it.

    No others: what a deployment tool knows its own objects by would make it remove what it has not made.
    """
    keys = {term["key"] for term in _terms(selector)}
    return {key: value for key, value in labels.items() if key in keys}


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels is chosen; an empty selector chooses all."""
    return all(_holds(term, labels) for term in _terms(selector))


def _terms(selector: str) -> Iterator[re.Match[str]]:
    """Its terms; one that cannot be read is left out: the API server has refused it then."""
    for text in re.split(r",(?![^(]*\))", selector):
        found = _TERM.fullmatch(text)
        if found is not None:
            yield found


def _holds(term: re.Match[str], labels: Mapping[str, str]) -> bool:
    value = labels.get(term["key"])
    if term["equal"] is not None:
        return (value == term["value"]) is (term["equal"] != "!=")
    if term["set"] is not None:
        values = {each.strip() for each in term["values"].split(",")}
        return (value in values) is (term["set"] == "in")
    return (value is not None) is not bool(term["not"])
