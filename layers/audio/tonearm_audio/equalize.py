"""Equalize: peaks, shelves and passes of second order whose curve is the analogue one's up to half the sample rate.

The curves are those of the Audio EQ Cookbook (Bristow-Johnson). Its bilinear transform squeezes them below half the
sample rate, so that a bell at 16 kHz becomes a needle and a shelf at 12 kHz a cliff. Here the poles are the analogue
ones by impulse invariance, and the zeros make the power equal at three frequencies, as in Vicanek, "Matched Second
Order Digital Filters" (2016): at 0 Hz, at the band's own (at 0.325 of the sample rate for bands above it), and at half
the sample rate. Passes are equal at their own frequency and steep at the end where nothing passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import Biquads
from tonearm_audio.operations import Band, Equalize

HIGHEST_OF_RATE = 0.48
"""Of the sample rate: bands from here on shape what the file cannot hold."""

_HIGHEST_MATCH = 0.65 * math.pi
"""Two frequencies at which the curves are equal must not lie too near each other."""

Section = tuple[float, float, float, float, float]
Line = npt.NDArray[np.float64]


def process(
    blocks: Iterator[FloatBlock], *, operation: Equalize, sample_rate_hz: int, channels: int
) -> Iterator[FloatBlock]:
    """Filter a stream, all channels alike.

    Peaks and shelves of 0 dB are left out, and so are peaks, high shelves and low-passes beyond 0.48 of the sample
    rate; where that leaves nothing, the stream passes bit for bit. Low shelves and high-passes up there work at 0.48 of
    the rate: all that the file holds lies below them.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: the bands.
        sample_rate_hz: frames a second.
        channels: any number.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], as many frames as came in.
    """
    sections = sections_of(operation, sample_rate_hz)
    if not sections:
        return blocks
    filters = Biquads(np.array(sections), channels)
    return (filters.feed(block) for block in blocks)


def response_db(operation: Equalize, frequencies_hz: Line, sample_rate_hz: int) -> Line:
    """What the filters do to each frequency, in decibels [shape=(n,)].

    Args:
        operation: the bands.
        frequencies_hz: 0 to half the sample rate [shape=(n,)].
        sample_rate_hz: frames a second.
    """
    delay = np.exp(-2j * np.pi * np.asarray(frequencies_hz, np.float64) / sample_rate_hz)
    power = np.ones(len(delay))
    for b0, b1, b2, a1, a2 in sections_of(operation, sample_rate_hz):
        power *= np.abs((b0 + b1 * delay + b2 * delay**2) / (1.0 + a1 * delay + a2 * delay**2)) ** 2
    response: Line = 10 * np.log10(np.maximum(power, 1e-30))
    return response


def sections_of(operation: Equalize, sample_rate_hz: int) -> list[Section]:
    """The second-order sections (b0, b1, b2, a1, a2, with a0 = 1) that are left of an operation at a rate."""
    sections: list[Section] = []
    for band in operation.bands:
        passes = band.kind in {"high_pass", "low_pass"}
        beyond = band.frequency_hz > HIGHEST_OF_RATE * sample_rate_hz
        if (band.gain_db == 0 and not passes) or (beyond and band.kind in {"peak", "high_shelf", "low_pass"}):
            continue
        turn = 2 * math.pi * min(band.frequency_hz / sample_rate_hz, HIGHEST_OF_RATE)
        sections.append(_section(band, turn))
    return sections


def _section(band: Band, turn: float) -> Section:
    """Of a band at so many radians a sample.

    A cut is the inverse of the boost, or the other way round: the one whose poles do not lie beyond its frequency,
    where impulse invariance would fold them.
    """
    if band.kind == "low_pass":
        return _low_pass(turn, band.q)
    if band.kind == "high_pass":
        return _high_pass(turn, band.q)
    root = 10 ** (abs(band.gain_db) / 40)
    if band.kind == "peak":
        section = _matched(turn, (1.0, band.q * root), (1.0, band.q / root), 1.0)
        return section if band.gain_db > 0 else _inverse(section)
    # What a high shelf turns down is, but for a gain, what a low shelf turns up.
    low, high = (root**-0.5, band.q), (root**0.5, band.q)
    if band.kind == "low_shelf":
        section = _matched(turn, low, high, root**2)
        return section if band.gain_db > 0 else _inverse(section)
    section = _matched(turn, low, high, 1.0)
    return section if band.gain_db < 0 else _inverse(section)


def _poles(turn: float, quality: float) -> tuple[float, float]:
    """a1 and a2 of a resonance by impulse invariance."""
    damping = 1 / (2 * quality)
    reach = math.sqrt(abs(1 - damping**2)) * turn
    if damping <= 1:
        return -2 * math.exp(-damping * turn) * math.cos(reach), math.exp(-2 * damping * turn)
    # Both real: e^(-d + r) + e^(-d - r), written so that neither overflows.
    return -math.exp(reach - damping * turn) - math.exp(-reach - damping * turn), math.exp(-2 * damping * turn)


def _power(a1: float, a2: float) -> tuple[float, float, float]:
    """Of 1 + a1 z⁻¹ + a2 z⁻²: the power is A0 φ0 + A1 φ1 + 4 A2 φ0 φ1, φ1 = sin²(ω/2), φ0 = 1 - φ1."""
    return (1 + a1 + a2) ** 2, (1 - a1 + a2) ** 2, -4 * a2


def _at(power: tuple[float, float, float], turn: float) -> float:
    sine = math.sin(turn / 2) ** 2
    return power[0] * (1 - sine) + power[1] * sine + power[2] * 4 * sine * (1 - sine)


def _analogue(over: float, resonance: tuple[float, float]) -> float:
    """|1 + s/(p Q) + s²/p²|² of a resonance at p times the band's frequency, at `over` times that frequency."""
    place, quality = resonance
    ratio = over / place
    return (1 - ratio**2) ** 2 + (ratio / quality) ** 2


