"""Operator ids: 32 hex digits that name an operator's state over versions of a program.

With a uid the id depends on nothing else. Without one it is made of the operator's place in the graph (its position among
the nodes and the ids of what feeds it), so a program that has not changed keeps its ids. Called by `graph.chaining`.
"""

import hashlib

from penstock.graph.streamgraph import GraphError, StreamGraph, StreamNode


def assign_operator_ids(graph: StreamGraph) -> dict[int, str]:
    """The operator id of every node. GraphError if two nodes have the same uid."""
    ids: dict[int, str] = {}
    named: dict[str, StreamNode] = {}
    for node in graph.nodes:
        identifier = _operator_id(node, ids)
        if identifier in named:
            raise GraphError(
                f"operators {named[identifier].name!r} and {node.name!r} have the same uid {node.uid!r}: "
                "state belongs to one operator, so every uid must be unique in the job"
            )
        named[identifier] = node
        ids[node.id] = identifier
    return ids


def _operator_id(node: StreamNode, ids: dict[int, str]) -> str:
    if node.uid_hash is not None:
        return node.uid_hash
    if node.uid is not None:
        return _digest("uid", node.uid)
    inputs = [f"{upstream.input_index}:{ids[upstream.node]}" for upstream in node.upstreams]
    return _digest("place", str(node.id), *inputs)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
