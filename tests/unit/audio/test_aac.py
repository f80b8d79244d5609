"""AAC in M4A: exact lengths, segments that meet without a seam, and a file that other programs read alike."""

from pathlib import Path

import av
import codecpod
import numpy as np
import pytest

from tests.unit.audio.signals import RATE, Samples, blocks, noise, tone
from tonearm_audio import AudioError, Limits, OutputFormat, aac, mp4, probe
from tonearm_audio.decode import Source
from tonearm_audio.encode import open_sink, output_sample_rate

LIMITS = Limits(max_duration_s=600.0, min_duration_s=0.0)


def encoded(path: Path, samples: Samples, *, kbps: int = 128, rate: int = RATE, block: int = 65536) -> Path:
    output = OutputFormat("m4a", bitrate_kbps=kbps)
    with open_sink(path, output=output, sample_rate_hz=rate, channels=samples.shape[1]) as sink:
        for taken in blocks(samples, block):
            sink.write(taken)
    return path


def decoded(path: Path) -> Samples:
    with Source(path) as source:
        return np.concatenate(list(source.blocks())).astype(np.float64)


@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 31 * 1024, 44100])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (22050, 2), (8000, 1)])
def test_every_frame_comes_back(tmp_path: Path, frames: int, rate: int, channels: int) -> None:
    path = encoded(tmp_path / "a.m4a", noise(1.0, rate=frames, channels=channels), rate=rate)

    found = probe(path, limits=LIMITS)

    assert (found.container, found.codec, found.frames) == ("mp4", "aac", frames)
    assert (found.sample_rate_hz, found.channels) == (rate, channels)
    assert codecpod.info(path).frames == frames


@pytest.mark.parametrize("offset", [-1025, -1, 0, 1, 1500])
def test_given_an_end_near_a_seam_then_the_length_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    monkeypatch.setattr(aac, "_SEGMENT_FRAMES", 32)
    frames = (aac._FORERUN_FRAMES + 2 * 32 + 2) * 1024 + offset

    path = encoded(tmp_path / "a.m4a", noise(1.0, rate=frames))

    assert len(decoded(path)) == frames


def test_the_sound_is_in_its_place_and_as_true_at_the_seams_as_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given sound of one kind, in many segments
    samples = noise(20.0) + tone(700, 20.0)
    monkeypatch.setattr(aac, "_SEGMENT_FRAMES", 96)

    found = decoded(encoded(tmp_path / "a.m4a", samples, kbps=256))

    error = ((found - samples) ** 2).sum(axis=1)[: 860 * 1024].reshape(-1, 1024).sum(axis=1)
    seams = np.arange(aac._FORERUN_FRAMES + 96, 858, 96)
    near = np.concatenate([error[seams + shift] for shift in (-2, -1, 0, 1)])
    assert near.max() < 1.2 * np.median(error)
    assert np.median(error) < 0.1 * (samples**2).sum() / 860


def test_the_bytes_do_not_depend_on_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aac, "_SEGMENT_FRAMES", 96)
    samples = noise(8.0)

    files = {encoded(tmp_path / "a.m4a", samples, block=block).read_bytes() for block in (1000, 65536, len(samples))}

    assert len(files) == 1


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kbps", [32, 320])
def test_each_rate_gives_what_it_can(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], rate: int, channels: int, kbps: int
) -> None:
    samples = noise(2.0, rate=rate, channels=channels)

    path = encoded(tmp_path / "a.m4a", samples, kbps=kbps, rate=rate)

    assert len(decoded(path)) == len(samples)
    assert path.stat().st_size * 8 / 2.0 < 1.3 * min(kbps * 1000, 6 * rate * channels) + 20_000
    assert capfd.readouterr().err == ""


def test_another_program_reads_the_same_sound_and_the_head_comes_first(tmp_path: Path) -> None:
    samples = tone(440, 2.0)
    path = encoded(tmp_path / "a.m4a", samples, kbps=192)

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (RATE, 2)
        frames = [frame.to_ndarray().T.astype(np.float64) for frame in container.decode(audio=0)]

    heard = np.concatenate(frames)[: len(samples)]
    assert ((heard - samples)[2048:] ** 2).mean() < 1e-4 * (samples**2).mean()
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


def test_the_edit_list_and_the_gapless_comment_say_the_same(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.m4a", noise(1.0, rate=5000))
    content = path.read_bytes()

    without_edit = content.replace(b"edts", b"free")
    without_comment = content.replace(b"iTunSMPB", b"nothing!")

    expected = decoded(path)
    assert len(expected) == 5000
    for changed in (without_edit, without_comment):
        (tmp_path / "b.m4a").write_bytes(changed)
        assert np.array_equal(decoded(tmp_path / "b.m4a"), expected)
    with path.open("rb") as file:
        track = mp4.demux(file, len(content))
    assert track.trim_start == 1024
    assert len(track) * 1024 - track.trim_start - track.trim_end == 5000


def test_given_more_than_an_m4a_can_hold_then_a_lower_bit_rate_is_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aac, "_LIMIT_BYTES", 10_000)

    with pytest.raises(AudioError) as caught:
        encoded(tmp_path / "a.m4a", noise(2.0))

    assert caught.value.code == "recipe.invalid"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("rate", "expected"), [(96000, 48000), (88200, 44100), (44100, 44100), (37800, 44100)])
def test_a_rate_that_aac_is_not_written_at_goes_to_one_that_is(rate: int, expected: int) -> None:
    assert output_sample_rate(rate, OutputFormat("m4a")) == expected
