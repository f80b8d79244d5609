"""Certify: a right render keeps every promise, a wrong one is found by name and figure."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, Samples, noise, tone, write
from tonearm_audio import (
    Certificate,
    Loudness,
    Operation,
    OutputFormat,
    Pitch,
    Promise,
    Spatial,
    Tempo,
    certify,
    render,
)
from tonearm_cli.demo_song import DemoSong

WAV, FLAC, MP3 = OutputFormat("wav"), OutputFormat("flac"), OutputFormat("mp3")
NAMES = ["channels", "sample_rate", "duration", "pitch", "level", "timing", "gaps", "clipping"]


def named(certificate: Certificate, name: str) -> Promise:
    return next(promise for promise in certificate.promises if promise.name == name)


def broken(certificate: Certificate) -> set[str]:
    return {promise.name for promise in certificate.broken}


EVERY_CHANGE: list[list[Operation]] = [
    [],
    [Tempo(1.1)],
    [Tempo(0.5)],
    [Tempo(2.0)],
    [Pitch(2)],
    [Pitch(-12)],
    [Pitch(0.25)],
    [Tempo(0.8), Pitch(-7.35)],
]
EVERY_OUTPUT = [WAV, FLAC, OutputFormat("mp3", bitrate_kbps=96)]


@pytest.mark.parametrize(
    ("operations", "output"),
    [(operations, MP3) for operations in EVERY_CHANGE]
    + [(EVERY_CHANGE[-1], output) for output in EVERY_OUTPUT]
    + [(EVERY_CHANGE[0], output) for output in EVERY_OUTPUT],
    ids=str,
)
def test_a_right_render_keeps_every_promise(
    song: DemoSong, tmp_path: Path, operations: list[Operation], output: OutputFormat
) -> None:
    path = tmp_path / f"render.{output.codec}"
    result = render(song.path, path, operations=operations, output=output)

    certificate = certify(song.path, path, operations=operations, output=output)

    assert [promise.name for promise in certificate.promises] == NAMES
    assert certificate.kept, certificate.broken
    assert all(promise.measured is not None for promise in certificate.promises)
    assert named(certificate, "duration").measured == result.frames
    pitch = named(certificate, "pitch")
    assert pitch.measured == pytest.approx(pitch.expected, abs=1.0)


@pytest.mark.parametrize("operations", [[Tempo(4.0)], [Tempo(0.25)], [Pitch(24)], [Pitch(-24)]], ids=str)
def test_the_farthest_changes_keep_every_promise_too(
    song: DemoSong, tmp_path: Path, operations: list[Operation]
) -> None:
    path = tmp_path / "render.mp3"
    render(song.path, path, operations=operations, output=MP3)

    certificate = certify(song.path, path, operations=operations, output=MP3)

    assert certificate.kept, certificate.broken


def test_a_song_mastered_into_the_ceiling_keeps_every_promise(song: DemoSong, tmp_path: Path) -> None:
    # Given a song that is clipped for good
    hot = write(tmp_path / "hot.wav", np.clip(5 * soundfile.read(str(song.path))[0], -1, 1))
    path = tmp_path / "render.mp3"
    render(hot, path, operations=[Tempo(1.1)], output=MP3)

    certificate = certify(hot, path, operations=[Tempo(1.1)], output=MP3)

    assert certificate.kept, certificate.broken
    level = named(certificate, "level")
    assert "as loud as full scale allows" in level.note


class TestWrongRenders:
    """Each a render that a broken engine could have made."""

    @pytest.fixture
    def samples(self, song: DemoSong) -> Samples:
        read: Samples = soundfile.read(str(song.path))[0]
        return read

    def judged(
        self, song: DemoSong, tmp_path: Path, wrong: Samples, operations: list[Operation], *, rate: int = RATE
    ) -> Certificate:
        path = write(tmp_path / "wrong.wav", wrong, rate=rate)
        certificate = certify(song.path, path, operations=operations, output=WAV)
        assert not certificate.kept
        return certificate

    def rendered(self, song: DemoSong, tmp_path: Path, operations: list[Operation]) -> Samples:
        render(song.path, tmp_path / "right.wav", operations=operations, output=WAV)
        read: Samples = soundfile.read(str(tmp_path / "right.wav"))[0]
        return read

    def test_not_transposed(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, samples, [Pitch(2)])

        assert "pitch" in broken(certificate)
        pitch = named(certificate, "pitch")
        assert (pitch.operation, pitch.unit, pitch.expected) == ("pitch", "cents", 200.0)
        assert pitch.measured == pytest.approx(0.0, abs=0.5)

    @pytest.mark.parametrize("asked", [-12.0, -2.0, 1.95, 2.05, 7.0, 12.0])
    def test_transposed_by_another_amount(self, song: DemoSong, tmp_path: Path, asked: float) -> None:
        wrong = self.rendered(song, tmp_path, [Pitch(2)])

        certificate = self.judged(song, tmp_path, wrong, [Pitch(asked)])

        assert "pitch" in broken(certificate)
        assert named(certificate, "pitch").measured == pytest.approx(200.0, abs=1.0)

    def test_speed_changed_with_the_pitch(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        # Given a tape that simply runs faster, at the right length
        positions = np.arange(0, len(samples) - 1, 1.1)
        wrong = np.stack([np.interp(positions, np.arange(len(samples)), side) for side in samples.T], axis=1)
        wrong = np.resize(wrong, (round(len(samples) / 1.1), 2))

        certificate = self.judged(song, tmp_path, wrong, [Tempo(1.1)])

        assert broken(certificate) == {"pitch"}
        assert named(certificate, "pitch").measured == pytest.approx(165.0, abs=3.0)

    @pytest.mark.parametrize("off", [-1, 1, 5000])
    def test_wrong_length(self, song: DemoSong, tmp_path: Path, off: int) -> None:
        right = self.rendered(song, tmp_path, [Tempo(1.1)])
        wrong = np.concatenate([right, np.zeros((5000, 2))])[: len(right) + off]

        certificate = self.judged(song, tmp_path, wrong, [Tempo(1.1)])

        assert broken(certificate) == {"duration"}
        duration = named(certificate, "duration")
        assert (duration.operation, duration.unit) == ("tempo", "frames")
        assert (duration.expected, duration.measured) == (round(20 * RATE / 1.1), round(20 * RATE / 1.1) + off)

    def test_tempo_not_changed(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        assert "duration" in broken(self.judged(song, tmp_path, samples, [Tempo(1.1)]))

    @pytest.mark.parametrize("gain_db", [-6.0, -1.5, 1.5])
    @pytest.mark.parametrize("operations", [[Tempo(1.1)], [Pitch(2)]], ids=str)
    def test_wrong_level(self, song: DemoSong, tmp_path: Path, gain_db: float, operations: list[Operation]) -> None:
        right = self.rendered(song, tmp_path, operations)
        wrong = np.clip(right * 10 ** (gain_db / 20), -0.999, 0.999)

        certificate = self.judged(song, tmp_path, wrong, operations)

        level = named(certificate, "level")
        assert "level" in broken(certificate)
        assert level.measured is not None
        assert level.expected is not None
        assert level.measured - level.expected == pytest.approx(gain_db, abs=0.4)

    def test_silence(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, 0 * samples, [])

        assert broken(certificate) == {"pitch", "level", "gaps"}

    def test_noise_instead_of_music(self, song: DemoSong, tmp_path: Path) -> None:
        certificate = self.judged(song, tmp_path, noise(20.0, gain=0.15), [])

        assert "pitch" in broken(certificate)
        assert "lacks the source's tones" in named(certificate, "pitch").note

    def test_a_hole(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        wrong = samples.copy()
        wrong[8 * RATE : 9 * RATE] = 0

        certificate = self.judged(song, tmp_path, wrong, [])

        assert broken(certificate) == {"gaps"}
        assert named(certificate, "gaps").measured == pytest.approx(1.0, abs=0.05)

    def test_sound_late_by_a_tenth_of_a_second(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, np.roll(samples, RATE // 10, axis=0), [])

        assert broken(certificate) == {"timing"}
        assert named(certificate, "timing").measured == pytest.approx(100.0, abs=5.0)

    @pytest.mark.parametrize("operations", [[], [Tempo(1.3)], [Pitch(-7)], [Loudness(-18.0)]], ids=str)
    def test_played_backwards(self, tmp_path: Path, samples: Samples, operations: list[Operation]) -> None:
        # Given a song with a soft first third
        samples[: len(samples) // 3] *= 0.25
        source = write(tmp_path / "source.wav", samples)
        render(source, tmp_path / "right.wav", operations=operations, output=WAV)
        wrong = write(tmp_path / "wrong.wav", soundfile.read(str(tmp_path / "right.wav"))[0][::-1])

        right, certificate = (
            certify(source, path, operations=operations, output=WAV) for path in (tmp_path / "right.wav", wrong)
        )

        assert right.kept, right.broken
        assert "timing" in broken(certificate)
        assert named(certificate, "timing").note == "the render runs backwards"

    def test_clipped(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, np.clip(samples * 1.8, -1, 1), [])

        assert "clipping" in broken(certificate)

    def test_mono(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, samples.mean(axis=1, keepdims=True), [])

        channels = named(certificate, "channels")
        assert (channels.expected, channels.measured, channels.kept) == (2, 1, False)

    def test_wrong_rate(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        certificate = self.judged(song, tmp_path, samples, [], rate=48_000)

        assert {"sample_rate", "pitch"} <= broken(certificate)


@pytest.mark.parametrize("operations", [[Tempo(1.1)], [Pitch(2)], []], ids=str)
def test_of_silence_nothing_is_claimed(tmp_path: Path, operations: list[Operation]) -> None:
    source = write(tmp_path / "a.wav", np.zeros((5 * RATE, 2)))
    render(source, tmp_path / "b.mp3", operations=operations, output=MP3)

    certificate = certify(source, tmp_path / "b.mp3", operations=operations, output=MP3)

    assert certificate.kept
    for name in ("pitch", "level", "timing"):
        promise = named(certificate, name)
        assert promise.measured is None
        assert promise.note.startswith("not measurable")


@pytest.mark.parametrize("operations", [[Tempo(1.1)], [Pitch(2)]], ids=str)
def test_of_noise_no_pitch_is_claimed_but_its_level_is(tmp_path: Path, operations: list[Operation]) -> None:
    source = write(tmp_path / "a.wav", noise(10.0))
    render(source, tmp_path / "b.flac", operations=operations, output=FLAC)

    certificate = certify(source, tmp_path / "b.flac", operations=operations, output=FLAC)

    assert certificate.kept
    assert named(certificate, "pitch").measured is None
    assert named(certificate, "pitch").note.startswith("not measurable")
    level = named(certificate, "level")
    assert level.measured == pytest.approx(level.expected, abs=0.3)


def test_given_a_silent_source_then_a_sounding_render_is_wrong(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", np.zeros((5 * RATE, 2)))

    certificate = certify(source, write(tmp_path / "b.wav", tone(440, 5.0)), operations=[], output=WAV)

    assert broken(certificate) == {"level"}


def test_a_certificate_is_plain_json(song: DemoSong) -> None:
    seen: list[float] = []

    certificate = certify(song.path, song.path, operations=[], output=WAV, on_progress=seen.append)

    found = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
    assert found["kept"] is True
    assert {promise["operation"] for promise in found["promises"]} == {"convert"}
    assert set(found["promises"][0]) == {
        "name", "operation", "unit", "expected", "measured", "tolerance", "kept", "note", "at_most",
    }  # fmt: skip
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def gliding(*, from_hz: float, to_hz: float, duration_s: float = 4.0) -> Samples:
    pitch_hz = np.linspace(from_hz, to_hz, round(duration_s * RATE))
    return 0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE)[:, np.newaxis] * np.ones((1, 2))


def vibrato(*, duration_s: float = 8.0) -> Samples:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    pitch_hz = 440 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * time_s))
    return 0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE)[:, np.newaxis] * np.ones((1, 2))


@pytest.mark.parametrize("moving", [gliding(from_hz=440, to_hz=280), vibrato()], ids=["glide", "vibrato"])
@pytest.mark.parametrize("operations", [[Tempo(0.5)], [Tempo(1.25), Pitch(3)], [Pitch(-5)]], ids=str)
def test_of_tones_that_move_the_pitch_is_promised_as_exactly_as_it_can_be_told(
    tmp_path: Path, moving: Samples, operations: list[Operation]
) -> None:
    source = write(tmp_path / "a.wav", moving)
    render(source, tmp_path / "b.wav", operations=operations, output=WAV)

    pitch = named(certify(source, tmp_path / "b.wav", operations=operations, output=WAV), "pitch")

    assert pitch.kept
    assert 3.0 < pitch.tolerance <= 20.0
    assert "move" in pitch.note


def test_given_a_vibrato_then_a_quarter_tone_too_much_is_found(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", vibrato())
    render(source, tmp_path / "b.wav", operations=[Pitch(2.5)], output=WAV)
    assert broken(certify(source, tmp_path / "b.wav", operations=[Pitch(2)], output=WAV)) == {"pitch"}


def test_of_a_song_the_pitch_is_promised_to_three_cents(song: DemoSong, tmp_path: Path) -> None:
    render(song.path, tmp_path / "b.wav", operations=[Pitch(2)], output=WAV)
    pitch = named(certify(song.path, tmp_path / "b.wav", operations=[Pitch(2)], output=WAV), "pitch")
    assert (pitch.tolerance, pitch.note) == (3.0, "")


class TestSpatial:
    """What a spatial recipe promises, and each promise broken on purpose."""

    CIRCLING = Spatial(seed=4, speed_hz=0.15)

    @pytest.fixture(scope="class")
    def right(self, song: DemoSong, tmp_path_factory: pytest.TempPathFactory) -> Samples:
        path = tmp_path_factory.mktemp("spatial") / "right.wav"
        render(song.path, path, operations=[self.CIRCLING], output=WAV)
        read: Samples = soundfile.read(str(path))[0]
        return read

    def judged(self, song: DemoSong, tmp_path: Path, samples: Samples, operation: Spatial = CIRCLING) -> Certificate:
        path = write(tmp_path / "render.wav", samples)
        return certify(song.path, path, operations=[operation], output=WAV)

    @pytest.mark.parametrize("others", [[], [Tempo(1.25), Pitch(2)]], ids=str)
    @pytest.mark.parametrize("output", [FLAC, MP3, OutputFormat("mp3", bitrate_kbps=128)], ids=str)
    def test_a_right_render_keeps_every_promise(
        self, song: DemoSong, tmp_path: Path, others: list[Operation], output: OutputFormat
    ) -> None:
        path = tmp_path / f"render.{output.codec}"
        operations = [*others, self.CIRCLING]
        render(song.path, path, operations=operations, output=output)

        certificate = certify(song.path, path, operations=operations, output=output)

        assert certificate.kept, certificate.broken
        names = [name if others or name != "level" else "loudness" for name in NAMES]
        assert [promise.name for promise in certificate.promises] == [*names, "true_peak", "mono", "motion"]
        assert all(promise.measured is not None for promise in certificate.promises)
        assert named(certificate, "channels").operation == ("tempo+pitch+spatial" if others else "spatial")
        assert named(certificate, "motion").measured == pytest.approx(1.0, abs=0.25)

    def test_of_a_mono_source_two_channels_are_promised(self, song: DemoSong, tmp_path: Path) -> None:
        source = write(tmp_path / "mono.wav", soundfile.read(str(song.path))[0].mean(axis=1))
        render(source, tmp_path / "b.wav", operations=[self.CIRCLING], output=WAV)

        certificate = certify(source, tmp_path / "b.wav", operations=[self.CIRCLING], output=WAV)

        assert certificate.kept, certificate.broken
        assert named(certificate, "channels").expected == 2
        assert "channels" in broken(certify(source, source, operations=[self.CIRCLING], output=WAV))

    @pytest.mark.parametrize("gain_db", [-0.7, 0.7])
    def test_too_loud_or_too_soft(self, song: DemoSong, tmp_path: Path, right: Samples, gain_db: float) -> None:
        certificate = self.judged(song, tmp_path, right * 10 ** (gain_db / 20))

        assert broken(certificate) - {"true_peak"} == {"loudness"}
        loudness = named(certificate, "loudness")
        assert (loudness.operation, loudness.unit, loudness.tolerance) == ("spatial", "LUFS", 0.5)
        assert loudness.measured is not None
        assert loudness.expected is not None
        assert loudness.measured - loudness.expected == pytest.approx(gain_db, abs=0.1)

    def test_a_peak_beyond_the_ceiling(self, song: DemoSong, tmp_path: Path, right: Samples) -> None:
        wrong = right.copy()
        wrong[5 * RATE] = [0.92, 0.0]

        certificate = self.judged(song, tmp_path, wrong)

        assert broken(certificate) == {"true_peak"}
        peak = named(certificate, "true_peak")
        assert (peak.unit, peak.expected, peak.at_most) == ("dBTP", -1.0, True)
        assert peak.measured == pytest.approx(-0.7, abs=0.2)

    def test_sides_that_cancel_in_mono(self, song: DemoSong, tmp_path: Path, right: Samples) -> None:
        # Given a side turned round, as by a wrong plug
        certificate = self.judged(song, tmp_path, right * [1.0, -1.0])

        assert {"mono", "gaps"} >= broken(certificate) - {"motion"} >= {"mono"}
        mono = named(certificate, "mono")
        assert mono.at_most
        assert mono.measured is not None
        assert mono.measured > 3.0

    @pytest.mark.parametrize(
        "wrong",
        [
            Spatial(seed=4, speed_hz=0.15, depth=0.0),
            Spatial(seed=4, speed_hz=0.15, depth=0.15),
            Spatial(seed=5, speed_hz=0.15),
            Spatial(seed=4, speed_hz=0.3),
        ],
        ids=["still", "shallow", "another path", "twice the speed"],
    )
    def test_another_motion_than_asked(self, song: DemoSong, tmp_path: Path, wrong: Spatial) -> None:
        render(song.path, tmp_path / "b.wav", operations=[wrong], output=WAV)

        certificate = certify(song.path, tmp_path / "b.wav", operations=[self.CIRCLING], output=WAV)

        assert broken(certificate) == {"motion"}

    def test_the_source_itself_does_not_move(self, song: DemoSong, tmp_path: Path) -> None:
        certificate = certify(song.path, song.path, operations=[self.CIRCLING], output=WAV)

        assert broken(certificate) == {"motion"}
        assert named(certificate, "motion").measured == pytest.approx(0.0, abs=0.1)

    def test_left_and_right_swapped(self, song: DemoSong, tmp_path: Path, right: Samples) -> None:
        certificate = self.judged(song, tmp_path, right[:, ::-1])

        assert broken(certificate) == {"motion"}
        motion = named(certificate, "motion")
        assert motion.measured is not None
        assert motion.measured < -0.5

    def test_silence(self, song: DemoSong, tmp_path: Path, right: Samples) -> None:
        certificate = self.judged(song, tmp_path, 0 * right)

        assert {"loudness", "gaps", "mono"} <= broken(certificate)
        assert named(certificate, "loudness").note == "the render is silent, the source is not"

    def test_of_silence_and_of_no_depth_nothing_is_claimed(self, song: DemoSong, tmp_path: Path) -> None:
        silent = write(tmp_path / "silent.wav", np.zeros((3 * RATE, 2)))
        render(silent, tmp_path / "b.mp3", operations=[self.CIRCLING], output=MP3)
        certificate = certify(silent, tmp_path / "b.mp3", operations=[self.CIRCLING], output=MP3)
        assert certificate.kept, certificate.broken
        for name in ("loudness", "true_peak", "mono", "motion"):
            assert named(certificate, name).measured is None
            assert named(certificate, name).note.startswith("not measurable")

        still = Spatial(depth=0.0)
        render(song.path, tmp_path / "c.wav", operations=[still], output=WAV)
        motion = named(certify(song.path, tmp_path / "c.wav", operations=[still], output=WAV), "motion")
        assert (motion.measured, motion.kept) == (None, True)

    def test_a_song_at_the_ceiling_is_as_loud_as_the_ceiling_allows(self, song: DemoSong, tmp_path: Path) -> None:
        hot = write(tmp_path / "hot.wav", np.clip(8 * soundfile.read(str(song.path))[0], -1, 1))
        render(hot, tmp_path / "b.mp3", operations=[self.CIRCLING], output=MP3)

        certificate = certify(hot, tmp_path / "b.mp3", operations=[self.CIRCLING], output=MP3)

        assert certificate.kept, certificate.broken
        assert "as loud as -1 dBTP allows" in named(certificate, "loudness").note
