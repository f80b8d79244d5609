"""Instruments: what one note or one stroke sounds like, synthesised by numpy, mono, at 44.1 kHz.

Additive (piano, organ, flute), subtractive (bass, pad, lead), FM (electric piano), plucked strings after Karplus and
Strong (Computer Music Journal 7(2), 1983), a voice of glottal pulses through formants, and drums of swept sines and
filtered noise. All frequencies follow `hz`, so that a note played higher is a true transposition of the note.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

RATE_HZ = 44_100

Signal = npt.NDArray[np.float64]
Voice = Callable[[float, float, np.random.Generator], Signal]
"""hz, seconds held, randomness of this note → samples, its ringing included."""

NOMINAL_HZ = 100.0
"""What a drum is played at where nothing is transposed."""


def _time(seconds: float) -> Signal:
    return np.arange(max(1, round(seconds * RATE_HZ))) / RATE_HZ


def _partials(
    hz: float, amplitudes: Signal, time: Signal, decays: Signal | None = None, stretch: float = 0.0
) -> Signal:
    """Sines at the harmonics, those beyond hearing left out; `stretch` is a string's inharmonicity."""
    total = np.zeros(len(time))
    for index, amplitude in enumerate(amplitudes):
        order = index + 1
        frequency = hz * order * np.sqrt(1 + stretch * order * order)
        if frequency > 17_000 or amplitude < 1e-4:
            continue
        # Phases that differ keep the partials from adding up to one spike.
        wave = amplitude * np.sin(2 * np.pi * frequency * time + 2.4 * order * order)
        total += wave if decays is None else wave * np.exp(-decays[index] * time)
    return total


def _envelope(time: Signal, held: float, attack: float, release: float) -> Signal:
    rise = np.clip(time / attack, 0.0, 1.0)
    fall = np.clip(1 - (time - held) / release, 0.0, 1.0)
    return rise * fall


def _harmonics(count: int, slope: float) -> Signal:
    return np.arange(1, count + 1, dtype=np.float64) ** -slope


def _band(noise: Signal, low_hz: float, high_hz: float) -> Signal:
    """Noise between two frequencies, with slopes of an octave."""
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    with np.errstate(divide="ignore"):
        gain = 1 / np.sqrt(1 + (low_hz / np.maximum(hz, 1e-3)) ** 4) / np.sqrt(1 + (hz / high_hz) ** 4)
    return np.fft.irfft(spectrum * gain, len(noise))


def piano(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.35)
    count = int(min(24, 9000 / hz)) or 1
    orders = np.arange(1, count + 1)
    strike = np.abs(np.sin(np.pi * orders / 8.3)) + 0.05
    decays = 0.5 + hz / 500 + orders * (0.25 + hz / 2500)
    tone = _partials(hz, strike * _harmonics(count, 1.1), time, decays, stretch=3e-4 * (hz / 260) ** 1.3)
    hammer = _band(random.standard_normal(len(time)), 300, 3000) * np.exp(-time * 120) * 0.15
    return (tone + hammer) * _envelope(time, seconds, 0.003, 0.35)


def electric_piano(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.2)
    tine = np.sin(2 * np.pi * hz * 14 * time) * np.exp(-time * 14) * 0.25 * (hz * 14 < 15_000)
    index = 1.6 * np.exp(-time * 3)
    body = np.sin(2 * np.pi * hz * time + index * np.sin(2 * np.pi * hz * time + random.uniform(0, 0.2)))
    return (body * np.exp(-time * 1.2) + tine) * _envelope(time, seconds, 0.002, 0.2)


def organ(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.08)
    drawbars = np.zeros(8)
    drawbars[[0, 1, 2, 3, 5, 7]] = (0.8, 1.0, 0.6, 0.4, 0.2, 0.15)
    wobble = 1 + 0.15 * np.sin(2 * np.pi * 6.3 * time + random.uniform(0, 6))
    return _partials(hz, drawbars, time) * wobble * _envelope(time, seconds, 0.01, 0.08)


def flute(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.1)
    vibrato = 0.006 * hz / (2 * np.pi * 5.2) * (1 - np.cos(2 * np.pi * 5.2 * time)) * np.clip(time * 3, 0, 1)
    strengths = {1: 1.0, 2: 0.35, 3: 0.12, 4: 0.05}
    tone = sum(level * np.sin(2 * np.pi * order * (hz * time + vibrato)) for order, level in strengths.items())
    breath = _band(random.standard_normal(len(time)), hz, hz * 6) * 0.05
    return (tone + breath) * _envelope(time, seconds, 0.06, 0.1)


