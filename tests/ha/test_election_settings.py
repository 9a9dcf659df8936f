"""The keys of high availability, and a term of office against the clock."""

import pytest

from penstock.ha.settings import KUBERNETES, ZOOKEEPER, read_ha
from penstock.ha.term import Term

STORAGE = {"high-availability.storageDir": "s3://bucket/ha/"}


def test_no_high_availability_unless_asked_for() -> None:
    assert read_ha({}) is None
    assert read_ha({"high-availability.type": "NONE"}) is None


def test_keys_are_flinks() -> None:
    found = read_ha(
        {
            "high-availability.type": "zookeeper",
            "high-availability.zookeeper.quorum": "one:2181,two:2181",
            "high-availability.zookeeper.path.root": "/streams/",
            "high-availability.cluster-id": "/clicks",
            "high-availability.zookeeper.client.session-timeout": "8 s",
            **STORAGE,
        }
    )
    assert found is not None
    assert (found.kind, found.quorum, found.path_root) == (ZOOKEEPER, "one:2181,two:2181", "/streams")
    assert (found.cluster_id, found.storage, found.session_timeout) == ("clicks", "s3://bucket/ha", 8.0)
    pods = read_ha({"high-availability": "kubernetes", "kubernetes.cluster-id": "clicks", **STORAGE})
    assert pods is not None
    assert (pods.kind, pods.cluster_id, pods.lease_duration) == (KUBERNETES, "clicks", 15.0)


@pytest.mark.parametrize(
    ("configuration", "named"),
    [
        ({"high-availability.type": "etcd", **STORAGE}, "high-availability.type"),
        ({"high-availability.type": "kubernetes"}, "high-availability.storageDir"),
        ({"high-availability.type": "zookeeper", **STORAGE}, "high-availability.zookeeper.quorum"),
        (
            {
                "high-availability.type": "kubernetes",
                "high-availability.kubernetes.leader-election.lease-duration": "soon",
                **STORAGE,
            },
            "lease-duration",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(configuration: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        read_ha(configuration)


def test_term_ends_by_the_clock_although_nobody_says_so() -> None:
    now = [100.0]
    term = Term(10, lambda: now[0])
    assert not term.is_valid
    term.begin(100.0)
    now[0] = 109.0
    assert term.is_valid
    term.renewed(108.0)
    now[0] = 117.9
    assert term.is_valid
    now[0] = 118.0
    assert not term.is_valid
    term.renewed(118.0)
    term.end()
    assert not term.is_valid
