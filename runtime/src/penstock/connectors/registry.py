"""Finds a connector's enumerator by name. Called by the JobManager when a job with sources starts.

The connectors that come with Penstock are named here so that they work from a source tree too; any other is
found by an entry point of the group `penstock.connectors`, with no edit here.
"""

from importlib import import_module
from importlib.metadata import entry_points

from penstock.connectors.contract import EnumeratorFactory

ENTRY_POINTS = "penstock.connectors"
_BUNDLED = {
    "collection": "penstock.connectors.collection.source",
    "hybrid": "penstock.connectors.hybrid.enumerator",
    "socket": "penstock.connectors.sockets.source",
    "sequence": "penstock.connectors.sequence.source",
    "files": "penstock.connectors.files.enumerator",
    "kafka": "penstock.connectors.kafka.enumerator",
}


class ConnectorMissing(LookupError):
    """No installed connector has this name."""


def enumerator_factory(name: str) -> EnumeratorFactory:
    """The factory of the connector `name`; imports the connector, never user code."""
    if name in _BUNDLED:
        factory: EnumeratorFactory = import_module(_BUNDLED[name]).FACTORY
        return factory
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        found: EnumeratorFactory = entry.load()
        return found
    raise ConnectorMissing(
        f"no connector {name!r} is installed; bundled are {', '.join(sorted(_BUNDLED))}, others need a distribution "
        f"with an entry point in the group {ENTRY_POINTS!r}"
    )
