"""Reverb: a room that decays as asked, without ringing, as loud as the song, and exactly as long."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, noise, processed
from tonearm_audio.decode import FloatBlock
from tonearm_audio.loudness import LoudnessMeter
from tonearm_audio.operations import Reverb
from tonearm_audio.reverb import process

reverbs = st.builds(
    Reverb,
    decay_s=st.floats(0.1, 2.0),
    pre_delay_ms=st.floats(0, 200),
    damping=st.floats(0, 1),
    mix=st.one_of(st.just(0.0), st.floats(0, 1)),
)


def reverberated(
    samples: Samples, operation: Reverb, *, rate: int = RATE, cuts: tuple[int, ...] = (65_536,)
) -> FloatBlock:
    return processed(process, operation, samples, *cuts, rate=rate)


def response(operation: Reverb, *, rate: int = RATE, channels: int = 2) -> Samples:
    """What a click in all channels becomes."""
    click = np.zeros((1, channels))
    click[0] = 1.0
    out: Samples = reverberated(click, operation, rate=rate).astype(np.float64)
    return out


def octave(signal: Samples, frequency_hz: float, rate: int) -> Samples:
    """About an octave of a signal, without delay."""
    size = 2 * len(signal)
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / rate), 1e-3)
    window = np.exp(-0.5 * (np.log2(frequencies / frequency_hz) / 0.3) ** 2)
    filtered: Samples = np.fft.irfft(np.fft.rfft(signal, size) * window, size)[: len(signal)]
    return filtered


def decay_time_s(signal: Samples, rate: int) -> float:
    """RT60 by a straight line through the fall from -5 to -35 dB of Schroeder's integrated response (ISO 3382)."""
    left = np.cumsum(signal[::-1] ** 2)[::-1]
    level_db = 10 * np.log10(left / left[0] + 1e-30)
    falling = slice(int(np.argmax(level_db < -5)), int(np.argmax(level_db < -35)))
    slope = np.polyfit(np.arange(len(level_db))[falling] / rate, level_db[falling], 1)[0]
    return -60.0 / float(slope)


def lufs(samples: Samples | FloatBlock, rate: int = RATE) -> float:
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.feed(samples.astype(np.float32))
    found = meter.result().integrated_lufs
    assert found is not None
    return found


def pink_noise(seconds: float) -> Samples:
    spectrum = np.fft.rfft(noise(seconds), axis=0)
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20 * seconds))[:, np.newaxis]
    pink: Samples = np.fft.irfft(spectrum, axis=0)
    pink *= 0.1 / float(pink.std())
    return pink


class TestAnySettings:
    @given(
        operation=reverbs,
        rate=st.sampled_from([8000, 22_050, 44_100, 96_000]),
        channels=st.sampled_from([1, 2]),
        frames=st.integers(0, 12_000),
        cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=4),
    )
    @settings(max_examples=30)
    def test_the_result_is_finite_longer_by_its_tail_and_the_same_however_it_is_cut(
        self, operation: Reverb, rate: int, channels: int, frames: int, cuts: list[int]
    ) -> None:
        samples = noise(1.0, rate=frames, channels=channels) if frames else np.zeros((0, channels))

        out = reverberated(samples, operation, rate=rate)

        assert out.shape == (frames + round(operation.tail_s * rate), channels)
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert np.abs(out).max(initial=0.0) < 3.0
        assert np.array_equal(reverberated(samples, operation, rate=rate, cuts=tuple(cuts)), out)

    @pytest.mark.parametrize("channels", [1, 2])
    def test_no_room_at_all_changes_no_bit(self, channels: int) -> None:
        samples = noise(0.5, channels=channels).astype(np.float32)
        out = reverberated(samples.astype(np.float64), Reverb(mix=0.0))
        assert np.array_equal(out, samples)

    def test_a_song_that_falls_silent_ends_in_silence_and_not_in_the_smallest_of_numbers(self) -> None:
        samples = np.concatenate([noise(0.2), np.zeros((4 * RATE, 2))])
        out = reverberated(samples, Reverb(decay_s=0.1, mix=1.0))
        assert not out[2 * RATE :].any()

    def test_over_its_last_moments_the_tail_goes_to_nothing(self) -> None:
        # Given the same room with silence after the song, in which it rings on
        song, operation = noise(0.3), Reverb(decay_s=0.5, mix=0.5)
        ended = reverberated(song, operation)
        ringing = reverberated(np.concatenate([song, np.zeros((RATE, 2))]), operation)[: len(ended)]
        last = round(0.02 * RATE)
        down = np.arange(last, 0, -1)[:, np.newaxis] / last
        assert float(np.abs(ringing[-last:]).max()) > 1e-5
        assert np.array_equal(ended[:-last], ringing[:-last])
        assert ended[-last:] == pytest.approx(ringing[-last:] * down, abs=1e-9)


