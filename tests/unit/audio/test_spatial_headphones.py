"""Headphones: each ear hears what a head lets it hear, without clicks, and the certificate sees it move."""

import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, Samples, noise, tone
from tonearm_audio import Spatial
from tonearm_audio.circling import Image, ImageMeter, share_of_motion
from tonearm_audio.decode import FloatBlock
from tonearm_audio.headphones import ears, interpolator
from tonearm_audio.loudness import LoudnessMeter
from tonearm_audio.operations import Listening, SpatialPath
from tonearm_audio.paths import Position, path
from tonearm_audio.spatial import spatial
from tonearm_cli.demo_song import DemoSong

DRY = Spatial(seed=5, speed_hz=0.1, room=0.0, listening="headphones")


def moved(samples: Samples, operation: Spatial) -> FloatBlock:
    source = samples.astype(np.float32)
    made = spatial(
        iter([source]),
        operation=operation,
        sample_rate_hz=RATE,
        channels=samples.shape[1],
        ceiling_dbtp=-1.0,
    )
    return np.concatenate(list(made))


def image(samples: Samples | FloatBlock) -> Image:
    meter = ImageMeter(RATE, samples.shape[1])
    meter.feed(samples.astype(np.float32))
    return meter.result()


def lufs(samples: Samples | FloatBlock) -> float:
    meter = LoudnessMeter(RATE, samples.shape[1])
    meter.feed(samples.astype(np.float32))
    found = meter.result().integrated_lufs
    assert found is not None
    return found


def at(azimuth: float) -> Position:
    return Position(np.array([math.sin(azimuth)]), np.array([math.cos(azimuth)]))


@pytest.fixture(scope="module")
def music(song: DemoSong) -> Samples:
    """Given 12 s of a stereo song."""
    samples: Samples = soundfile.read(str(song.path))[0][: 12 * RATE]
    return samples


class TestTheHead:
    def test_a_sound_at_the_left_is_heard_there_first_and_by_as_much_as_woodworth_found(self) -> None:
        ((left, right),) = ears(Spatial(), at(math.pi / 2), channels=1)
        assert float(right.delay_s[0] - left.delay_s[0]) == pytest.approx(0.0875 / 343 * (1 + math.pi / 2), rel=1e-6)
        near, far = (20 * math.log10(float(ear.highs[0] / ear.lows[0])) for ear in (left, right))
        assert (near, far) == pytest.approx((6.5, -10.5), abs=0.6)

    def test_a_sound_from_before_is_as_it_was(self) -> None:
        ((left, right),) = ears(Spatial(), at(0.0), channels=1)
        for ear in (left, right):
            assert float(ear.delay_s[0]) == pytest.approx(0.0, abs=1e-12)
            assert (float(ear.lows[0]), float(ear.highs[0])) == pytest.approx((1.0, 1.0))

    def test_behind_it_is_duller(self) -> None:
        ((left, _),) = ears(Spatial(), at(math.pi), channels=1)
        assert 20 * math.log10(float(left.highs[0] / left.lows[0])) == pytest.approx(-4.4, abs=0.2)

    @pytest.mark.parametrize("azimuth", [0.3, 1.2, 2.5, -0.7])
    def test_the_mirror_image_is_heard_by_the_other_ear(self, azimuth: float) -> None:
        here, there = (ears(Spatial(), at(turn), channels=2) for turn in (azimuth, -azimuth))
        for channel in (0, 1):
            assert here[channel][0].delay_s == pytest.approx(there[1 - channel][1].delay_s)
            assert here[channel][1].highs == pytest.approx(there[1 - channel][0].highs)

    def test_without_depth_nothing_moves(self) -> None:
        still = ears(Spatial(depth=0.0), at(2.0), channels=2)
        assert still[0][0].delay_s == pytest.approx(ears(Spatial(), at(0.0), channels=2)[0][0].delay_s)

    def test_the_interpolator_delays_and_does_nothing_else(self) -> None:
        # Given tones up to 16 kHz, whose delayed selves are known
        for frequency in (100.0, 5000.0, 12_000.0, 16_000.0):
            turn = 2 * math.pi * frequency / RATE
            for phase in (0, 13, 32, 64):
                heard = np.sum(interpolator()[phase] * np.exp(-1j * turn * (8 - np.arange(16))))
                assert abs(heard - np.exp(-1j * turn * phase / 64)) < 0.02


