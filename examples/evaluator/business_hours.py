"""A custom evaluator of the autoscaler: be ready before the offices open.

Between the hours `from` and `to` (UTC) each source counts as having `least` records a second to process, whatever comes,
so that the slots are there before the load is. What is after the sources follows by itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from penstock_operator.autoscale.evaluators import EvaluatedVertex


def evaluate(one: EvaluatedVertex) -> Mapping[str, float]:
    """Called for each vertex, sources first, whenever a decision is made."""
    hour = datetime.fromtimestamp(one.now, UTC).hour
    is_open = int(one.parameters.get("from", "8")) <= hour < int(one.parameters.get("to", "18"))
    if not one.vertex.is_source or not is_open:
        return {}
    return {"TARGET_DATA_RATE": max(one.metrics["TARGET_DATA_RATE"], float(one.parameters["least"]))}
