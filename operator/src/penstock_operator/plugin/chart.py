"""A replay, drawn: slots and lag over time, as they were and as they would have been; as text and as a page. Pure."""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from penstock_operator.autoscale.explain import span
from penstock_operator.autoscale.replay import Point, Replayed, Score

_BLOCKS = " ▁▂▃▄▅▆▇█"
_HEIGHT = 4
"""Lines of a strip."""
_MARGIN = 12
"""Columns left of a strip."""
Value = Callable[[Point], float]
_PANELS: tuple[tuple[str, Value, Value], ...] = (
    ("slots", lambda one: one.slots, lambda one: one.replayed_slots),
    ("records that wait", lambda one: one.lag, lambda one: one.replayed_lag),
)


def show(console: Console, result: Replayed, wanted: Mapping[str, str], doubt: str | None) -> None:
    """Strips of slots and lag, the rescales, the scores."""
    points = result.points
    settings = ", ".join(f"{key}={value}" for key, value in wanted.items()) or "the settings as they are"
    whole = points[-1].at - points[0].at
    _line(
        console,
        f"{span(whole)} from {_clock(points[0].at)} to {_clock(points[-1].at)} UTC, replayed with {settings}",
    )
    width = max(20, min(console.width - _MARGIN - 2, 100))
    for title, before, after in _PANELS:
        top = max(max(before(one), after(one)) for one in points)
        for word, value in (("recorded", before), ("replayed", after)):
            _line(console, f"\n{title}, {word}")
            for line in strip(points, value, top, width):
                _line(console, line)
    _line(console, " " * _MARGIN + _axis(points, width))
    _line(console, "")
    console.print(_scores(result))
    for move in result.moves:
        _line(console, f"{_clock(move.at)} {move.before} -> {move.after} slots: {move.cause}")
    for guard, times in result.held:
        _line(console, f"the guard {guard!r} held decisions back {times} times")
    if doubt:
        _line(console, doubt)


def strip(points: Sequence[Point], value: Value, top: float, width: int) -> Iterator[str]:
    """A bar chart of `width` columns, each the most of its time; `top` fills it."""
    columns = _columns(points, value, width)
    for row in reversed(range(_HEIGHT)):
        label = f"{top:,.0f}" if row == _HEIGHT - 1 else ("0" if row == 0 else "")
        cells = "".join(_cell(one / top * _HEIGHT - row if top > 0 else 0.0) for one in columns)
        yield f"{label:>{_MARGIN - 2}} {'┤' if label else '│'}{cells.rstrip()}"


def _columns(points: Sequence[Point], value: Value, width: int) -> list[float]:
    begin, whole = points[0].at, max(points[-1].at - points[0].at, 1e-9)
    found = [-1.0] * width
    for point in points:
        at = min(width - 1, int((point.at - begin) / whole * width))
        found[at] = max(found[at], float(value(point)))
    last = 0.0
    for at, one in enumerate(found):
        last = one if one >= 0 else last
        found[at] = last
    return found


def _cell(part: float) -> str:
    """The block that is so full; what is there at all is seen."""
    eighths = round(max(0.0, min(1.0, part)) * 8)
    return _BLOCKS[max(eighths, 1) if 0 < part < 1 else eighths]


def _axis(points: Sequence[Point], width: int) -> str:
    first, last = _clock(points[0].at), _clock(points[-1].at)
    return f"{first}{'-' * max(1, width - len(first) - len(last))}{last}"


def _scores(result: Replayed) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in ("", "MEAN LAG", "WORST LAG", "SLOT HOURS", "RESCALES"):
        table.add_column(head, justify="left" if not head else "right")
    for word, score in (("recorded", result.recorded), ("replayed", result.replayed)):
        table.add_row(word, *_figures(score))
    return table


def _figures(score: Score) -> tuple[str, str, str, str]:
    mean, worst = f"{score.mean_lag_seconds:.2f} s", f"{score.worst_lag_seconds:.0f} s"
    return mean, worst, f"{score.slot_hours:.2f}", str(score.rescales)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


_STYLE = """:root{color-scheme:light dark;--was:#8a8f98;--would:#1565c0}
@media (prefers-color-scheme:dark){:root{--was:#9aa0a6;--would:#64b5f6}}
body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:64rem;padding:0 1rem}
svg{width:100%;height:auto}polyline{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.was{stroke:var(--was);fill:var(--was)}.would{stroke:var(--would);fill:var(--would)}polyline{fill:none}
text{font-size:13px;fill:currentColor;stroke:none}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right}
th:first-child,td:first-child{text-align:left}"""


def page(name: str, result: Replayed, wanted: Mapping[str, str]) -> str:
    """The same as a page of its own, without anything from elsewhere."""
    settings = ", ".join(f"{key}={value}" for key, value in wanted.items()) or "the settings as they are"
    charts = [_svg(title.capitalize(), result.points, before, after) for title, before, after in _PANELS]
    rows = "".join(
        f"<tr><td>{word}</td>{''.join(f'<td>{figure}</td>' for figure in _figures(score))}</tr>"
        for word, score in (("recorded", result.recorded), ("replayed", result.replayed))
    )
    moves = "".join(
        f"<li>{_clock(one.at)} UTC: {one.before} to {one.after} slots: {html.escape(one.cause)}</li>"
        for one in result.moves
    )
    heads = "<tr><th></th><th>mean lag</th><th>worst lag</th><th>slot hours</th><th>rescales</th></tr>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Replay of {html.escape(name)}</title><style>{_STYLE}</style><h1>Replay of {html.escape(name)}</h1>"
        f'<p>With {html.escape(settings)}. <b class="was">grey: recorded</b>, <b class="would">blue: replayed</b>.</p>'
        f"{''.join(charts)}<table>{heads}{rows}</table><ol>{moves}</ol></html>\n"
    )


def _svg(title: str, points: Sequence[Point], before: Value, after: Value) -> str:
    width, height, left = 900, 200, 70
    top = max(max(before(one), after(one)) for one in points) or 1.0
    lines = "".join(
        f'<polyline class="{name}" points="{_path(points, value, top, (left, width, height))}"/>'
        for name, value in (("was", before), ("would", after))
    )
    words = (
        f'<text x="{left - 6}" y="14" text-anchor="end">{top:,.0f}</text>'
        f'<text x="{left - 6}" y="{height}" text-anchor="end">0</text>'
        f'<text x="{left}" y="{height + 20}">{_clock(points[0].at)}</text>'
        f'<text x="{width}" y="{height + 20}" text-anchor="end">{_clock(points[-1].at)}</text>'
    )
    return f'<h2>{title}</h2><svg viewBox="0 0 {width} {height + 26}" role="img" aria-label="{title}">{words}{lines}</svg>'


def _path(points: Sequence[Point], value: Value, top: float, box: tuple[int, int, int]) -> str:
    left, width, height = box
    columns = _columns(points, value, min(len(points), width - left))
    step = (width - left) / max(1, len(columns) - 1)
    return " ".join(
        f"{left + at * step:.1f},{4 + (height - 4) * (1 - one / top):.1f}" for at, one in enumerate(columns)
    )
