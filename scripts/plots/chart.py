"""Line charts as SVG, for the pages in docs/operations: numbers in, a picture of some kilobytes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP, _RIGHT = 780, 190, 64, 40, 60, 32
_LETTER, _LEGEND = 7, 330


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: for the legend.
        colour: any that SVG knows.
        points: x and y, in the panel's units.
    """

    label: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: what is shown.
        x: unit, ticks, of which the first and the last are the ends.
        y: the same.
        lines: what is drawn.
        logarithmic: whether x is an axis of frequencies.
    """

    title: str
    x: tuple[str, Sequence[float]]
    y: tuple[str, Sequence[float]]
    lines: Sequence[Line] = field(default_factory=list)
    logarithmic: bool = False


def write(path: Path, label: str, panels: Sequence[Panel]) -> None:
    """Write panels below one another.

    Args:
        path: the SVG file.
        label: what the picture shows, for those who cannot see it.
        panels: from top to bottom.
    """
    width, height = _WIDTH + _LEFT + _RIGHT, len(panels) * (_HEIGHT + _GAP) + _TOP - _GAP // 2
    look = f'font-family="sans-serif" font-size="12" role="img" aria-label="{label}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {look}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for index, panel in enumerate(panels):
        parts += _panel(panel, _TOP + index * (_HEIGHT + _GAP))
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def _panel(panel: Panel, top: float) -> list[str]:
    (x_unit, x_ticks), (y_unit, y_ticks) = panel.x, panel.y

    def across(value: float) -> float:
        low, high, at = x_ticks[0], x_ticks[-1], value
        if panel.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return _LEFT + _WIDTH * (at - low) / (high - low)

    def down(value: float) -> float:
        inside = min(max(value, y_ticks[0]), y_ticks[-1])
        return top + _HEIGHT * (1 - (inside - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]))

    parts = [_text(_LEFT, top - 14, panel.title, bold=True), _text(_LEFT - 6, top - 14, y_unit, anchor="end")]
    for tick in y_ticks:
        parts.append(_line("#d1d5db", [(_LEFT, down(tick)), (_LEFT + _WIDTH, down(tick))], 0.7))
        parts.append(_text(_LEFT - 6, down(tick) + 4, f"{tick:g}", anchor="end"))
    for tick in x_ticks:
        parts.append(_line("#d1d5db", [(across(tick), top), (across(tick), top + _HEIGHT)], 0.7))
        parts.append(_text(across(tick), top + _HEIGHT + 16, f"{tick:g}", anchor="middle"))
    parts.append(_text(_LEFT + _WIDTH, top - 14, x_unit, anchor="end"))
    # The names stand behind the title, wherever it ends: a bold letter is 7 points wide at most, on average.
    at = _LEFT + max(_LEGEND, _LETTER * len(panel.title) + 16)
    for line in panel.lines:
        parts.append(_line(line.colour, [(across(x), down(y)) for x, y in line.points], 1.5))
        if line.label:
            parts.append(_text(at, top - 14, line.label, colour=line.colour, bold=True))
            at += max(130, _LETTER * len(line.label) + 16)
    return parts


def _line(colour: str, points: Sequence[tuple[float, float]], width: float) -> str:
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{listed}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#374151", bold: bool = False) -> str:
    weight = "bold" if bold else "normal"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{text}</text>'
