"""Formants: resonances stay while the pitch moves, or move with it; on vowels of known resonances."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.audio.signals import RATE, Samples, noise
from tonearm_audio.change import process_change
from tonearm_audio.decode import FloatBlock
from tonearm_audio.formants import FormantKeeper
from tonearm_audio.plan import Change
from tonearm_audio.stretch import window_frames

VOWELS = {"a": (730.0, 1090.0, 2440.0), "e": (530.0, 1840.0, 2480.0)}
SECONDS = 2.0


def pitch_at(time: Samples | float, pitch_hz: float) -> Samples:
    """A pitch that glides by a third up and down, so that its partials pass over every frequency."""
    glide: Samples = pitch_hz * np.power(2.0, 3.5 / 12 * np.sin(np.pi * np.asarray(time)))
    return glide


def resonance(vowel: str, frequency: Samples) -> npt.NDArray[np.complex128]:
    """The throat's response: five poles (Peterson and Barney 1952 for the first three)."""
    response = np.ones(np.shape(frequency), np.complex128)
    for pole, width in zip((*VOWELS[vowel], 3500.0, 4500.0), (80, 90, 120, 150, 200), strict=True):
        response *= (pole**2 + (width / 2) ** 2) / ((1j * frequency + width / 2) ** 2 + pole**2)
    return response


def voice(vowel: str, pitch_hz: float) -> FloatBlock:
    """A source of falling partials through the resonances, in mono."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    pitch = pitch_at(time, pitch_hz)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    out = np.zeros(len(time))
    for partial in range(1, round(8000 / pitch_hz)):
        response = resonance(vowel, pitch * partial)
        out += np.abs(response) / partial * np.cos(partial * phase + np.angle(response))
    scaled: FloatBlock = (0.1 * out / out.std())[:, np.newaxis].astype(np.float32)
    return scaled


def sung(samples: FloatBlock, semitones: float, *, keep: bool) -> FloatBlock:
    change = Change(semitones=semitones, keep_formants=keep)
    made = process_change(iter([samples]), change=change, sample_rate_hz=RATE, channels=1, output_rate_hz=RATE)
    return np.concatenate(list(made))


def formants(samples: FloatBlock, pitch_hz: float, near: tuple[float, ...]) -> list[float]:
    """Where the partials, followed on their glide and freed of their fall, are strongest near some frequencies."""
    size = 2048
    window = np.hanning(size)
    time = np.arange(size) - size / 2
    places, heights = [], []
    for middle in range(3 * size, len(samples) - 2 * size, 1500):
        partials = float(pitch_at(middle / RATE, pitch_hz)) * np.arange(1, round(3500 / pitch_hz))
        cut = samples[middle - size // 2 : middle + size // 2, 0] * window
        places.append(partials)
        heights.append(np.abs(np.exp(-2j * np.pi * np.outer(partials, time) / RATE) @ cut) * partials)
    place, height = np.concatenate(places), 20 * np.log10(np.concatenate(heights))
    grid = np.arange(200, 3400, 10.0)
    weights = np.exp(-0.5 * ((grid[:, np.newaxis] - place) / 30) ** 2)
    line = (weights * height).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-6)
    found = []
    for frequency in near:
        around = np.flatnonzero((grid > 0.85 * frequency) & (grid < 1.17 * frequency))
        found.append(float(grid[around[line[around].argmax()]]))
    return found


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
@pytest.mark.parametrize("vowel", VOWELS)
def test_formants_stay_within_five_percent_where_they_are_kept_and_else_move_with_the_pitch(
    vowel: str, semitones: float
) -> None:
    samples = voice(vowel, 110.0)
    ratio = 2 ** (semitones / 12)
    here = formants(samples, 110.0, VOWELS[vowel])

    kept, moved = sung(samples, semitones, keep=True), sung(samples, semitones, keep=False)

    assert len(kept) == len(moved) == len(samples)
    assert formants(kept, 110.0 * ratio, tuple(here)) == pytest.approx(here, rel=0.05)
    there = tuple(frequency * ratio for frequency in here)
    assert formants(moved, 110.0 * ratio, there) == pytest.approx(there, rel=0.05)


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
def test_the_pitch_is_exact_where_formants_are_kept(semitones: float) -> None:
    time = np.arange(3 * RATE) / RATE
    partials = sum(
        np.cos(2 * np.pi * 150 * k * time) * np.abs(resonance("a", np.array(150.0 * k))) for k in range(1, 30)
    )
    samples = (0.05 * np.asarray(partials))[:, np.newaxis].astype(np.float32)

    out = sung(samples, semitones, keep=True)[:, 0].astype(np.float64)

    for partial in (1, 4, 7):
        wanted = 150 * partial * 2 ** (semitones / 12)
        turning = np.exp(-2j * np.pi * wanted * time) * out
        size = RATE // 10
        phases = np.unwrap(np.angle(turning[: len(turning) // size * size].reshape(-1, size).sum(axis=1)))[3:-3]
        slope = np.polyfit(np.arange(len(phases)) * 0.1, phases, 1)[0] / (2 * np.pi)
        assert abs(1200 * np.log2(1 + slope / wanted)) < 0.1


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@pytest.mark.parametrize("semitones", [-24.0, 3.0, 24.0])
def test_gains_are_finite_and_bounded_whatever_the_spectrum(rate: int, semitones: float) -> None:
    size = window_frames(rate)
    keeper = FormantKeeper(2 ** (semitones / 12), rate, size)
    sounds = np.zeros((6, 2, size))
    sounds[1:] = noise(5.0, rate=size, channels=2).T.reshape(2, 5, size).transpose(1, 0, 2)
    sounds[2] *= 1e-12
    sounds[3, :, 1:] = 0

    gains = keeper.gains(np.fft.rfft(sounds).astype(np.complex64))

    assert gains.shape == (6, size // 2 + 1)
    assert np.isfinite(gains).all()
    assert gains.min() >= 1 / 16
    assert gains.max() <= 16
    assert (gains[0] == 1).all()
