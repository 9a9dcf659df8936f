"""Statistics and metric lists as Flink's REST API writes them: spreads, summaries, `?get=`, `?agg=`.

Called by the route modules. Pure but for reading the request.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from penstock.rest.answers import answer, number_text

_SHARES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999))
AGGREGATIONS = ("min", "max", "avg", "sum", "skew")
Value = float | str


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value at that share of a sorted, non-empty list."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(values: Iterable[float]) -> dict[str, Any]:
    """Flink's statistics of one measure of checkpoints."""
    ordered = sorted(values)
    found: dict[str, Any] = {
        "min": int(ordered[0]) if ordered else 0,
        "max": int(ordered[-1]) if ordered else 0,
        "avg": int(sum(ordered) / len(ordered)) if ordered else 0,
    }
    for name, share in _SHARES:
        found[name] = float(quantile(ordered, share)) if ordered else "NaN"
    return found


def spread(values: Iterable[float]) -> dict[str, int]:
    """Flink's statistics of one measure of a vertex's subtasks."""
    ordered = sorted(value for value in values if value == value) or [0.0]
    total = sum(ordered)
    return {
        "min": int(ordered[0]),
        "max": int(ordered[-1]),
        "avg": int(total / len(ordered)),
        "sum": int(total),
        "median": int(quantile(ordered, 0.5)),
        "p25": int(quantile(ordered, 0.25)),
        "p75": int(quantile(ordered, 0.75)),
        "p95": int(quantile(ordered, 0.95)),
    }


def listed_or_read(request: Request, found: Mapping[str, Value]) -> Response:
    """Names, or the values of those that `?get=` wants; unknown ones are left out, as in Flink."""
    wanted = request.query_params.get("get")
    if not wanted:
        return answer([{"id": name} for name in found])
    return answer(
        [
            {"id": name, "value": value if isinstance(value := found[name], str) else number_text(value)}
            for name in wanted.split(",")
            if name in found
        ]
    )


def listed_or_aggregated(request: Request, groups: Sequence[Mapping[str, Value]]) -> Response:
    """Names, or aggregates over `groups` of the metrics that `?get=` wants, by `?agg=`."""
    wanted = request.query_params.get("get")
    if not wanted:
        return answer([{"id": name} for name in sorted({name for group in groups for name in group})])
    asked = request.query_params.get("agg")
    kinds = asked.split(",") if asked else list(AGGREGATIONS)
    unknown = sorted(set(kinds) - set(AGGREGATIONS))
    if unknown:
        raise HTTPException(400, f"agg: {', '.join(unknown)} is none of {', '.join(AGGREGATIONS)}")
    rows = []
    for name in wanted.split(","):
        values = [value for group in groups if isinstance(value := group.get(name), int | float)]
        if values:
            all_kinds = aggregates(values)
            rows.append(
                {"id": name, **{kind: _plain(all_kinds[kind]) for kind in AGGREGATIONS if kind in kinds}}
            )
    return answer(rows)


def aggregates(values: Sequence[float]) -> dict[str, float]:
    """Every aggregation; skew is the mean distance from the mean, as a percentage of it."""
    total = float(sum(values))
    mean = total / len(values)
    distance = sum(abs(value - mean) for value in values) / len(values)
    return {
        "min": float(min(values)),
        "max": float(max(values)),
        "avg": mean,
        "sum": total,
        "skew": 100 * distance / abs(mean) if mean else 0.0,
    }


def _plain(value: float) -> float | str:
    return "NaN" if value != value else value


def numbers_of(text: str, name: str) -> set[int]:
    """A list of numbers and ranges as `?subtasks=` takes it: `0,2-4`."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.strip().isdigit() or (last and not last.strip().isdigit()):
            raise HTTPException(400, f"{name}: {part!r} is no number and no range such as 2-4")
        found.update(range(int(first), int(last or first) + 1))
    return found