def _saws(
    hz: float, time: Signal, brightness: float, detunes: tuple[float, ...], random: np.random.Generator
) -> Signal:
    """Detuned saws behind a low-pass of 12 dB an octave at `brightness` times the pitch."""
    count = int(max(1, min(60, 15_000 / hz)))
    orders = np.arange(1, count + 1)
    amplitudes = 1 / orders / np.sqrt(1 + (orders / brightness) ** 4)
    used = int(np.count_nonzero(amplitudes > 2e-4))
    total = np.zeros(len(time))
    for cents in detunes:
        total += _partials(hz * 2 ** (cents / 1200), amplitudes[:used], time + random.uniform(0, 1 / hz))
    return total / len(detunes)


def synth_bass(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.05)
    dull, bright = _saws(hz, time, 3, (0.0,), random), _saws(hz, time, 10, (0.0,), random)
    opening = np.exp(-time * 7)
    return np.tanh(1.5 * (dull + (bright - dull) * opening)) * _envelope(time, seconds, 0.004, 0.05)


def pad(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.8)
    return _saws(hz, time, 4, (-9.0, 0.0, 8.0), random) * _envelope(time, seconds, 0.25, 0.8)


def slow_pad(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 2.0)
    return _saws(hz, time, 3, (-7.0, 6.0), random) * _envelope(time, seconds, 1.0, 2.0)


def lead(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.1)
    return _saws(hz, time, 7, (-5.0, 5.0), random) * _envelope(time, seconds, 0.01, 0.1)


def brass(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.08)
    dull, bright = _saws(hz, time, 2, (0.0, 4.0), random), _saws(hz, time, 9, (0.0, 4.0), random)
    swell = np.clip(time / 0.08, 0, 1) * np.exp(-time * 0.8)
    return (dull + (bright - dull) * swell) * _envelope(time, seconds, 0.03, 0.08)