def _matched(turn: float, poles: tuple[float, float], zeros: tuple[float, float], gain: float) -> Section:
    """A section with the power of `gain` · zeros ÷ poles at 0 Hz, at the band's frequency and at half the sample rate.

    Args:
        turn: the band's frequency in radians a sample.
        poles: place, in multiples of that frequency, and quality of a resonance.
        zeros: the same of what is above the fraction line.
        gain: at 0 Hz.
    """
    a1, a2 = _poles(turn * poles[0], poles[1])
    power = _power(a1, a2)

    def wanted(angle: float) -> float:
        return gain**2 * _analogue(angle / turn, zeros) / _analogue(angle / turn, poles)

    third = min(turn, _HIGHEST_MATCH)
    sine = math.sin(third / 2) ** 2
    lowest, highest = power[0] * gain**2, power[1] * wanted(math.pi)
    bend = (_at(power, third) * wanted(third) - lowest * (1 - sine) - highest * sine) / (4 * sine * (1 - sine))
    low, high = math.sqrt(lowest), math.sqrt(highest)
    middle = (low + high) / 2
    b0 = (middle + math.sqrt(max(0.0, middle**2 + bend))) / 2
    return b0, (low - high) / 2, -bend / (4 * b0), a1, a2


def _low_pass(turn: float, quality: float) -> Section:
    a1, a2 = _poles(turn, quality)
    power = _power(a1, a2)
    sine = math.sin(turn / 2) ** 2
    wanted = _at(power, turn) * quality**2
    low, high = math.sqrt(power[0]), math.sqrt(max(0.0, (wanted - power[0] * (1 - sine)) / sine))
    b0 = (low + high) / 2
    return b0, low - b0, 0.0, a1, a2


def _high_pass(turn: float, quality: float) -> Section:
    a1, a2 = _poles(turn, quality)
    b0 = quality * math.sqrt(_at(_power(a1, a2), turn)) / (4 * math.sin(turn / 2) ** 2)
    return b0, -2 * b0, b0, a1, a2


def _inverse(section: Section) -> Section:
    b0, b1, b2, a1, a2 = section
    return 1 / b0, a1 / b0, a2 / b0, b1 / b0, b2 / b0