class TestWhatIsHeard:
    @pytest.mark.parametrize("frequency_hz", [300, 1000, 9000])
    def test_a_moving_tone_has_no_clicks_and_no_zipper(self, frequency_hz: float) -> None:
        # Given a steady tone, fast around the head: all that may be heard lies near it
        out = moved(tone(frequency_hz, 6.0, channels=1), replace(DRY, speed_hz=0.5))[RATE:-RATE]

        for channel in out.T.astype(np.float64):
            power = np.abs(np.fft.rfft(channel * np.blackman(len(channel)))) ** 2
            away = np.abs(np.fft.rfftfreq(len(channel), 1 / RATE) - frequency_hz) > 100
            assert 10 * math.log10(float(power[away].sum() / power.sum())) < -62

    def test_the_ears_hear_lows_alike_and_highs_apart(self) -> None:
        times = np.arange(20 * 20) / 20
        towards = np.sin(path(DRY).position(times + 0.025).left * math.pi / 2)
        apart = []
        for frequency in (150.0, 6000.0):
            out = moved(tone(frequency, 20.0, channels=1), DRY).astype(np.float64)
            left, right = (out.reshape(400, RATE // 20, 2) ** 2).mean(axis=1).T
            balance_db = 10 * np.log10(left / right)
            apart.append(float(balance_db.max() - balance_db.min()))
            if frequency > 1000:
                assert float(np.corrcoef(balance_db[5:-5], towards[5:-5])[0, 1]) > 0.95
        assert apart[0] < 1.0
        assert 25 < apart[1] < 45

    def test_a_still_source_before_the_listener_keeps_its_colour(self) -> None:
        source = noise(3.0, channels=1)
        out = moved(source, replace(DRY, depth=0.0)).astype(np.float64)
        assert out[:, 0] == pytest.approx(out[:, 1], abs=1e-6)
        heard, given = (np.abs(np.fft.rfft(signal[RATE:-RATE])) ** 2 for signal in (out[:, 0], source[:, 0]))
        # Two ears share what one channel had.
        for low, high in ((100, 1000), (1000, 4000), (4000, 15_000)):
            band = slice(low, high)
            assert 10 * math.log10(2 * heard[band].sum() / given[band].sum()) == pytest.approx(0.0, abs=0.3)

    @pytest.mark.parametrize("frequency_hz", [60, 606, 1310, 2000, 9000])
    @pytest.mark.parametrize("speed_hz", [0.05, 0.5])
    def test_a_steady_tone_is_kept_as_loud_as_two_sources_at_two_ears_let_it(
        self, frequency_hz: float, speed_hz: float
    ) -> None:
        # Given what rises and falls at an ear by as much as nothing else
        source = tone(frequency_hz, 5.0)

        out = moved(source, replace(DRY, speed_hz=speed_hz, room=0.5))

        assert lufs(out) == pytest.approx(lufs(source), abs=2.0)
        assert lufs(source[:, :1] * math.sqrt(2)) - lufs(out.sum(axis=1, keepdims=True) / math.sqrt(2)) <= 4.5


class TestWhatTheCertificateSees:
    @pytest.mark.parametrize("listening", ["anywhere", "headphones"])
    @pytest.mark.parametrize("kind", ["orbit", "figure", "random"])
    def test_the_share_of_a_right_render_is_near_one_and_of_a_wrong_one_is_not(
        self, music: Samples, kind: SpatialPath, listening: Listening
    ) -> None:
        operation = replace(Spatial(seed=2, speed_hz=0.2, path=kind), listening=listening)
        made = moved(music, operation)

        def share(render: Samples | FloatBlock) -> float:
            found = share_of_motion(image(music), image(render), operation, tempo_factor=1.0)
            assert found is not None
            return found

        assert share(made) == pytest.approx(0.95, abs=0.15)
        assert share(made[:, ::-1]) == pytest.approx(-0.95, abs=0.15)
        assert share(music) == pytest.approx(0.0, abs=0.1)

    def test_a_source_without_highs_cannot_be_told_for_headphones(self) -> None:
        source = tone(200, 6.0)
        render = moved(source, DRY)
        assert share_of_motion(image(source), image(render), DRY, tempo_factor=1.0) is None