def violin(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    """A section of bowed strings: three players, each with a vibrato of its own that begins late."""
    time = _time(seconds + 0.25)
    count = int(max(1, min(40, 12_000 / hz)))
    orders = np.arange(1, count + 1)
    # A body that lets 300 to 3000 Hz through more than the rest.
    amplitudes = (
        _harmonics(count, 1.1) / np.sqrt(1 + (250 / (hz * orders)) ** 2) / np.sqrt(1 + (hz * orders / 3000) ** 2)
    )
    total = np.zeros(len(time))
    for cents in (-6.0, 1.0, 7.0):
        rate = 5.4 + random.uniform(-0.4, 0.4)
        sway = (
            0.004
            / (2 * np.pi * rate)
            * np.sin(2 * np.pi * rate * time + random.uniform(0, 6))
            * np.clip(time * 2, 0, 1)
        )
        total += _partials(hz * 2 ** (cents / 1200), amplitudes, time + sway)
    bow = _band(random.standard_normal(len(time)), 2000, 7000) * 0.03
    return (total + bow) * _envelope(time, seconds, 0.03, 0.25)


def reed(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    """A bandoneon: two reeds that beat against each other, rich in odd harmonics."""
    time = _time(seconds + 0.08)
    count = int(max(1, min(40, 12_000 / hz)))
    orders = np.arange(1, count + 1)
    amplitudes = _harmonics(count, 0.9) * np.where(orders % 2, 1.0, 0.6) / np.sqrt(1 + (hz * orders / 2500) ** 4)
    reeds = sum(
        _partials(hz * 2 ** (cents / 1200), amplitudes, time + random.uniform(0, 1 / hz)) for cents in (0.0, 5.0)
    )
    return reeds * _envelope(time, seconds, 0.02, 0.08)


def _string(hz: float, seconds: float, random: np.random.Generator, *, damping: float, pick: float) -> Signal:
    """A delay line that is fed back through a two-point mean; a period at a time.

    The line is a whole number of samples long and is read at the rate that gives the exact pitch.
    """
    period = max(8, round(RATE_HZ / hz - 0.5))
    ratio = hz * (period + 0.5) / RATE_HZ
    length = int(np.ceil(seconds * RATE_HZ * ratio)) + 2
    burst = _band(random.standard_normal(4 * period), hz, pick)[:period]
    burst -= burst.mean()
    burst /= np.abs(burst).max() + 1e-9
    loss = np.exp(-damping / hz)
    out, row = np.empty((length // period + 1, period)), burst
    for index in range(len(out)):
        out[index] = row
        row = loss * 0.5 * (row + np.concatenate((row[-1:], row[:-1])))
    line = out.ravel()
    positions = np.arange(round(seconds * RATE_HZ)) * ratio
    return np.interp(positions, np.arange(len(line)), line)


def steel_guitar(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.15)
    return _string(hz, len(time) / RATE_HZ, random, damping=1.2, pick=7000) * _envelope(time, seconds, 0.001, 0.15)


def nylon_guitar(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.1)
    return _string(hz, len(time) / RATE_HZ, random, damping=2.5, pick=2200) * _envelope(time, seconds, 0.002, 0.1)


def upright_bass(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.06)
    body = _string(hz, len(time) / RATE_HZ, random, damping=2.0, pick=500)
    return (body + 0.6 * np.sin(2 * np.pi * hz * time) * np.exp(-time * 2)) * _envelope(time, seconds, 0.006, 0.06)


def picked_bass(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.04)
    body = _string(hz, len(time) / RATE_HZ, random, damping=1.5, pick=1400)
    return np.tanh(1.4 * (body + 0.7 * np.sin(2 * np.pi * hz * time))) * _envelope(time, seconds, 0.003, 0.04)


def slap_bass(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.04)
    body = _string(hz, len(time) / RATE_HZ, random, damping=1.0, pick=4000)
    slap = _band(random.standard_normal(len(time)), 1500, 6000) * np.exp(-time * 120) * 0.4
    return (np.tanh(1.6 * (body + 0.5 * np.sin(2 * np.pi * hz * time) * np.exp(-time * 3))) + slap) * _envelope(
        time, seconds, 0.002, 0.04
    )


def overdriven_guitar(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    """Root, fifth and octave through one saturation: they beat against each other as in an amplifier."""
    time = _time(seconds + 0.1)
    held = len(time) / RATE_HZ
    chord = sum(_string(hz * interval, held, random, damping=0.5, pick=5000) for interval in (1.0, 1.5, 2.0))
    cabinet = _band(np.tanh(4 * chord), 90, 4200)
    return cabinet * _envelope(time, seconds, 0.003, 0.1)


VOWELS_HZ: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((730, 90), (1090, 110), (2440, 170), (3400, 250)),
    "e": ((530, 70), (1840, 120), (2480, 170), (3500, 250)),
    "i": ((270, 60), (2290, 120), (3010, 180), (3700, 250)),
    "o": ((570, 80), (840, 100), (2410, 170), (3300, 250)),
    "u": ((300, 60), (870, 90), (2240, 170), (3200, 250)),
}
"""Formants of a man's vowels and their widths (Peterson and Barney, JASA 24, 1952; widths rounded)."""


def formant_gain(hz: Signal, formants: tuple[tuple[float, float], ...]) -> Signal:
    """How much a vocal tract lets through at each frequency: resonances in parallel."""
    gain = np.zeros(len(hz))
    for order, (centre, width) in enumerate(formants):
        gain += 0.6**order / np.sqrt(1 + ((hz - centre) / (width / 2)) ** 2)
    return gain + 0.002


def choir(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(seconds + 0.4)
    count = int(min(40, 8000 / hz))
    formants = VOWELS_HZ["aeiou"[int(random.integers(5))]]
    amplitudes = formant_gain(hz * np.arange(1, count + 1), formants) * _harmonics(count, 0.8)
    singers = sum(_partials(hz * 2 ** (cents / 1200), amplitudes, time) for cents in (-8.0, 1.0, 7.0))
    return singers * _envelope(time, seconds, 0.12, 0.4)


def kick(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.4), hz / NOMINAL_HZ
    phase = 2 * np.pi * tuning * (48 * time + 110 / 30 * (1 - np.exp(-time * 30)))
    beater = _band(random.standard_normal(len(time)), 1200 * tuning, 6000 * tuning) * np.exp(-time * 180)
    return np.sin(phase) * np.exp(-time * 9) + 1.2 * beater


def soft_kick(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.35), hz / NOMINAL_HZ
    felt = _band(random.standard_normal(len(time)), 400 * tuning, 2500 * tuning) * np.exp(-time * 150)
    return np.sin(2 * np.pi * tuning * (55 * time + 0.8 * (1 - np.exp(-time * 25)))) * np.exp(-time * 11) + 0.7 * felt


def snare(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.3), hz / NOMINAL_HZ
    shell = sum(np.sin(2 * np.pi * tuning * f * time) for f in (185.0, 331.0)) * np.exp(-time * 22)
    wires = _band(random.standard_normal(len(time)), 1200 * tuning, 8000 * tuning) * np.exp(-time * 15)
    return 0.5 * shell + 1.1 * wires


def rim(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.08), hz / NOMINAL_HZ
    return sum(np.sin(2 * np.pi * tuning * f * time) for f in (480.0, 1710.0)) * np.exp(-time * 90)


def clap(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.25), hz / NOMINAL_HZ
    hands = sum(np.exp(-np.maximum(time - start, 0) * 120) * (time >= start) for start in (0.0, 0.011, 0.023))
    return _band(random.standard_normal(len(time)), 900 * tuning, 4000 * tuning) * (hands + np.exp(-time * 18)) * 0.6


def brush(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.25), hz / NOMINAL_HZ
    return _band(random.standard_normal(len(time)), 700 * tuning, 6000 * tuning) * (
        np.clip(time / 0.03, 0, 1) * np.exp(-time * 14)
    )


def _metal(time: Signal, tuning: float, random: np.random.Generator) -> Signal:
    tones = sum(np.sign(np.sin(2 * np.pi * tuning * f * time)) for f in (3405.0, 4327.0, 5231.0, 6103.0, 7919.0))
    return _band(0.3 * tones + random.standard_normal(len(time)), 6000 * tuning, 14_000 * tuning)


def hat(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(0.08)
    return _metal(time, hz / NOMINAL_HZ, random) * np.exp(-time * 60) * 0.7


def open_hat(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time = _time(0.35)
    return _metal(time, hz / NOMINAL_HZ, random) * np.exp(-time * 11) * 0.6


def ride(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.9), hz / NOMINAL_HZ
    ping = np.sin(2 * np.pi * tuning * 3100 * time) * np.exp(-time * 25) * 0.5
    return _metal(time, tuning, random) * np.exp(-time * 5) * 0.4 + ping


def crash(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(1.6), hz / NOMINAL_HZ
    return _band(random.standard_normal(len(time)), 2500 * tuning, 12_000 * tuning) * np.exp(-time * 3)


def tom(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.35), hz / NOMINAL_HZ
    return np.sin(2 * np.pi * tuning * (110 * time + 1.5 * (1 - np.exp(-time * 20)))) * np.exp(-time * 9)


def surdo(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.6), hz / NOMINAL_HZ
    mallet = _band(random.standard_normal(len(time)), 200 * tuning, 1200 * tuning) * np.exp(-time * 80)
    return np.sin(2 * np.pi * tuning * (62 * time + 0.6 * (1 - np.exp(-time * 18)))) * np.exp(-time * 6) + 0.4 * mallet


def tamborim(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.12), hz / NOMINAL_HZ
    skin = sum(np.sin(2 * np.pi * tuning * f * time) for f in (640.0, 1090.0, 1530.0)) * np.exp(-time * 50)
    stick = _band(random.standard_normal(len(time)), 2000 * tuning, 7000 * tuning) * np.exp(-time * 130)
    return skin + stick


def agogo(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.3), hz / NOMINAL_HZ
    bell = 760.0 if random.random() < 0.5 else 1010.0
    return sum(
        np.sin(2 * np.pi * tuning * bell * f * time) / n for n, f in enumerate((1.0, 1.52, 2.67, 3.9), 1)
    ) * np.exp(-time * 16)


def shaker(hz: float, seconds: float, random: np.random.Generator) -> Signal:
    time, tuning = _time(0.09), hz / NOMINAL_HZ
    swish = np.clip(time / 0.025, 0, 1) * np.exp(-time * 45)
    return _band(random.standard_normal(len(time)), 5000 * tuning, 12_000 * tuning) * swish


VOICES: dict[str, Voice] = {
    voice.__name__: voice
    for voice in (
        piano, electric_piano, organ, flute, synth_bass, pad, slow_pad, lead, brass, steel_guitar, nylon_guitar,
        upright_bass, picked_bass, overdriven_guitar, choir, kick, soft_kick, snare, rim, clap, brush, hat, open_hat,
        ride, crash, tom, shaker, violin, reed, slap_bass, surdo, tamborim, agogo,
    )
}  # fmt: skip


@cache
def note(name: str, hz: float, seconds: float, take: int) -> npt.NDArray[np.float32]:
    """One note of an instrument, at most at full scale; `take` chooses among its random variants."""
    random = np.random.default_rng([take, len(name), *name.encode(), round(hz * 64), round(seconds * 1000)])
    samples = VOICES[name](hz, seconds, random)
    # Nothing ends in a step.
    fade = min(256, len(samples))
    samples[-fade:] *= np.linspace(1, 0, fade)
    return (samples / max(1e-9, float(np.abs(samples).max()))).astype(np.float32)
