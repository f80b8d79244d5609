"""Tempo and pitch: exact length and pitch, one image, the same bits however it is cut, attacks where they belong."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, blocks, clicks, noise, run_python, tone
from tonearm_audio.attacks import AttackFinder, TimeMap
from tonearm_audio.change import process_change
from tonearm_audio.decode import FloatBlock
from tonearm_audio.plan import Change
from tonearm_audio.stretch import stretch


def stretched(samples: Samples | FloatBlock, ratio: float, *sizes: int, rate: int = RATE) -> FloatBlock:
    made = stretch(blocks(samples, *sizes), time_ratio=ratio, sample_rate_hz=rate, channels=samples.shape[1])
    return np.concatenate([np.zeros((0, samples.shape[1]), np.float32), *made])


def changed(samples: Samples | FloatBlock, change: Change, *, rate: int = RATE, to: int | None = None) -> FloatBlock:
    made = process_change(
        blocks(samples, 65_536),
        change=change,
        sample_rate_hz=rate,
        channels=samples.shape[1],
        output_rate_hz=to or rate,
    )
    return np.concatenate(list(made))


def music(seconds: float) -> FloatBlock:
    """A chord that moves, drums and hiss, different in each channel."""
    time = np.arange(round(seconds * RATE)) / RATE
    out = 0.003 * noise(seconds, gain=1.0) + 0.5 * clicks(list(np.arange(0.3, seconds - 0.1, 0.37)), seconds)
    for index, frequency in enumerate((110.0, 277.2, 329.6, 1318.5)):
        partial = 0.08 * np.sin(2 * np.pi * frequency * time + 2 * np.sin(time * (index + 1)))
        out += partial[:, np.newaxis] * [1 - 0.2 * index, 0.3 + 0.2 * index]
    return out.astype(np.float32)


@settings(max_examples=15)
@given(
    rate=st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000, 192_000]),
    to=st.sampled_from([8000, 44_100, 48_000]),
    factor=st.floats(0.25, 4.0),
    semitones=st.floats(-24, 24),
    keep=st.booleans(),
    channels=st.integers(1, 8),
    frames=st.one_of(st.integers(1, 2000), st.integers(1, 12_000)),
)
def test_any_change_is_finite_bounded_and_exactly_as_long_as_promised(
    rate: int, to: int, factor: float, semitones: float, keep: bool, channels: int, frames: int
) -> None:
    samples = np.clip(noise(1.0, rate=frames, channels=channels), -0.5, 0.5)
    change = Change(factor, semitones, keep)

    out = changed(samples, change, rate=rate, to=to)

    assert out.shape == (max(1, round(max(1, round(frames / factor)) * to / rate)), channels)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 8


def test_no_change_is_the_input_bit_for_bit() -> None:
    samples = music(1.0)

    assert np.array_equal(changed(samples, Change()), samples)
    # Where formants are kept there has to be a pitch that moves
    assert np.array_equal(changed(samples, Change(keep_formants=True)), samples)


@pytest.mark.parametrize("sizes", [(1000,), (1, 7, 4096, 333), (44_100,)])
@pytest.mark.parametrize("ratio", [0.6, 1.25])
def test_the_samples_do_not_depend_on_how_the_stream_is_cut(ratio: float, sizes: tuple[int, ...]) -> None:
    samples = music(3.0)

    assert np.array_equal(stretched(samples, ratio, *sizes), stretched(samples, ratio, len(samples)))


@pytest.mark.parametrize("change", [Change(1.1), Change(0.5, 7.0), Change(1.0, -5.0, keep_formants=True)])
def test_swapped_channels_come_out_swapped_bit_for_bit(change: Change) -> None:
    samples = music(2.0)

    straight, swapped = changed(samples, change), changed(samples[:, ::-1], change)

    assert np.array_equal(swapped[:, ::-1], straight)


@pytest.mark.parametrize("ratio", [1 / 1.5, 1 / 1.1, 1.25, 2.0])
def test_the_stereo_image_stays(ratio: float) -> None:
    samples = music(6.0)

    out = stretched(samples, ratio)

    assert width(out) == pytest.approx(width(samples), abs=0.01)


def width(samples: FloatBlock) -> float:
    """Share of the sides in the power."""
    middle, sides = samples.sum(axis=1), samples[:, 0] - samples[:, 1]
    return float((sides**2).mean() / ((middle**2).mean() + (sides**2).mean()))


@pytest.mark.parametrize("ratio", [1 / 4, 1 / 1.9, 1 / 1.1, 1.0001, 1.25, 3.0])
def test_a_tone_keeps_its_pitch_its_level_and_its_shape(ratio: float) -> None:
    samples = tone(441.7, 4.0)

    out = stretched(samples, ratio)[:, 0].astype(np.float64)

    # Then it is one sine of the same frequency: a line fitted to the phase that it gains is flat
    time = np.arange(len(out)) / RATE
    turning = np.exp(-2j * np.pi * 441.7 * time) * out
    size = RATE // 50
    phases = np.unwrap(np.angle(turning[: len(turning) // size * size].reshape(-1, size).sum(axis=1)))[4:-4]
    slope = np.polyfit(np.arange(len(phases)) * size / RATE, phases, 1)[0] / (2 * np.pi)
    assert abs(1200 * np.log2(1 + slope / 441.7)) < 0.1
    edge = round(0.3 * RATE * max(1, ratio))
    inner = out[edge:-edge]
    assert 20 * np.log10(np.abs(inner).max() / np.abs(samples).max()) == pytest.approx(0.0, abs=0.1)
    # and nothing beside it: every seam of windows would show
    window = np.hanning(len(inner))
    spectrum = np.abs(np.fft.rfft(inner * window)) ** 2
    peak = int(spectrum.argmax())
    assert 10 * np.log10((spectrum.sum() - spectrum[peak - 40 : peak + 41].sum()) / spectrum.sum()) < -80


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.25, 2.0])
def test_a_vibrato_keeps_its_centre_its_level_and_its_moments(ratio: float) -> None:
    # Given half a semitone up and down, 5.5 times a second
    time = np.arange(4 * RATE) / RATE
    cents = 50 * np.sin(2 * np.pi * 5.5 * time)
    phase = 2 * np.pi * np.cumsum(440 * np.power(2.0, cents / 1200)) / RATE
    samples = (0.3 * np.sin(phase))[:, np.newaxis].astype(np.float32)

    out = stretched(samples, ratio)[:, 0].astype(np.float64)

    # Then its frequency, from moment to moment, is that of the source at the same moment
    half = np.fft.rfft(out)
    analytic = np.fft.ifft(np.concatenate([2 * half, np.zeros(len(out) - len(half))]))
    size = RATE // 100
    moments = slice(round(0.5 * RATE), len(out) - round(0.5 * RATE), size)
    pitch = np.convolve(np.diff(np.unwrap(np.angle(analytic))), np.full(size, 1 / size), "same") * RATE / (2 * np.pi)
    made = 1200 * np.log2(pitch[moments] / 440)
    wanted = np.interp(np.arange(len(out))[moments] / ratio, np.arange(len(cents)), cents)[: len(made)]
    assert float(made.mean() - wanted.mean()) == pytest.approx(0.0, abs=2.0)
    assert float(np.sqrt(((made - wanted) ** 2).mean())) < 12
    # and it neither swells nor vanishes where it turns
    assert np.abs(analytic)[moments].min() > 0.3 * 0.6


@pytest.mark.parametrize(("to", "semitones"), [(44_100, 7.35), (48_000, -12.0), (22_050, 2.0)])
def test_pitch_and_rate_are_one_exact_resampling(to: int, semitones: float) -> None:
    wanted = 441.7 * 2 ** (semitones / 12)

    out = changed(tone(441.7, 3.0), Change(semitones=semitones), to=to)[:, 0].astype(np.float64)

    assert len(out) == 3 * to
    time = np.arange(len(out)) / to
    turning = np.exp(-2j * np.pi * wanted * time) * out
    size = to // 25
    phases = np.unwrap(np.angle(turning[: len(turning) // size * size].reshape(-1, size).sum(axis=1)))[8:-8]
    slope = np.polyfit(np.arange(len(phases)) * size / to, phases, 1)[0] / (2 * np.pi)
    assert abs(1200 * np.log2(1 + slope / wanted)) < 0.1


@pytest.mark.parametrize(("factor", "off_ms"), [(0.5, 1), (0.8, 0.5), (1.1, 0.5), (1.5, 0.5), (2.0, 1)])
def test_clicks_lie_within_milliseconds_of_where_the_tempo_puts_them(factor: float, off_ms: float) -> None:
    times = np.arange(0.5, 5.5, 0.45)
    given = clicks(list(times), 6.0)
    click = (given[round(0.5 * RATE) : round(0.51 * RATE), 0]) ** 2

    out = stretched(given, 1 / factor)[:, 0].astype(np.float64) ** 2

    for time in times / factor:
        at, reach = round(time * RATE), round(0.05 * RATE)
        likeness = np.correlate(smooth(out[at - reach : at + reach]), smooth(click), "valid")
        assert abs(int(likeness.argmax()) - reach) / RATE < off_ms / 1000


def smooth(power: Samples) -> Samples:
    """Over a millisecond."""
    return np.convolve(power, np.hanning(44), "same")


def test_a_hit_sounds_as_long_as_before_in_another_tempo() -> None:
    # Given hits that fade for a tenth of a second
    out = clicks([], 6.0)
    fading = np.random.default_rng(1).standard_normal(6000) * np.exp(-np.arange(6000) / 1500) * 0.3
    for at in range(20_000, 240_000, 30_000):
        out[at : at + 6000] += fading[:, np.newaxis]

    for ratio in (0.7, 1.4):
        made = stretched(out, ratio)

        # When they are played faster or slower, they are 10 dB down after the same time
        for at in range(20_000, 240_000, 30_000):
            there = round(at * ratio)
            given, found = (np.cumsum(x[s : s + 6000, 0] ** 2) for x, s in ((out, at), (made, there)))
            gone = [int(np.searchsorted(sums, 0.9 * sums[-1])) for sums in (given, found)]
            assert gone[1] == pytest.approx(gone[0], rel=0.12)


@pytest.mark.parametrize("ratio", [0.25, 0.9, 1.25, 4.0])
def test_noise_keeps_its_level_throughout(ratio: float) -> None:
    samples = noise(6.0)

    out = stretched(samples, ratio)

    levels = moments_db(out)[4:-4] - float(moments_db(samples).mean())
    assert float(levels.mean()) == pytest.approx(0.0, abs=1.0)
    assert float(np.ptp(levels)) < 4.5


def moments_db(samples: Samples | FloatBlock) -> Samples:
    """Level of every 50 ms."""
    size = RATE // 20
    count = len(samples) // size
    power: Samples = (samples[: count * size].astype(np.float64) ** 2).reshape(count, size, -1).mean(axis=(1, 2))
    return 10 * np.log10(power)


@pytest.mark.parametrize("ratio", [1 / 1.1, 1.25])
def test_windows_join_without_a_seam(ratio: float) -> None:
    # Given a chord, on which a jump or a hole of a hundredth would stand out
    time = np.arange(8 * RATE) / RATE
    chord = sum(0.1 * np.sin(2 * np.pi * f * time + i) for i, f in enumerate((110, 220, 277.2, 329.6, 1318.5)))
    samples = np.stack([chord, 0.7 * chord], axis=1).astype(np.float32)

    out = stretched(samples, ratio, 10_000)

    # Then it has no sharper edge anywhere, and no louder or softer moment, than the chord itself
    inner = slice(RATE // 4, -RATE // 4)
    assert np.abs(np.diff(out, 2, axis=0))[inner].max() < 1.05 * np.abs(np.diff(samples, 2, axis=0)).max()
    levels = moments_db(out[inner])
    assert float(levels.mean()) == pytest.approx(float(moments_db(samples).mean()), abs=0.1)
    assert float(np.ptp(levels)) < float(np.ptp(moments_db(samples[inner]))) + 0.3


def test_memory_does_not_grow_with_the_length() -> None:
    taken = given_out = 0

    def song() -> Iterator[FloatBlock]:
        nonlocal taken
        block = noise(1.0).astype(np.float32)
        for _ in range(30):
            taken += len(block)
            yield block

    for block in stretch(song(), time_ratio=0.8, sample_rate_hz=RATE, channels=2):
        given_out += len(block)
        assert taken - given_out / 0.8 < 3.5 * RATE


class TestAttacks:
    def test_they_are_found_where_they_begin(self) -> None:
        times = [0.5, 1.0, 1.3, 2.2]
        samples = (clicks(times, 3.0) + 0.05 * tone(300, 3.0) + noise(3.0, gain=1e-4)).astype(np.float32)
        finder = AttackFinder(RATE, 2)

        found = [at for block in blocks(samples, 5000) for at in finder.feed(block)]

        # One may be at the very beginning, where the tone sets in.
        assert [round(at / RATE, 2) for at in found if at > RATE // 10] == pytest.approx(times, abs=0.011)
        assert finder.known > 2.8 * RATE

    def test_time_is_held_around_an_attack_and_never_far_from_the_plain_stretch(self) -> None:
        for ratio in (0.25, 0.5, 0.9, 1.1, 2.0, 4.0):
            attacks = [10_000, 14_000, 16_000, 60_000, 61_500, 100_000]
            plan = TimeMap(ratio, RATE)
            plan.feed(attacks, 200_000)
            times = np.arange(0, 190_000 * ratio, 10.0)

            frames, ratios = plan.read(times)

            assert (np.diff(frames) >= 0).all()
            assert np.abs(frames - times / ratio).max() <= 0.02 * RATE + 1
            assert ratios.min() >= min(1.0, ratio) - 1e-6
            assert ratios.max() <= max(1.0, ratio) + 1e-6
            for at in attacks:
                held = (times >= at * ratio) & (times < at * ratio + 200)
                assert frames[held] == pytest.approx(at + times[held] - at * ratio, abs=1)
            if 0.65 < ratio < 1.7:
                nearly = (times > 60_000 * ratio - 1500) & (times < 60_000 * ratio)
                assert frames[nearly] == pytest.approx(60_000 + times[nearly] - 60_000 * ratio, abs=1)
                assert ratios[held] == pytest.approx(1.0, abs=1e-5)


HASH = """
import hashlib, sys
import numpy as np
from tonearm_audio.plan import Change
from tonearm_audio.change import process_change
song = np.random.default_rng(1).standard_normal((60_000, 2)).astype(np.float32) * 0.1
song[20_000:20_500] *= 8
for change in (Change(1.1), Change(0.7, 4.0, True)):
    made = process_change(iter([song]), change=change, sample_rate_hz=44_100, channels=2, output_rate_hz=44_100)
    print(hashlib.sha256(np.concatenate(list(made)).tobytes()).hexdigest())
"""


def test_the_bits_do_not_depend_on_what_the_processor_can_do() -> None:
    plain = run_python(HASH)

    assert plain == run_python(HASH, env={"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F"})
