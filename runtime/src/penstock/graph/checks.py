"""What a program may have set on its operators that no job can have: found before anything is built, with the operator named.

Called by `graph.chaining`. Pure.
"""

import re

from penstock.graph.streamgraph import GraphError, StreamGraph, StreamNode

LARGEST_MAX_PARALLELISM = 32768
"""As Flink: the upper bound of key groups."""
_HASH = re.compile(r"[0-9a-f]{32}")


def check_nodes(graph: StreamGraph) -> None:
    """GraphError for the first operator that cannot be."""
    for node in graph.nodes:
        _check_parallelism(node)
        if node.uid is not None and not node.uid.strip():
            raise GraphError(f"operator {node.name!r} has an empty uid: give it a name, or none")
        if node.uid_hash is not None and not _HASH.fullmatch(node.uid_hash):
            raise GraphError(
                f"operator {node.name!r} has the uid hash {node.uid_hash!r}: it must be 32 lower-case hex digits, as a "
                "plan or a checkpoint shows them"
            )


def _check_parallelism(node: StreamNode) -> None:
    limit, own = node.max_parallelism, node.parallelism
    if limit is not None and not 1 <= limit <= LARGEST_MAX_PARALLELISM:
        raise GraphError(
            f"operator {node.name!r} has max parallelism {limit}: it must be 1 to {LARGEST_MAX_PARALLELISM}"
        )
    if node.is_single and own is not None and own != 1:
        raise GraphError(
            f"operator {node.name!r} has parallelism {own} but can only run with 1: it sees the whole stream"
        )
    if limit is not None and own is not None and own > limit:
        raise GraphError(
            f"operator {node.name!r} has parallelism {own} but max parallelism {limit}: lower the one or raise the other"
        )
