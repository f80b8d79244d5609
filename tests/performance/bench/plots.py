"""The plots of docs/benchmarks.md, as small SVG files that read on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 170, 70, 54, 46
_COLOURS = {
    "tonearm": "#c2410c", "floor": "#6b7280", "librosa": "#2563eb", "essentia": "#7c3aed", "Rubber Band R3": "#0d9488",
    "Signalsmith": "#ca8a04", "ffmpeg atempo": "#be185d", "matchering": "#4d7c0f", "8D recipe": "#0369a1",
}  # fmt: skip
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.t{font-size:15px;font-weight:600}.s{font-size:12px;fill:#6b7280}"
    ".g{stroke:#9ca3af;stroke-opacity:.35}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.s{fill:#9ca3af}}"
)
Point = tuple[float, float]
Box = tuple[float, float, float, float]


def _colour(name: str) -> str:
    return next((colour for key, colour in _COLOURS.items() if name.startswith(key)), "#6b7280")


def _figure(title: str, height: float, body: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<text class="t" x="16" y="24">{escape(title)}</text>',
            *body,
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar for each program, group by group, each group on a scale of its own from zero."""
    body, y, room = [], TOP, WIDTH - LEFT - RIGHT
    for name, group in groups.items():
        body.append(_text(16, y + 12, name, kind="s"))
        y += 20
        for program, value in group.items():
            width = max(2.0, room * value / max(group.values()))
            body.append(_text(LEFT - 8, y + 13, program, anchor="end"))
            body.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="17" rx="2" fill="{_colour(program)}"/>')
            body.append(_text(LEFT + width + 6, y + 13, f"{_number(value)} {unit}"))
            y += 22
        y += 8
    body.append(_text(LEFT, y + 10, "each group has a scale of its own, from zero", kind="s"))
    return _figure(title, y + 24, body)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade that lie between."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**decade for decade in decades for step in (1, 2, 5) if low <= step * 10.0**decade <= high]


def scatter(title: str, points: Mapping[str, Point], x_label: str, y_label: str) -> str:
    """A named point for each program, across in decades, upwards from zero: the best lies at the lower left."""
    return _plane(title, {name: [point] for name, point in points.items()}, x_label, y_label, from_zero=True)


def lines(title: str, series: Mapping[str, Sequence[Point]], x_label: str, y_label: str) -> str:
    """A line for each program, both axes logarithmic."""
    return _plane(title, series, x_label, y_label)


def _plane(
    title: str, series: Mapping[str, Sequence[Point]], x_label: str, y_label: str, *, from_zero: bool = False
) -> str:
    height, left, right = 420, 70, 170
    every = [point for points in series.values() for point in points]
    x_low, x_high = min(x for x, _ in every) / 1.3, max(x for x, _ in every) * 1.3
    # Room below the lowest line for the names of several.
    y_low, y_high = min(y for _, y in every) / 1.8, max(y for _, y in every) * 1.2

    def at(point: Point) -> Point:
        across = math.log(point[0] / x_low) / math.log(x_high / x_low)
        up = point[1] / y_high if from_zero else math.log(point[1] / y_low) / math.log(y_high / y_low)
        return left + across * (WIDTH - left - right), height - BOTTOM - up * (height - TOP - BOTTOM)

    body = []
    for tick in _ticks(x_low, x_high):
        x, _ = at((tick, y_low))
        body.append(f'<path class="g" d="M{x:.1f} {TOP}V{height - BOTTOM}"/>')
        body.append(_text(x, height - BOTTOM + 18, f"{tick:g}", anchor="middle", kind="s"))
    for tick in range(int(y_high) + 1) if from_zero else _ticks(y_low, y_high):
        _, y = at((x_low, tick))
        body.append(f'<path class="g" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        body.append(_text(left - 8, y + 4, f"{tick:g}", anchor="end", kind="s"))
    body.append(_text((left + WIDTH - right) / 2, height - 10, x_label, anchor="middle", kind="s"))
    body.append(_text(16, TOP - 4, y_label, kind="s"))
    ends = {name: at(points[-1]) for name, points in series.items()}
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in ends.values()]
    for name in sorted(ends, key=lambda name: ends[name][1]):
        places = [at(point) for point in series[name]]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        if len(places) > 1:
            body.append(f'<polyline points="{path}" fill="none" stroke="{_colour(name)}" stroke-width="2.5"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_colour(name)}"/>' for x, y in places]
        body.append(_named(name, ends[name], taken, anywhere=from_zero))
    return _figure(title, height, body)


def _named(name: str, point: Point, taken: list[Box], *, anywhere: bool) -> str:
    """A name beside its point: the first of some places where it lies on nothing else."""
    (x, y), width = point, 7.2 * len(name)
    places = [(x + 10, y + 4)]
    if anywhere:
        places += [(x - 10 - width, y + 4), (x - width / 2, y - 12), (x - width / 2, y + 22)]
    places += [(x + 10, y + 4 + 16 * row) for row in range(1, 6)]
    for left, baseline in places:
        box = (left, baseline - 12, left + width, baseline + 3)
        if not any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
        ):
            break
    taken.append(box)
    return _text(left, baseline, name)
