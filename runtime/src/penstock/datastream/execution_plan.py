"""From what a program defined to what the graph builder takes: batch mode and uids. Pure.

Batch mode (`execution.runtime-mode`) needs sources that end. Checkpoints are off; watermarks are held until the end of input
and rolling reductions emit their last value only, as the operators read from the job's configuration.
"""

from dataclasses import replace

from penstock.common.configuration import Configuration
from penstock.datastream.environment_settings import RUNTIME_MODE
from penstock.graph.jobgraph import Boundedness
from penstock.graph.streamgraph import GraphError, StreamGraph

_INTERVAL = "execution.checkpointing.interval"
_MODES = ("STREAMING", "BATCH", "AUTOMATIC")


def job_configuration(configuration: Configuration, graph: StreamGraph) -> dict[str, str]:
    """The job's configuration, its runtime mode decided. GraphError for batch over a source that does not end."""
    found = configuration.to_dict()
    mode = found.get(RUNTIME_MODE, "STREAMING").strip().upper()
    if mode not in _MODES:
        raise GraphError(f"{RUNTIME_MODE} is {mode!r}: write one of {', '.join(_MODES)}")
    endless = [
        node.name
        for node in graph.nodes
        if node.source is not None and node.source.boundedness is not Boundedness.BOUNDED
    ]
    if mode == "BATCH" and endless:
        raise GraphError(
            f"batch mode needs sources that end; {endless[0]!r} does not: bound it, or set {RUNTIME_MODE} to STREAMING"
        )
    is_batch = mode == "BATCH" or (mode == "AUTOMATIC" and not endless)
    if RUNTIME_MODE in found:
        found[RUNTIME_MODE] = "BATCH" if is_batch else "STREAMING"
    if is_batch:
        found.pop(_INTERVAL, None)
    return found


def since(graph: StreamGraph, executed: int) -> StreamGraph:
    """What was defined after the last job, with everything that it reads, as a graph of its own."""
    if not executed:
        return graph
    wanted = {node.id for node in graph.nodes[executed:]}
    for node in reversed(graph.nodes):
        if node.id in wanted:
            wanted.update(upstream.node for upstream in node.upstreams)
    numbers = {old: new for new, old in enumerate(sorted(wanted))}
    nodes = [
        replace(
            graph.nodes[old],
            id=new,
            upstreams=[replace(up, node=numbers[up.node]) for up in graph.nodes[old].upstreams],
        )
        for old, new in numbers.items()
    ]
    return StreamGraph(nodes)


def require_uids(graph: StreamGraph) -> None:
    """GraphError naming the operators without a uid, where the program asked for one on each."""
    nameless = [node.name for node in graph.nodes if not (node.uid or node.uid_hash or node.must_chain)]
    if nameless:
        raise GraphError(
            f"auto-generated uids are disabled and {nameless[0]!r} has none"
            f"{f' (nor have {len(nameless) - 1} more)' if len(nameless) > 1 else ''}: call uid(...) on every operator"
        )
