"""Cassandra, which Penstock has no connector for: the classes of PyFlink's module say so when they are used."""

from enum import Enum
from typing import Any

from penstock.connectors.refused import refused_classes

_CLASSES = refused_classes(
    __name__,
    """
    CassandraCommitter: default_checkpoint_committer
    CassandraFailureHandler: no_op
    CassandraSink: CassandraSinkBuilder add_sink disable_chaining name set_parallelism set_uid_hash slot_sharing_group uid
    ClusterBuilder:
    MapperOptions: consistency_level if_not_exists save_null_fields timestamp tracing ttl
    """,
    "there is no connector for Cassandra",
    "Write by a sink of your own on cassandra-driver, or write to Kafka and let Kafka Connect write to Cassandra",
)
CassandraCommitter: Any = _CLASSES["CassandraCommitter"]
CassandraFailureHandler: Any = _CLASSES["CassandraFailureHandler"]
CassandraSink: Any = _CLASSES["CassandraSink"]
ClusterBuilder: Any = _CLASSES["ClusterBuilder"]
MapperOptions: Any = _CLASSES["MapperOptions"]

__all__ = [
    "CassandraCommitter",
    "CassandraFailureHandler",
    "CassandraSink",
    "ClusterBuilder",
    "ConsistencyLevel",
    "MapperOptions",
]


class ConsistencyLevel(Enum):
    """Kept so that programs can be read; nothing takes it."""

    ALL = "all"
    ANY = "any"
    EACH_QUORUM = "each_quorum"
    LOCAL_ONE = "local_one"
    LOCAL_QUORUM = "local_quorum"
    LOCAL_SERIAL = "local_serial"
    ONE = "one"
    QUORUM = "quorum"
    SERIAL = "serial"
    THREE = "three"
    TWO = "two"
