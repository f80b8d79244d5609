"""Spatial: one path for one seed, as loud as the source, below its ceiling, whole in mono, no wrap-around."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.audio.signals import RATE, Samples, blocks, noise, run_python, tone, write
from tonearm_audio import AudioError, Operation, OutputFormat, Pitch, Spatial, Tempo, certify, render
from tonearm_audio.decode import FloatBlock
from tonearm_audio.loudness import LoudnessMeter, MeasuredLoudness
from tonearm_audio.output_format import Codec
from tonearm_audio.paths import Orbit
from tonearm_audio.plan import plan
from tonearm_audio.spatial import spatial
from tonearm_cli.demo_song import DemoSong

WAV, FLAC, MP3 = OutputFormat("wav"), OutputFormat("flac"), OutputFormat("mp3")

spatials = st.builds(
    Spatial,
    seed=st.integers(0, 2**32 - 1),
    speed_hz=st.floats(0.02, 1.0),
    depth=st.floats(0, 1),
    room=st.one_of(st.just(0.0), st.floats(0, 1)),
    mix=st.one_of(st.just(1.0), st.floats(0, 1)),
    path=st.sampled_from(["orbit", "figure", "random"]),
    listening=st.sampled_from(["anywhere", "headphones"]),
)


def moved(
    samples: Samples, operation: Spatial, *, rate: int = RATE, cuts: tuple[int, ...] = (65_536,), ceiling: float = -1.0
) -> FloatBlock:
    stream = blocks(samples, *cuts)
    made = spatial(stream, operation=operation, sample_rate_hz=rate, channels=samples.shape[1], ceiling_dbtp=ceiling)
    return np.concatenate([np.zeros((0, 2), np.float32), *made])


def loudness(samples: Samples | FloatBlock, rate: int = RATE) -> MeasuredLoudness:
    meter = LoudnessMeter(rate, samples.shape[1])
    for block in blocks(samples):
        meter.feed(block)
    return meter.result()


def lufs(samples: Samples | FloatBlock, rate: int = RATE) -> float:
    found = loudness(samples, rate).integrated_lufs
    assert found is not None
    return found


def sum_of(samples: Samples | FloatBlock) -> Samples:
    """Both channels on one loudspeaker, at equal power; a mono recording is its own sum."""
    whole: Samples = samples.astype(np.float64)
    return whole if whole.shape[1] == 1 else whole.sum(axis=1, keepdims=True) / math.sqrt(2)


@pytest.fixture(scope="module")
def music(song: DemoSong) -> Samples:
    """Given 12 s of a stereo song."""
    samples: Samples = soundfile.read(str(song.path))[0][: 12 * RATE]
    return samples


class TestAnyParameters:
    @given(
        operation=spatials,
        rate=st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000]),
        channels=st.sampled_from([1, 2]),
        frames=st.integers(0, 70_000),
        cuts=st.lists(st.integers(1, 30_000), min_size=1, max_size=4),
        gain=st.sampled_from([0.0, 1e-4, 0.1, 0.9, 30.0]),
    )
    @settings(max_examples=60)
    def test_the_result_is_finite_as_long_below_its_ceiling_and_the_same_however_it_is_cut(
        self, operation: Spatial, rate: int, channels: int, frames: int, cuts: list[int], gain: float
    ) -> None:
        samples = noise(1.0, rate=frames, channels=channels, gain=gain) if frames else np.zeros((0, channels))

        out = moved(samples, operation, rate=rate)

        assert out.shape == (frames, 2)
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert frames == 0 or (loudness(out, rate).true_peak_dbtp or -math.inf) <= -1.0
        cut = moved(samples, operation, rate=rate, cuts=tuple(size + 200 for size in cuts))
        assert np.array_equal(cut, out)
        if gain == 0.0:
            assert not out.any()

    @pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
    def test_the_room_is_a_quarter_of_the_sound_in_it_on_both_sides_and_then_over(self, rate: int) -> None:
        # Given a click
        samples = np.zeros((2 * rate, 2))
        samples[10] = 0.25
        # When it stands still in the deepest room
        out = moved(samples, Spatial(seed=1, depth=0.0, room=1.0, mix=1.0), rate=rate).astype(np.float64)
        # Then the room, which has the energy of the click, is heard at a quarter of it, unlike at the sides
        middle, sides = (out[:, 0] + out[:, 1]) / 2, (out[:, 0] - out[:, 1]) / 2
        for line in (middle, sides):
            assert np.linalg.norm(line[11 : round(0.3 * rate)]) / middle[10] == pytest.approx(0.25, abs=1e-5)
        assert not np.allclose(middle[11:], sides[11:])
        assert np.abs(out[round(0.3 * rate) :]).max() < 1e-6 * middle[10]

    def test_a_song_that_begins_and_ends_at_full_level_stays_below_its_ceiling(self) -> None:
        # Given a few frames whose highest point lies before the first of them
        samples = noise(1.0, rate=104, channels=1, gain=0.9)
        out = moved(samples, Spatial(seed=0, speed_hz=1.0, depth=0.0, room=0.0, mix=1.0), rate=8000)
        assert (loudness(out, 8000).true_peak_dbtp or 0.0) <= -1.0

    def test_a_quarter_of_an_hour_of_silence_within_a_song_is_silence(self) -> None:
        samples = np.zeros((8000 * 15 * 60, 1))
        samples[:8000] = noise(1.0, rate=8000, channels=1, gain=0.5)
        out = moved(samples, Spatial(), rate=8000)
        assert out.shape == (len(samples), 2)
        assert np.isfinite(out).all()
        assert not out[8000 * 60 :].any()

    @example(operation=Spatial(seed=0, speed_hz=0.75, depth=0.5, room=1.0, mix=1.0), factor=1.7, channels=1)
    @given(operation=spatials, factor=st.sampled_from([0.5, 1.0, 1.7]), channels=st.sampled_from([1, 2]))
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_render_keeps_all_its_promises(
        self, tmp_path: Path, music: Samples, operation: Spatial, factor: float, channels: int
    ) -> None:
        source = write(tmp_path / "a.wav", music[: 6 * RATE, :channels])
        operations: list[Operation] = [operation, *([Tempo(factor), Pitch(1)] if factor != 1.0 else [])]
        result = render(source, tmp_path / "b.mp3", operations=operations, output=MP3)

        certificate = certify(source, tmp_path / "b.mp3", operations=operations, output=MP3)

        assert (result.channels, result.frames) == (2, round(6 * RATE / factor))
        assert certificate.kept, certificate.broken


CORNERS = [
    Spatial(seed, speed_hz, depth, room, mix)
    for seed, speed_hz in ((1, 0.02), (2, 0.02), (3, 0.1), (4, 1.0))
    for depth, room, mix in ((1.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.5, 1.0, 0.5), (0.0, 1.0, 1.0), (1.0, 0.2, 0.0))
]
CORNERS += [
    Spatial(seed=5, speed_hz=0.2, room=0.2, path=path, listening=listening)
    for listening in ("anywhere", "headphones")
    for path in ("orbit", "figure", "random")
]


def one_sided(samples: Samples) -> Samples:
    return samples * [1.0, 0.0]


def cancelling(samples: Samples) -> Samples:
    return samples[:, :1] * [1.0, -1.0]


def as_mono(samples: Samples) -> Samples:
    return samples.mean(axis=1, keepdims=True)


class TestAtTheCorners:
    @pytest.mark.parametrize("operation", CORNERS, ids=str)
    @pytest.mark.parametrize("shape", [None, as_mono, one_sided], ids=["stereo", "mono", "one-sided"])
    def test_loudness_is_kept_and_little_is_lost_in_mono(
        self, music: Samples, operation: Spatial, shape: Callable[[Samples], Samples] | None
    ) -> None:
        source = music if shape is None else shape(music)

        out = moved(source, operation)

        assert lufs(out) == pytest.approx(lufs(source), abs=0.5)
        assert lufs(sum_of(source)) - lufs(sum_of(out)) <= 3.0
        assert (loudness(out).true_peak_dbtp or 0.0) <= -1.0

    @pytest.mark.parametrize("frequency_hz", [60, 412, 606, 891, 1310, 2832, 9000])
    @pytest.mark.parametrize("operation", [CORNERS[1], CORNERS[6], CORNERS[16]], ids=str)
    def test_a_steady_tone_neither_cancels_nor_swells(self, frequency_hz: float, operation: Spatial) -> None:
        # Given what a room can turn against itself as nothing else
        source = tone(frequency_hz, 5.0)

        out = moved(source, operation)

        assert lufs(out) == pytest.approx(lufs(source), abs=0.5)
        assert lufs(sum_of(source)) - lufs(sum_of(out)) <= 3.0

    def test_channels_that_cancel_are_kept_as_loud(self, music: Samples) -> None:
        assert lufs(moved(cancelling(music), Spatial())) == pytest.approx(lufs(cancelling(music)), abs=0.5)

    def test_a_sound_out_of_silence_comes_at_its_loudness(self) -> None:
        source = np.concatenate([np.zeros((3 * RATE, 2)), noise(0.3), np.zeros((2 * RATE, 2))])
        assert lufs(moved(source, Spatial(seed=1, room=1.0))) == pytest.approx(lufs(source), abs=0.5)

    def test_a_clip_of_a_tenth_of_a_second_is_kept_as_loud(self) -> None:
        source = noise(0.1)
        assert lufs(moved(source, Spatial(room=0.0))) == pytest.approx(lufs(source), abs=0.5)

    @pytest.mark.parametrize("target_lufs", [-9.0, -7.0, -6.0])
    def test_a_loud_song_is_kept_as_loud_below_the_ceiling(self, music: Samples, target_lufs: float) -> None:
        # Given a song driven into its ceiling until it has hardly any peaks left
        loud = np.clip(music * 10 ** ((target_lufs + 2 - lufs(music)) / 20), -0.98, 0.98)
        loud *= min(1.0, 10 ** ((target_lufs - lufs(loud)) / 20))

        out = moved(loud, Spatial())

        assert lufs(out) == pytest.approx(lufs(loud), abs=0.5)
        assert (loudness(out).true_peak_dbtp or 0.0) <= -1.0


class TestThePath:
    def test_a_seed_is_one_path_for_ever(self) -> None:
        # Renders are looked up by their recipe: a seed that came to mean another path would give two songs one name.
        found = Orbit(7, 0.2).azimuth(np.array([0.0, 1.0, 10.0, 100.0]))
        assert found == pytest.approx([3.927590651355, 5.313174032789, 3.596784742652, 1.301435546618], abs=1e-9)

    def test_seeds_differ_in_start_direction_and_speed(self) -> None:
        times = np.linspace(0, 60, 601)
        paths = [Orbit(seed, 0.1).azimuth(times) for seed in range(20)]

        assert len({round(float(path[0]), 3) for path in paths}) == 20
        turns = [float(np.unwrap(path)[-1] - path[0]) / (2 * math.pi) for path in paths]
        assert {turn > 0 for turn in turns} == {True, False}
        assert all(4.5 <= abs(turn) <= 7.5 for turn in turns)

    @given(seed=st.integers(0, 2**32 - 1), speed_hz=st.floats(0.02, 1.0))
    @settings(max_examples=30)
    def test_it_is_smooth_and_the_same_in_pieces_as_in_one(self, seed: int, speed_hz: float) -> None:
        times = np.arange(0, 30, 0.01)
        whole, pieces = Orbit(seed, speed_hz), Orbit(seed, speed_hz)

        path = whole.azimuth(times)

        joined = np.concatenate([pieces.azimuth(part) for part in np.split(times, [7, 100, 101, 1999])])
        assert np.array_equal(joined, path)
        speeds = np.diff(np.unwrap(path)) / (2 * math.pi * 0.01)
        assert (np.abs(speeds) > 0.74 * speed_hz).all()
        assert (np.abs(speeds) < 1.26 * speed_hz).all()
        assert np.abs(np.diff(speeds)).max() < 0.1 * speed_hz**2 + 1e-9

    def test_the_sound_is_louder_where_the_path_is(self) -> None:
        source = noise(20.0, channels=1)

        out = moved(source, Spatial(seed=5, speed_hz=0.1, room=0.0)).astype(np.float64)

        steps = out[: 20 * RATE].reshape(400, RATE // 20, 2)
        left, right = (steps**2).mean(axis=1).T
        towards = np.sin(Orbit(5, 0.1).azimuth((np.arange(400) + 0.5) / 20))
        balance_db = 10 * np.log10(left / right)
        assert float(np.corrcoef(balance_db, towards)[0, 1]) > 0.95
        assert 12 < balance_db.max() < 25
        assert -25 < balance_db.min() < -12

    def test_the_far_ear_hears_the_lows_later(self) -> None:
        # Given lows alone, at a moment when the source is at the far left
        times = np.arange(0, 20, 1 / RATE)
        path = np.sin(Orbit(5, 0.1).azimuth(times))
        source = tone(200, 20.0, channels=1)

        out = moved(source, Spatial(seed=5, speed_hz=0.1, room=0.0))

        for side in (1.0, -1.0):
            at = int((side * path[RATE:-RATE]).argmax()) + RATE
            around = slice(at - RATE // 4, at + RATE // 4)
            turn = np.exp(-2j * np.pi * 200 * times[around])
            left, right = (complex(out[around, channel] @ turn) for channel in (0, 1))
            delay_s = float(np.angle(left * np.conj(right))) / (2 * np.pi * 200)
            assert side * delay_s == pytest.approx(2.6e-4, rel=0.1)


class TestSides:
    def test_nothing_moves_where_nothing_is_asked_to(self, music: Samples) -> None:
        for still in (Spatial(depth=0.0, room=0.0), Spatial(mix=0.0)):
            assert np.abs(moved(music, still) - music).max() < 2e-3

    def test_swapping_the_channels_swaps_what_the_sides_add_and_nothing_else(self, music: Samples) -> None:
        # Given a song whose sides are so soft that they do not move the gains
        middle, sides = as_mono(music) * [1.0, 1.0], 1e-3 * (music[:, :1] - music[:, 1:]) * [1.0, -1.0]
        operation = Spatial(seed=3)

        straight, swapped = moved(middle + sides, operation), moved(middle - sides, operation)

        alone = moved(middle, operation)
        assert np.abs((straight + swapped) / 2 - alone).max() < 2e-3
        difference = (straight - swapped) / 2
        assert np.abs(difference.sum(axis=1)).max() < 1e-3 * np.abs(alone).max()
        assert np.abs(difference).max() > 0.1 * np.abs(sides).max()


class TestRenders:
    def test_the_order_beside_tempo_and_pitch_does_not_count(self, song: DemoSong, tmp_path: Path) -> None:
        one: list[Operation] = [Spatial(seed=2), Tempo(1.2), Pitch(1)]
        made = [render(song.path, tmp_path / "a.wav", operations=order, output=WAV) for order in (one, one[::-1])]
        assert made[0] == made[1]

    @pytest.mark.parametrize("seed", [0, 1])
    def test_a_seed_is_one_render(self, song: DemoSong, tmp_path: Path, seed: int) -> None:
        made = {
            render(song.path, tmp_path / "a.wav", operations=[Spatial(seed=number)], output=WAV).pcm_sha256
            for number in (seed, seed, 2)
        }
        assert len(made) == 2

    def test_silence_stays_silence(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a.wav", np.zeros((2 * RATE, 1)))
        render(source, tmp_path / "b.wav", operations=[Spatial(room=1.0)], output=WAV)
        assert not soundfile.read(str(tmp_path / "b.wav"))[0].any()

    @pytest.mark.parametrize("codec", ["wav", "flac", "mp3"])
    def test_the_loudest_file_does_not_wrap_around(self, tmp_path: Path, codec: Codec) -> None:
        # Given lows far beyond full scale: an integer that wraps around would jump from one end to the other
        source = write(tmp_path / "a.wav", 30 * tone(60, 3.0, level_db=0), subtype="FLOAT")

        render(source, tmp_path / f"b.{codec}", operations=[Spatial(room=1.0)], output=OutputFormat(codec))

        out = soundfile.read(str(tmp_path / f"b.{codec}"))[0]
        assert np.abs(out).max() <= 10 ** (-1.0 / 20)
        assert np.abs(np.diff(out, axis=0)).max() < 0.2

    @pytest.mark.parametrize("kbps", [128, 192, 320])
    def test_what_an_encoder_turns_down_is_given_back(self, song: DemoSong, tmp_path: Path, kbps: int) -> None:
        output = OutputFormat("mp3", bitrate_kbps=kbps)
        render(song.path, tmp_path / "b.mp3", operations=[Spatial()], output=output)
        out = soundfile.read(str(tmp_path / "b.mp3"))[0]
        assert lufs(out) == pytest.approx(lufs(soundfile.read(str(song.path))[0]), abs=0.15)

    def test_an_encoder_that_overshoots_is_given_less(self, song: DemoSong, tmp_path: Path) -> None:
        # Given a song clipped for good, of which MP3 at 128 kbit/s overshoots by more than is left for it at first
        hot = write(tmp_path / "hot.wav", np.clip(8 * soundfile.read(str(song.path))[0][: 8 * RATE], -1, 1))
        seen: list[float] = []

        render(
            hot,
            tmp_path / "b.mp3",
            operations=[Spatial()],
            output=OutputFormat("mp3", bitrate_kbps=128),
            on_progress=seen.append,
        )

        found = loudness(soundfile.read(str(tmp_path / "b.mp3"))[0])
        assert found.true_peak_dbtp is not None
        assert found.true_peak_dbtp <= -1.0
        assert seen == sorted(seen)


RENDER = """
import sys
from pathlib import Path
from tonearm_audio import OutputFormat, Spatial, render
source, destination = map(Path, sys.argv[1:])
result = render(source, destination, operations=[Spatial(seed=3, room=1.0)], output=OutputFormat("flac"))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(result.pcm_sha256, int(status["VmHWM"].split()[0]) / 1024)
"""


def test_a_render_is_the_same_in_every_process_at_any_number_of_threads(song: DemoSong, tmp_path: Path) -> None:
    hashes = set()
    for threads, features in (("1", ""), ("4", ""), ("2", "AVX512F AVX512CD AVX512_SKX AVX2 FMA3")):
        more = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "NPY_DISABLE_CPU_FEATURES": features}
        printed = run_python(RENDER, str(song.path), str(tmp_path / "a.flac"), env={**os.environ, **more})
        hashes.add(printed.split()[0])
    assert len(hashes) == 1


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    minute = noise(60.0, rate=22_050)
    peaks = []
    for minutes in (2, 6):
        source = write(tmp_path / f"{minutes}.wav", np.tile(minute, (minutes, 1)), rate=22_050)
        peaks.append(float(run_python(RENDER, str(source), str(tmp_path / "a.flac")).split()[1]))
    assert peaks[1] < 100
    assert peaks[1] - peaks[0] < 8


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("seed", -1),
            ("seed", 2**32),
            ("speed_hz", 0.01),
            ("speed_hz", 1.1),
            ("speed_hz", math.nan),
            ("depth", 1.1),
            ("room", -0.1),
            ("mix", math.inf),
        ],
    )
    def test_a_value_out_of_range_is_named(self, setting: str, value: float) -> None:
        with pytest.raises(AudioError, match=setting) as caught:
            Spatial(**{setting: value})  # type: ignore[arg-type]  # what is refused
        assert caught.value.code == "recipe.invalid"

    def test_a_sound_in_two_places_is_refused(self) -> None:
        with pytest.raises(AudioError, match="2 spatial operations"):
            plan([Spatial(), Tempo(1.1), Spatial(seed=1)])
