"""The `high-availability.*` keys, as Flink's. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.common.durations import parse_duration_ms

_PREFIX = "high-availability."
ZOOKEEPER, KUBERNETES = "zookeeper", "kubernetes"


@dataclass(slots=True, frozen=True)
class HaSettings:
    """Where leaders are elected and where what they leave behind is kept. Times in seconds."""

    kind: str
    storage: str
    """Folder (URI) of the job graphs."""
    cluster_id: str
    quorum: str = ""
    path_root: str = "/flink"
    session_timeout: float = 60.0
    connection_timeout: float = 15.0
    namespace: str | None = None
    lease_duration: float = 15.0
    retry_period: float = 5.0


def read_ha(configuration: Mapping[str, str]) -> HaSettings | None:
    """The settings, None without high availability; ValueError names what is missing."""
    kind = str(
        configuration.get(_PREFIX + "type") or configuration.get("high-availability") or "none"
    ).lower()
    if kind == "none":
        return None
    if kind not in (ZOOKEEPER, KUBERNETES):
        raise ValueError(f"{_PREFIX}type: {kind!r} is not one of none, {ZOOKEEPER}, {KUBERNETES}")
    storage = str(configuration.get(_PREFIX + "storageDir") or "").rstrip("/")
    if not storage:
        raise ValueError(f"{_PREFIX}storageDir must be set: job graphs are kept there for the next leader")
    quorum = str(configuration.get(_PREFIX + "zookeeper.quorum") or "")
    if kind == ZOOKEEPER and not quorum:
        raise ValueError(f"{_PREFIX}zookeeper.quorum must be set, like 'host:2181,other:2181'")
    own = configuration.get("kubernetes.cluster-id") if kind == KUBERNETES else None
    cluster = str(configuration.get(_PREFIX + "cluster-id") or own or "default").strip("/")
    return HaSettings(
        kind=kind,
        storage=storage,
        cluster_id=cluster,
        quorum=quorum,
        path_root="/" + str(configuration.get(_PREFIX + "zookeeper.path.root") or "flink").strip("/"),
        session_timeout=_seconds(configuration, "zookeeper.client.session-timeout", 60.0),
        connection_timeout=_seconds(configuration, "zookeeper.client.connection-timeout", 15.0),
        namespace=configuration.get("kubernetes.namespace"),
        lease_duration=_seconds(configuration, "kubernetes.leader-election.lease-duration", 15.0),
        retry_period=_seconds(configuration, "kubernetes.leader-election.retry-period", 5.0),
    )


def _seconds(configuration: Mapping[str, str], key: str, default: float) -> float:
    text = configuration.get(_PREFIX + key)
    if text is None or str(text) == "":
        return default
    try:
        return parse_duration_ms(str(text)) / 1000
    except ValueError as error:
        raise ValueError(f"{_PREFIX}{key}: {error}") from None