class TestTheDecay:
    @pytest.mark.parametrize("damping", [0.0, 1.0])
    @pytest.mark.parametrize("decay_s", [0.1, 1.0, 10.0])
    def test_middle_frequencies_are_sixty_decibels_down_when_asked(self, decay_s: float, damping: float) -> None:
        made = response(Reverb(decay_s=decay_s, damping=damping, mix=1.0, pre_delay_ms=0.0))
        for channel in made.T:
            assert decay_time_s(octave(channel, 1000, RATE), RATE) == pytest.approx(decay_s, rel=0.1)

    @pytest.mark.parametrize("rate", [8000, 22_050, 96_000])
    def test_at_every_sample_rate(self, rate: int) -> None:
        made = response(Reverb(decay_s=1.5, mix=1.0, pre_delay_ms=0.0), rate=rate, channels=1)
        assert decay_time_s(octave(made[:, 0], 1000, rate), rate) == pytest.approx(1.5, rel=0.1)

    def test_damping_lets_the_highs_die_sooner(self) -> None:
        times = []
        for damping in (0.0, 0.5, 1.0):
            made = response(Reverb(decay_s=2.0, damping=damping, mix=1.0, pre_delay_ms=0.0))
            times.append(decay_time_s(octave(made[:, 0], 8000, RATE), RATE))
        assert times[0] == pytest.approx(2.0, rel=0.1)
        assert times[1] == pytest.approx(0.95, rel=0.15)
        assert times[2] == pytest.approx(0.55, rel=0.2)

    def test_the_room_answers_after_its_delay(self) -> None:
        early, late = (response(Reverb(mix=1.0, pre_delay_ms=delay))[:, 0] for delay in (0.0, 100.0))
        assert np.array_equal(late[4410 : 4410 + RATE], early[:RATE])
        assert not late[:4410].any()


class TestTheSoundOfTheRoom:
    @pytest.mark.parametrize("decay_s", [0.3, 1.5, 10.0])
    def test_echoes_are_soon_as_dense_as_noise(self, decay_s: float) -> None:
        # Echo density of Abel and Huang (2006): share of samples beyond one deviation, against that of noise
        made = response(Reverb(decay_s=decay_s, mix=1.0, pre_delay_ms=0.0))[:, 0]
        for at_s in (0.05, 0.1):
            window = made[round(at_s * RATE) :][:1024]
            assert float(np.mean(np.abs(window) > window.std())) / 0.3173 > 0.8

    @pytest.mark.parametrize("damping", [0.0, 1.0])
    @pytest.mark.parametrize("decay_s", [1.5, 4.0, 10.0])
    def test_no_frequency_rings_on(self, decay_s: float, damping: float) -> None:
        # Given the tail from a third of its decay on, its decay undone
        made = response(Reverb(decay_s=decay_s, damping=damping, mix=1.0, pre_delay_ms=0.0))[:, 0]
        late: Samples = made[round(0.3 * decay_s * RATE) : round(0.8 * decay_s * RATE)]
        late = late * 10 ** (3 * np.arange(len(late)) / RATE / decay_s)

        size = 8192
        power = np.zeros(size // 2 + 1)
        for at in range(0, len(late) - size, size // 2):
            power += np.abs(np.fft.rfft(np.hanning(size) * late[at : at + size])) ** 2

        # Against its surroundings: damping tilts a spectrum, and only ringing makes it ragged.
        heard = slice(round(200 * size / RATE), size // 5)
        ragged = power[heard] / np.convolve(power, np.ones(41) / 41, mode="same")[heard]
        flatness = math.exp(float(np.log(ragged).mean())) / float(ragged.mean())
        assert flatness > 0.7
        assert 10 * math.log10(float(ragged.max())) < 10.0

    def test_left_and_right_are_unlike_even_of_a_mono_song_and_their_sum_is_whole(self) -> None:
        made = response(Reverb(decay_s=2.0, mix=1.0))
        assert abs(float(np.corrcoef(made[:, 0], made[:, 1])[0, 1])) < 0.1
        both = float((made.sum(axis=1) ** 2).sum()) / 2
        assert 10 * math.log10(both / float((made**2).sum())) == pytest.approx(-3.0, abs=0.6)

    def test_both_channels_are_heard_on_both_sides(self) -> None:
        click = np.zeros((1, 2))
        click[0, 0] = 1.0
        out = reverberated(click, Reverb(mix=1.0)).astype(np.float64)
        left, right = (float((side**2).sum()) for side in out.T)
        assert 10 * math.log10(left / right) == pytest.approx(0.0, abs=1.0)

    @pytest.mark.parametrize("mix", [0.25, 0.5, 1.0])
    @pytest.mark.parametrize(("decay_s", "damping"), [(0.3, 0.0), (1.5, 0.5), (4.0, 1.0)])
    def test_a_room_is_as_loud_as_what_it_hears(self, decay_s: float, damping: float, mix: float) -> None:
        sound = pink_noise(8.0)
        out = reverberated(sound, Reverb(decay_s=decay_s, damping=damping, mix=mix))
        steady = out[4 * RATE : 8 * RATE]
        assert lufs(steady) == pytest.approx(lufs(sound), abs=0.5)
