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

VOWELS = {"a": (730.0, 1090.0, 2440.0), "i": (270.0, 2290.0, 3010.0), "u": (300.0, 870.0, 2240.0)}
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


def levels(samples: FloatBlock, pitch_hz: float, *, count: int) -> Samples:
    """The first partials of a voice in dB, followed on their glide, the whole level removed."""
    size = 2048
    window = np.hanning(size)
    time = np.arange(size) - size / 2
    heights = []
    for middle in range(3 * size, len(samples) - 2 * size, 3000):
        partials = float(pitch_at(middle / RATE, pitch_hz)) * np.arange(1, count + 1)
        cut = samples[middle - size // 2 : middle + size // 2, 0] * window
        heights.append(np.abs(np.exp(-2j * np.pi * np.outer(partials, time) / RATE) @ cut))
    found: Samples = 20 * np.log10(np.concatenate(heights))
    return found - np.median(found)


def apart(one: Samples, other: Samples) -> float:
    """How far two lines of levels are from each other on average, in dB."""
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
@pytest.mark.parametrize(("vowel", "pitch_hz"), [("a", 110.0), ("i", 160.0), ("u", 160.0)])
def test_a_voice_with_its_formants_kept_sounds_as_if_it_had_sung_the_other_pitch(
    vowel: str, pitch_hz: float, semitones: float
) -> None:
    samples, there_hz = voice(vowel, pitch_hz), pitch_hz * 2 ** (semitones / 12)

    kept, moved = sung(samples, semitones, keep=True), sung(samples, semitones, keep=False)

    # Then its partials, up to 4 kHz at the top of the glide, are as loud as the same throat makes them at the new pitch
    assert len(kept) == len(moved) == len(samples)
    count = round(3250 / there_hz)
    truth = levels(voice(vowel, there_hz), there_hz, count=count)
    assert apart(levels(kept, there_hz, count=count), truth) < 2.0
    assert apart(levels(moved, there_hz, count=count), truth) > 3.0
    # and where nothing is kept, each partial is as loud as it was
    count = round(3250 / max(pitch_hz, there_hz))
    assert apart(levels(moved, there_hz, count=count), levels(samples, pitch_hz, count=count)) < 1.5


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
    assert gains.min() >= 1 / 64
    assert gains.max() <= 64
    assert (gains[0] == 1).all()
