"""What each operation promises: a right render keeps it, one that a broken engine could have made is told by name."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, Samples, tone, write
from tonearm_audio import (
    Band,
    Certificate,
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    MixTrack,
    Operation,
    OutputFormat,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
    certify,
    render,
)
from tonearm_cli.demo_song import DemoSong

WAV = OutputFormat("wav")
ALWAYS = ["channels", "sample_rate", "duration"]
BRIGHTER = Equalize((Band("low_shelf", 200, -6.0), Band("high_shelf", 3000, 6.0)))
SQUEEZED = Compress(threshold_dbfs=-30, ratio=6, makeup_db=6)


def other(song: DemoSong) -> Path:
    """Another song: the same one, slower."""
    path = song.path.with_name("other.wav")
    if not path.exists():
        render(song.path, path, operations=[Tempo(0.8)], output=WAV)
    return path


def of(song: DemoSong, *operations: Operation | str) -> list[Operation]:
    """Operations, with "mix" and "reference" standing for those that need another file."""
    made: dict[str, Operation] = {
        "mix": Mix((MixTrack(other(song), gain_db=-6, start_s=2.0),)),
        "reference": Master(reference=other(song)),
    }
    return [made[operation] if isinstance(operation, str) else operation for operation in operations]


def drum(*, decay: float) -> Samples:
    """Twelve bass drums, two a second."""
    time = np.arange(6 * RATE) / RATE % 0.5
    wave = np.exp(-decay * time) * np.sin(2 * np.pi * (45 * time + 20 * (1 - np.exp(-20 * time))))
    return np.repeat(0.95 / np.abs(wave).max() * wave[:, np.newaxis], 2, axis=1)


def uneven(song: DemoSong, name: str, rate: int) -> Samples:
    """Six seconds of a sound of which one thing or another cannot be measured."""
    time = np.arange(6 * rate) / rate
    noise = np.random.default_rng(7).standard_normal((len(time), 2))
    music: Samples = soundfile.read(str(song.path))[0][3 * RATE : 9 * RATE]
    struck = np.exp(-((time * 2 + 0.8) % 1) * 150)[:, np.newaxis]
    two = 0.1 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 442 * time))
    made: dict[str, Samples] = {
        "hits": 0.3 * noise * struck * [1.0, 0.6],
        "beating": np.stack([two, two], axis=1),
        "constant": np.full((len(time), 2), 0.2),
        "against": np.stack([music[:, 0], -music[:, 0]], axis=1),
        "noise": 0.1 * noise,
        "hot": np.clip(6 * music, -1, 1),
        "song": music,
        "mono": music.mean(axis=1, keepdims=True),
        "silence": 0 * music,
    }
    return made[name]


@pytest.mark.parametrize(
    ("operations", "names"),
    [
        ([Trim(3.0, 15.0)], ["pitch", "level", "timing", "gaps", "clipping"]),
        ([Trim(3.0, 15.0), Tempo(1.25), Trim(1.0)], ["pitch", "level", "timing", "gaps", "clipping"]),
        ([Trim(2.0), Fade(2.0, 3.0, "s_curve")], ["pitch", "fade_in", "fade_out", "timing", "gaps", "clipping"]),
        ([Fade(0.0, 4.0, "linear")], ["pitch", "fade_out", "timing", "gaps", "clipping"]),
        ([Convert(48_000)], ["pitch", "level", "timing", "gaps", "clipping"]),
        ([Convert(22_050, channels=1)], ["pitch", "timing", "gaps", "clipping"]),
        ([BRIGHTER], ["pitch", "response", "gaps", "clipping", "true_peak"]),
        ([SQUEEZED], ["pitch", "dynamics", "timing", "gaps", "clipping", "true_peak"]),
        ([Reverb(decay_s=1.0)], ["pitch", "gaps", "clipping", "true_peak"]),
        ([Tempo(1.1), BRIGHTER, SQUEEZED, Reverb()], ["pitch", "gaps", "clipping", "true_peak"]),
        (["mix"], ["gaps", "clipping", "true_peak"]),
        ([Loudness(-16.0)], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        ([Loudness(-9.0, ceiling_dbtp=-2.0)], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        ([Spatial(seed=3), Loudness(-14.0)], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        ([Master("streaming")], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        ([Master("loud")], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        (["reference"], ["pitch", "timing", "gaps", "clipping", "loudness", "true_peak"]),
        (["mix", BRIGHTER, Loudness(-14.0)], ["gaps", "clipping", "loudness", "true_peak"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("codec", ["wav", "mp3"])
def test_a_right_render_keeps_every_promise(
    song: DemoSong, tmp_path: Path, operations: list[Operation | str], names: list[str], codec: str
) -> None:
    made, output = of(song, *operations), OutputFormat(codec)  # type: ignore[arg-type]  # of a parameter
    path = tmp_path / f"render.{codec}"
    result = render(song.path, path, operations=made, output=output)

    certificate = certify(song.path, path, operations=made, output=output)

    assert [promise.name for promise in certificate.promises] == [*ALWAYS, *names]
    assert certificate.kept, certificate.broken
    assert all(promise.measured is not None for promise in certificate.promises)
    limits = {promise.name for promise in certificate.promises if promise.at_most}
    assert limits == {"gaps", "clipping", "dynamics", "true_peak"} & set(names)
    duration = certificate.promises[2]
    assert duration.measured == duration.expected == result.frames


class TestWrongRenders:
    """Each a render that a broken engine could have made."""

    @pytest.fixture
    def samples(self, song: DemoSong) -> Samples:
        read: Samples = soundfile.read(str(song.path))[0]
        return read

    def broken(self, song: DemoSong, tmp_path: Path, wrong: Samples, *operations: Operation) -> set[str]:
        path = write(tmp_path / "wrong.wav", wrong, rate=RATE)
        certificate: Certificate = certify(song.path, path, operations=list(operations), output=WAV)
        return {promise.name for promise in certificate.broken}

    def right(self, song: DemoSong, tmp_path: Path, *operations: Operation) -> Samples:
        render(song.path, tmp_path / "right.wav", operations=list(operations), output=WAV)
        read: Samples = soundfile.read(str(tmp_path / "right.wav"))[0]
        return read

    def test_cut_elsewhere(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        wrong = samples[round(3.3 * RATE) : round(15.3 * RATE)]
        assert "timing" in self.broken(song, tmp_path, wrong, Trim(3.0, 15.0))

    def test_cut_a_frame_short(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        wrong = samples[3 * RATE : 15 * RATE - 1]
        assert self.broken(song, tmp_path, wrong, Trim(3.0, 15.0)) == {"duration"}

    def test_not_faded(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        assert self.broken(song, tmp_path, samples, Fade(2.0, 3.0)) == {"fade_in", "fade_out"}

    def test_faded_in_another_shape(self, song: DemoSong, tmp_path: Path) -> None:
        wrong = self.right(song, tmp_path, Fade(4.0, 4.0, "s_curve"))
        assert self.broken(song, tmp_path, wrong, Fade(4.0, 4.0, "equal_power")) == {"fade_in", "fade_out"}

    def test_not_equalized(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        assert self.broken(song, tmp_path, samples, BRIGHTER) >= {"response"}

    def test_equalized_the_wrong_way_round(self, song: DemoSong, tmp_path: Path) -> None:
        upside_down = Equalize(tuple(Band(band.kind, band.frequency_hz, -band.gain_db) for band in BRIGHTER.bands))
        wrong = self.right(song, tmp_path, upside_down)
        assert "response" in self.broken(song, tmp_path, wrong, BRIGHTER)

    def test_expanded_instead_of_compressed(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        expanded = np.sign(samples) * np.abs(samples) ** 1.7
        assert "dynamics" in self.broken(song, tmp_path, expanded, SQUEEZED)

    def test_a_room_without_a_tail(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        assert "duration" in self.broken(song, tmp_path, samples * 0.5, Reverb(decay_s=1.0))

    def test_a_decibel_too_loud(self, song: DemoSong, tmp_path: Path) -> None:
        wrong = self.right(song, tmp_path, Loudness(-20.0)) * 10 ** (1 / 20)
        assert self.broken(song, tmp_path, wrong, Loudness(-20.0)) == {"loudness"}

    def test_beyond_the_ceiling(self, song: DemoSong, tmp_path: Path) -> None:
        wrong = self.right(song, tmp_path, Loudness(-14.0))
        wrong[len(wrong) // 2] = 0.99
        assert "true_peak" in self.broken(song, tmp_path, wrong, Loudness(-14.0))

    def test_not_mastered_at_all(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        assert self.broken(song, tmp_path, samples * 0.2, Master("loud")) >= {"loudness"}

    def test_a_mix_without_its_end(self, song: DemoSong, tmp_path: Path, samples: Samples) -> None:
        (mix,) = of(song, "mix")
        assert self.broken(song, tmp_path, samples * 0.5, mix) >= {"duration"}

    @pytest.mark.parametrize(
        "operations",
        [
            [Reverb()],
            ["mix"],
            [BRIGHTER, Reverb()],
            [Reverb(), Spatial()],
            [SQUEEZED, BRIGHTER],
            [Master("warm")],
            [Fade(1.0, 1.0)],
        ],
        ids=str,
    )
    def test_silence_is_never_a_render_of_a_song(
        self, song: DemoSong, tmp_path: Path, operations: list[Operation | str]
    ) -> None:
        made = of(song, *operations)
        right = self.right(song, tmp_path, *made)
        assert self.broken(song, tmp_path, right * 0, *made) & {"gaps", "loudness"}

    @pytest.mark.parametrize("operations", [[Reverb()], [Master("warm")], [Tempo(1.1), SQUEEZED]], ids=str)
    def test_noise_is_no_render_of_a_song(self, song: DemoSong, tmp_path: Path, operations: list[Operation]) -> None:
        right = self.right(song, tmp_path, *operations)
        noise = np.random.default_rng(1).standard_normal(right.shape) * 0.1
        assert "pitch" in self.broken(song, tmp_path, noise, *operations)


class TestSongsThatAreNotEven:
    """Right renders of songs that a promise could misjudge."""

    def kept(self, source: Path, tmp_path: Path, *operations: Operation, codec: str = "wav") -> None:
        output, path = OutputFormat(codec), tmp_path / f"render.{codec}"  # type: ignore[arg-type]  # of a parameter
        render(source, path, operations=list(operations), output=output)
        certificate = certify(source, path, operations=list(operations), output=output)
        assert certificate.kept, certificate.broken

    @pytest.mark.parametrize("intro_db", [-18, -24, -30])
    def test_a_compressor_lifts_a_soft_intro(self, song: DemoSong, tmp_path: Path, intro_db: float) -> None:
        samples, rate = soundfile.read(str(song.path))
        samples[: 10 * rate] *= 10 ** (intro_db / 20)
        self.kept(write(tmp_path / "soft.wav", samples, rate=rate), tmp_path, Compress())

    @pytest.mark.parametrize(
        "operations",
        [[Convert(channels=1), Spatial()], [Spatial(), Convert(channels=1)], [Convert(channels=2), Spatial()]],
        ids=str,
    )
    @pytest.mark.parametrize("channels", [1, 2])
    def test_channels_are_summed_and_doubled_about_a_motion(
        self, song: DemoSong, tmp_path: Path, operations: list[Operation], channels: int
    ) -> None:
        samples, rate = soundfile.read(str(song.path))
        samples = samples if channels == 2 else samples.mean(axis=1, keepdims=True)
        self.kept(write(tmp_path / "song.wav", samples, rate=rate), tmp_path, *operations)

    @pytest.mark.parametrize("fade", [Fade(0, 3), Fade(0.5, 0.5), Fade(5, 10)], ids=str)
    def test_beats_on_an_exact_grid_are_faded(self, tmp_path: Path, fade: Fade) -> None:
        # Given the same beat every half second, so that each moment is like that of one beat later
        time = np.arange(30 * RATE) / RATE
        beat = np.exp(-((time * 2) % 1) * 10) * np.sin(2 * np.pi * 220 * time) * 0.5
        self.kept(write(tmp_path / "grid.wav", np.stack([beat, beat], axis=1), rate=RATE), tmp_path, fade)

    @pytest.mark.parametrize(
        "operations",
        [
            [Equalize((Band("high_pass", 200),)), Loudness(-9.0)],
            [Compress(threshold_dbfs=-30, ratio=10, attack_ms=30, release_ms=50, makeup_db=6), Loudness(-14.0)],
        ],
        ids=str,
    )
    def test_hits_become_as_loud_as_their_peaks_allow(self, tmp_path: Path, operations: list[Operation]) -> None:
        time = np.arange(12 * RATE) / RATE
        noise = np.random.default_rng(3).standard_normal(len(time))
        kick = np.exp(-((time * 2) % 1) * 30) * np.sin(2 * np.pi * 60 * time)
        hats = np.exp(-((time * 4) % 1) * 90) * noise * 0.3
        hits = write(tmp_path / "hits.wav", np.stack([kick + hats, kick + hats], axis=1) * 0.5, rate=RATE)
        self.kept(hits, tmp_path, *operations)

    @pytest.mark.parametrize("codec", ["wav", "mp3"])
    def test_a_song_that_is_driven_into_the_ceiling_is_as_loud_as_it_can_be(
        self, song: DemoSong, tmp_path: Path, codec: str
    ) -> None:
        self.kept(song.path, tmp_path, Loudness(-6.0), codec=codec)

    @pytest.mark.parametrize("operation", [Loudness(-8.0), Master("loud")], ids=str)
    def test_deep_waves_at_the_ceiling_are_as_loud_as_it_allows(self, tmp_path: Path, operation: Operation) -> None:
        # Given a tone and a drum that hardly anything of is heard, so that a loudness asks much of their peaks
        self.kept(write(tmp_path / "tone.wav", tone(30, 6.0, level_db=-0.5)), tmp_path, operation)
        self.kept(write(tmp_path / "drum.wav", drum(decay=12)), tmp_path, operation)

    def test_a_drum_that_is_not_limited_is_not_as_loud_as_it_can_be(self, tmp_path: Path) -> None:
        # Given a drum whose highest peak reaches the ceiling, and no more was done
        source = write(tmp_path / "drum.wav", drum(decay=6))
        path = write(tmp_path / "render.wav", 10 ** (-0.6 / 20) * drum(decay=6))
        # When it is held against a loudness
        certificate = certify(source, path, operations=[Loudness(-8.0)], output=WAV)
        # Then that is the promise which it breaks
        assert [promise.name for promise in certificate.broken] == ["loudness"]

    def test_little_motion_at_the_ears_is_not_told(self, song: DemoSong, tmp_path: Path) -> None:
        self.kept(song.path, tmp_path, Tempo(0.5), Spatial(speed_hz=1.0, mix=0.25, listening="headphones"))

    def test_what_a_room_leaves_after_the_song_has_a_loudness(self, song: DemoSong, tmp_path: Path) -> None:
        self.kept(song.path, tmp_path, Reverb(decay_s=3.0), Trim(20.1, 22.0), Loudness(-20.0))

    def test_silence_under_another_song_has_a_loudness(self, song: DemoSong, tmp_path: Path) -> None:
        silence = write(tmp_path / "silence.wav", np.zeros((10 * RATE, 2)), rate=RATE)
        self.kept(silence, tmp_path, Mix((MixTrack(other(song)),)), Loudness(-16.0))

    @pytest.mark.parametrize(
        ("name", "operations", "codec"),
        [
            ("hits", [Fade(1.0, 1.0)], "wav"),
            ("hits", [Tempo(1.2), Fade(1.0, 2.0)], "mp3"),
            ("hits", [Spatial(seed=2)], "wav"),
            ("hits", [Compress(threshold_dbfs=-30, ratio=10, attack_ms=100, release_ms=1000)], "wav"),
            ("beating", [Compress(threshold_dbfs=-40, ratio=20, attack_ms=30, release_ms=50)], "wav"),
            ("beating", [Compress(threshold_dbfs=-40, ratio=10, attack_ms=100, release_ms=800)], "mp3"),
            ("beating", [Equalize((Band("high_pass", 2000),))], "mp3"),
            ("constant", [], "wav"),
            ("constant", [Tempo(0.4)], "wav"),
            ("constant", [Pitch(5.0)], "mp3"),
            ("constant", [Equalize((Band("high_pass", 200),))], "wav"),
            ("constant", [Spatial(listening="headphones")], "wav"),
            ("against", [Convert(channels=1)], "wav"),
            ("against", [Spatial(seed=2)], "mp3"),
            ("noise", [Fade(2.0, 2.0)], "mp3"),
            ("noise", [Spatial(seed=2)], "mp3"),
            ("hot", [BRIGHTER], "mp3"),
            ("song", [Tempo(3.0)], "wav"),
            ("song", [Pitch(4.0, formants="keep")], "mp3"),
            ("song", [Reverb(decay_s=4.0, mix=0.8)], "opus"),
            ("mono", [Master("podcast")], "opus"),
            ("silence", [Master("loud")], "mp3"),
        ],
        ids=str,
    )
    def test_what_the_source_hides_is_not_held_against_a_render(
        self, song: DemoSong, tmp_path: Path, name: str, operations: list[Operation], codec: str
    ) -> None:
        rate = 192_000 if name == "noise" else RATE
        self.kept(
            write(tmp_path / "source.wav", uneven(song, name, rate), rate=rate), tmp_path, *operations, codec=codec
        )

    @pytest.mark.parametrize("frames", [1, 40, 441, 900])
    @pytest.mark.parametrize("operation", [Trim(), Fade(0.001, 0.001), BRIGHTER, SQUEEZED, Loudness()], ids=str)
    def test_a_moment_of_sound_is_measured_without_harm(
        self, song: DemoSong, tmp_path: Path, frames: int, operation: Operation
    ) -> None:
        cut, path = Trim(5.0, 5.0 + frames / RATE), tmp_path / "moment.wav"
        render(song.path, path, operations=[cut, operation], output=WAV)
        certificate = certify(song.path, path, operations=[cut, operation], output=WAV)
        assert certificate.promises[2].measured == frames
