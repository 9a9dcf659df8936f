"""The execution plan as JSON, as `get_execution_plan` and `penstock info` show it. Pure."""

import json
from typing import Any

from penstock.graph.jobgraph import JobGraph


def plan_json(job_graph: JobGraph) -> str:
    """The plan's text: nodes with their parallelism, and the inputs of each with how records travel."""
    nodes: list[dict[str, Any]] = []
    for vertex in job_graph.vertices:
        node: dict[str, Any] = {
            "id": vertex.id,
            "type": vertex.name,
            "pact": "Data Source" if vertex.source else "Operator",
            "contents": vertex.name,
            "parallelism": vertex.parallelism,
        }
        inputs = [
            {"id": edge.source_vertex, "ship_strategy": edge.partitioner.value, "side": "second"}
            for edge in job_graph.edges
            if edge.target_vertex == vertex.id
        ]
        if inputs:
            node["predecessors"] = inputs
        nodes.append(node)
    return json.dumps({"nodes": nodes})
