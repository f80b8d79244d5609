"""MP3: segments that meet without a seam, the same bytes on any number of cores, exact lengths, and levels kept."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, Samples, clicks, noise, tone
from tonearm_audio import OutputFormat, lame, mp3, mpeg
from tonearm_audio.encode import open_sink
from tonearm_cli.demo_song import DemoSong


def encoded(path: Path, samples: Samples, output: OutputFormat, *, rate: int = RATE, block: int = 65536) -> bytes:
    with open_sink(path, output=output, sample_rate_hz=rate, channels=samples.shape[1]) as sink:
        for start in range(0, len(samples), block):
            sink.write(samples[start : start + block].astype(np.float32))
    return path.read_bytes()


def frames_without_tag(mp3_file: bytes) -> list[bytes]:
    return mpeg.split_frames(mp3_file)[1:]


CASES = [(320, False, 44100, 2), (128, False, 44100, 1), (192, True, 44100, 2), (64, False, 22050, 2)]


@pytest.mark.parametrize(("kbps", "variable", "rate", "channels"), CASES)
def test_the_frames_of_segments_are_those_of_one_long_encoding(
    song: DemoSong,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kbps: int,
    variable: bool,
    rate: int,
    channels: int,
) -> None:
    # Given music that fades over many segments, so that a threshold of hearing that follows it would show
    samples = soundfile.read(str(song.path))[0][:, :channels] * np.geomspace(1, 1e-3, 20 * RATE)[:, np.newaxis]
    samples += noise(20.0, gain=1e-5, channels=channels)
    output = OutputFormat("mp3", bitrate_kbps=kbps, variable=variable)
    monkeypatch.setattr(mp3, "_SEGMENT_FRAMES", 98)

    # When it is encoded in segments, and from start to end
    found = frames_without_tag(encoded(tmp_path / "a.mp3", samples, output, rate=rate))
    expected = lame.encode(samples.astype(np.float32), lame.Settings(rate, channels, kbps, variable))

    # Then
    assert found == expected


def test_the_bytes_depend_neither_on_the_cores_nor_on_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = tone(440, 12.0) + noise(12.0, gain=0.05)
    output = OutputFormat("mp3", bitrate_kbps=160)
    monkeypatch.setattr(mp3, "_SEGMENT_FRAMES", 49)

    files = set()
    for cores, block in ((1, 65536), (2, 1000), (7, len(samples))):
        monkeypatch.setattr(mp3, "_cores", lambda cores=cores: cores)
        files.add(encoded(tmp_path / "a.mp3", samples, output, block=block))

    assert len(files) == 1


@pytest.mark.parametrize("rate", [44100, 48000, 22050, 8000])
@pytest.mark.parametrize("offset", [-1, 0, 1, 700])
@pytest.mark.parametrize("frames", [max(mp3._FORERUN_FRAMES.values()) + 2, 49 + 10, 2 * 49 + 10])
def test_given_an_end_near_a_seam_then_the_length_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int, offset: int, frames: int
) -> None:
    monkeypatch.setattr(mp3, "_SEGMENT_FRAMES", 49)
    count = frames * (1152 if rate >= 32000 else 576) + offset
    path = tmp_path / "a.mp3"

    encoded(path, noise(1.0, rate=count), OutputFormat("mp3", bitrate_kbps=64), rate=rate)

    assert soundfile.info(str(path)).frames == count
    assert len(soundfile.read(str(path))[0]) == count


def test_at_a_seam_the_sound_is_as_true_as_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(20.0)
    monkeypatch.setattr(mp3, "_SEGMENT_FRAMES", 49)

    encoded(tmp_path / "a.mp3", samples, OutputFormat("mp3"))

    error = ((soundfile.read(str(tmp_path / "a.mp3"))[0] - samples) ** 2).sum(axis=1)
    per_frame = error[: len(error) // 1152 * 1152].reshape(-1, 1152).sum(axis=1)
    seams = np.arange(49 + mp3._FORERUN_FRAMES[1152], len(per_frame) - 2, 49)
    near = np.concatenate([per_frame[seams + shift] for shift in (-1, 0, 1)])
    assert near.max() < 1.2 * np.median(per_frame)


@pytest.mark.parametrize("kbps", [64, 128, 192, 224, 320])
@pytest.mark.parametrize("variable", [False, True])
def test_the_level_is_kept_at_every_bit_rate(tmp_path: Path, kbps: int, variable: bool) -> None:
    samples = tone(997, 3.0)

    encoded(tmp_path / "a.mp3", samples, OutputFormat("mp3", bitrate_kbps=kbps, variable=variable))

    decoded = soundfile.read(str(tmp_path / "a.mp3"))[0]
    gain = np.vdot(decoded, samples) / np.vdot(samples, samples)
    assert abs(20 * np.log10(gain)) < 0.03


def test_given_a_variable_bit_rate_then_its_mean_is_near_and_its_tag_says_so(song: DemoSong, tmp_path: Path) -> None:
    samples = soundfile.read(str(song.path))[0]
    sizes = []
    for kbps in (96, 128, 192, 256):
        path = tmp_path / f"{kbps}.mp3"
        content = encoded(path, samples, OutputFormat("mp3", bitrate_kbps=kbps, variable=True))
        sizes.append(len(content))
        with path.open("rb") as file:
            scan = mpeg.scan(file, len(content))
        assert scan is not None
        assert scan.claimed_frames == scan.frames == len(frames_without_tag(content))
        assert content.count(b"Xing", 0, 100) == 1
        assert abs(len(content) * 8 / 20.0 / 1000 / kbps - 1) < 0.5
    assert sizes == sorted(sizes)


def test_given_a_variable_bit_rate_then_the_tag_says_where_each_hundredth_begins(tmp_path: Path) -> None:
    # Given silence, which takes few bytes, and then noise, which takes many
    samples = np.concatenate([np.zeros((4 * RATE, 2)), noise(4.0, gain=0.2)])

    content = encoded(tmp_path / "a.mp3", samples, OutputFormat("mp3", bitrate_kbps=192, variable=True))

    at = content.index(b"Xing") + 16
    table = np.frombuffer(content[at : at + 100], np.uint8).astype(int)
    frames = mpeg.split_frames(content)
    starts = np.cumsum([len(frame) for frame in frames])
    for hundredth in (25, 50, 75, 99):
        expected = starts[hundredth * (len(frames) - 1) // 100] / len(content) * 256
        assert abs(table[hundredth] - expected) <= 1
    assert table[50] < 64


def test_given_clicks_in_silence_and_noise_at_full_scale_then_lengths_and_peaks_are_kept(tmp_path: Path) -> None:
    for samples in (clicks([1.0, 2.5], 4.0), np.clip(noise(4.0, gain=2.0), -1, 1)):
        encoded(tmp_path / "a.mp3", samples, OutputFormat("mp3"))

        decoded = soundfile.read(str(tmp_path / "a.mp3"))[0]
        assert decoded.shape == samples.shape
        assert np.isfinite(decoded).all()
        assert np.abs(decoded).max() < 2.5
