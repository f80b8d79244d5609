"""What a job found, in rows: ours, the bar, the peer and the ratio of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from tests.performance.bench.measure import Run

Verdict = Literal["met", "missed", "no bar", "not measured"]


@dataclass(frozen=True)
class Row:
    """One figure beside its bar and a peer's.

    Attributes:
        what: that was measured.
        unit: of ours and theirs.
        ours: None where it could not be measured; `note` says why.
        bar: in words; empty where there is none.
        met: whether ours meets it; None where there is no bar or nothing was measured.
        peer: whose figure stands beside it; empty for nobody's.
        theirs: None where the peer is missing or failed.
        ratio: what the reader should compare, as in "4.6× less"; empty for nothing.
        note: what else belongs to it.
    """

    what: str
    unit: str
    ours: float | None
    bar: str = ""
    met: bool | None = None
    peer: str = ""
    theirs: float | None = None
    ratio: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.ours is None and self.met is None:
            return "not measured"
        return "no bar" if self.met is None else "met" if self.met else "missed"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass
class Found:
    """What a job found.

    Attributes:
        rows: for the table.
        details: for JSON and the plots.
    """

    rows: list[Row] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """The medians of some runs of one program; `failed` says why there are none."""

    cpu_s: float | None = None
    work_cpu_s: float | None = None
    imports_s: float | None = None
    wall_s: float | None = None
    peak_mb: float | None = None
    failed: str = ""
    cpu_of_each: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, to a thousandth."""
        told = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return {**told, "cpu_of_each": [round(value, 3) for value in self.cpu_of_each]}


def summary(runs: Sequence[Run]) -> Summary:
    """Medians; one failed run fails them all, because a median of the lucky ones says nothing."""
    if failed := [run.failed for run in runs if run.failed]:
        return Summary(failed=failed[0])
    return Summary(
        cpu_s=median(run.cpu_s for run in runs),
        work_cpu_s=median(run.work_cpu_s for run in runs),
        imports_s=median(run.imports_s for run in runs),
        wall_s=median(run.wall_s for run in runs),
        peak_mb=median(run.peak_mb for run in runs),
        cpu_of_each=tuple(run.cpu_s for run in runs),
    )


def less(ours: float | None, theirs: float | None) -> str:
    """How much less ours is than the peer's."""
    return f"{theirs / ours:.1f}×" if ours and theirs else ""


def at_most(what: str, unit: str, ours: float | None, limit: float, **more: Any) -> Row:
    """A row whose bar is an upper limit."""
    return Row(what, unit, ours, bar=f"≤ {limit:g}", met=None if ours is None else ours <= limit, **more)


def at_least(what: str, unit: str, ours: float | None, limit: float, **more: Any) -> Row:
    """A row whose bar is a lower limit."""
    return Row(what, unit, ours, bar=f"≥ {limit:g}", met=None if ours is None else ours >= limit, **more)


def times_less(what: str, ours: float | None, theirs: float | None, limit: float, *, peer: str, note: str = "") -> Row:
    """A row whose bar is how many times less ours has to be than a peer's; `ours` in the row is that factor."""
    factor = theirs / ours if ours and theirs else None
    return Row(
        what, "×", factor, bar=f"≥ {limit:g}", met=None if factor is None else factor >= limit, peer=peer, note=note
    )
