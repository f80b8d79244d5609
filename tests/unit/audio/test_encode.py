"""Sinks: exact lengths through every codec, gapless MP3, dither only where it is due, whole files only."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, Samples, noise, tone, write
from tonearm_audio import AudioError, Limits, OutputFormat, probe, render
from tonearm_audio.encode import open_sink, output_sample_rate
from tonearm_audio.output_format import BITRATES_KBPS

LIMITS = Limits(max_duration_s=60.0, min_duration_s=0.0)


def as_mp3(path: Path, samples: Samples, *, rate: int = RATE, bitrate_kbps: int = 320) -> Samples:
    output = OutputFormat("mp3", bitrate_kbps=bitrate_kbps)
    with open_sink(path, output=output, sample_rate_hz=rate, channels=samples.shape[1]) as sink:
        for start in range(0, len(samples), 10_000):
            sink.write(samples[start : start + 10_000].astype(np.float32))
    decoded: Samples = soundfile.read(str(path), always_2d=True)[0]
    return decoded


@pytest.mark.parametrize("frames", [1, 575, 576, 577, 1151, 1152, 1153, 2304, 10_000, 44_100, 100_001])
@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_an_mp3_decodes_to_exactly_the_frames_that_went_in(tmp_path: Path, frames: int, rate: int) -> None:
    path = tmp_path / "a.mp3"

    decoded = as_mp3(path, noise(1.0, rate=frames), rate=rate)

    assert len(decoded) == frames
    assert probe(path, limits=LIMITS).frames == frames


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_an_mp3_begins_with_the_first_sample(tmp_path: Path, rate: int, channels: int) -> None:
    # Given music with a place of its own for every moment
    samples = 0.3 * np.cumsum(noise(1.5, rate=rate, channels=channels), axis=0)
    samples -= samples.mean(axis=0)
    samples *= 0.5 / np.abs(samples).max()

    decoded = as_mp3(tmp_path / "a.mp3", samples, rate=rate)

    # Then no other shift fits as well
    middle = slice(rate // 2, rate)
    errors = [float(((np.roll(decoded, shift, axis=0) - samples)[middle] ** 2).sum()) for shift in range(-40, 41)]
    assert int(np.argmin(errors)) == 40
    assert errors[40] < 0.01 * float((samples[middle] ** 2).sum())


@pytest.mark.parametrize("bitrate_kbps", BITRATES_KBPS)
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (44_100, 1), (12_000, 1)])
def test_every_bit_rate_carries_the_gapless_tag(tmp_path: Path, bitrate_kbps: int, rate: int, channels: int) -> None:
    samples = tone(440, 0.5, rate=rate, channels=channels)

    assert len(as_mp3(tmp_path / "a.mp3", samples, rate=rate, bitrate_kbps=bitrate_kbps)) == len(samples)


def test_a_bit_rate_is_what_was_asked_for(tmp_path: Path) -> None:
    sizes = {}
    for bitrate in (128, 320):
        path = tmp_path / f"{bitrate}.mp3"
        as_mp3(path, noise(4.0), bitrate_kbps=bitrate)
        sizes[bitrate] = path.stat().st_size

    for bitrate, size in sizes.items():
        assert size == pytest.approx(4.0 * bitrate * 125, rel=0.03)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (44_100, 44_100),
        (8000, 8000),
        (96_000, 48_000),
        (88_200, 44_100),
        (192_000, 48_000),
        (37_800, 44_100),
        (50_000, 48_000),
    ],
)
def test_mp3_takes_the_nearest_rate_it_has(tmp_path: Path, rate: int, expected: int) -> None:
    source = write(tmp_path / "a.wav", tone(440, 0.5, rate=rate), rate=rate)

    result = render(source, tmp_path / "b.mp3", operations=[], output=OutputFormat("mp3"))

    assert result.sample_rate_hz == output_sample_rate(rate, OutputFormat("mp3")) == expected
    assert result.frames == probe(tmp_path / "b.mp3", limits=LIMITS).frames == round(rate // 2 * expected / rate)


@pytest.mark.parametrize("codec", ["wav", "flac", "ogg"])
def test_all_but_mp3_keep_any_rate(codec: str) -> None:
    assert output_sample_rate(192_000, OutputFormat(codec)) == 192_000  # type: ignore[arg-type]  # a str


@pytest.mark.parametrize(("bits", "codec"), [(16, "wav"), (24, "wav"), (16, "flac"), (24, "flac")])
def test_rounding_is_dithered_and_repeatable(tmp_path: Path, bits: int, codec: str) -> None:
    # Given a tone far below the last bit
    quiet = tone(440, 2.0, level_db=-6.02 * bits - 6).astype(np.float32)

    def written(name: str) -> tuple[Samples, bytes]:
        path = tmp_path / name
        output = OutputFormat(codec, bit_depth=bits)  # type: ignore[arg-type]  # a str
        with open_sink(path, output=output, sample_rate_hz=RATE, channels=2) as sink:
            sink.write(quiet)
        return soundfile.read(str(path))[0], path.read_bytes()

    samples, content = written(f"a.{codec}")

    # Then it is still there, under noise of the same making each time
    likeness = np.corrcoef(samples[:, 0], quiet[:, 0])[0, 1]
    assert likeness > 0.15
    assert content == written(f"b.{codec}")[1]


def as_ogg(path: Path, samples: Samples, *, rate: int = RATE, block: int = 10_000) -> Samples:
    with open_sink(path, output=OutputFormat("ogg"), sample_rate_hz=rate, channels=samples.shape[1]) as sink:
        for start in range(0, len(samples), block):
            sink.write(samples[start : start + block].astype(np.float32))
    decoded: Samples = soundfile.read(str(path), always_2d=True)[0]
    return decoded


@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 44_100, 100_001])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (48_000, 1), (192_000, 2)])
def test_an_ogg_decodes_to_exactly_the_frames_that_went_in(
    tmp_path: Path, frames: int, rate: int, channels: int
) -> None:
    path = tmp_path / "a.ogg"

    decoded = as_ogg(path, 0.3 * noise(1.0, rate=frames, channels=channels), rate=rate)

    assert decoded.shape == (frames, channels)
    found = probe(path, limits=LIMITS)
    assert (found.container, found.codec, found.frames) == ("ogg", "vorbis", frames)


def test_an_ogg_holds_the_music_in_its_place(tmp_path: Path) -> None:
    samples = tone(440, 2.0) + tone(1234, 2.0)

    decoded = as_ogg(tmp_path / "a.ogg", samples)

    # A tone that begins at once comes through the first window a little softer.
    error = (decoded - samples)[2048:]
    assert float((error**2).mean()) < 1e-4 * float((samples**2).mean())


def test_an_ogg_is_the_same_to_the_byte_on_every_run_and_in_blocks_of_any_size(tmp_path: Path) -> None:
    samples = noise(12.0, gain=0.2)

    as_ogg(tmp_path / "a.ogg", samples)
    as_ogg(tmp_path / "b.ogg", samples, block=len(samples))

    assert (tmp_path / "a.ogg").read_bytes() == (tmp_path / "b.ogg").read_bytes()


def test_digital_silence_stays_silent(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with open_sink(path, output=OutputFormat("wav"), sample_rate_hz=RATE, channels=2) as sink:
        sink.write(np.zeros((RATE, 2), np.float32))

    assert not soundfile.read(str(path))[0].any()


@pytest.mark.parametrize("codec", ["wav", "flac", "mp3", "ogg"])
def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, codec: str) -> None:
    destination = tmp_path / f"a.{codec}"
    destination.write_bytes(b"the render before")
    output = OutputFormat(codec)  # type: ignore[arg-type]  # a str

    class PowerFailureError(Exception):
        pass

    def broken_off() -> None:
        with open_sink(destination, output=output, sample_rate_hz=RATE, channels=2) as sink:
            sink.write(noise(2.0).astype(np.float32))
            raise PowerFailureError

    with pytest.raises(PowerFailureError):
        broken_off()
    assert [path.name for path in tmp_path.iterdir()] == [destination.name]
    assert destination.read_bytes() == b"the render before"

    with open_sink(destination, output=output, sample_rate_hz=RATE, channels=2) as sink:
        sink.write(noise(2.0).astype(np.float32))
        assert destination.read_bytes() == b"the render before"
    assert probe(destination, limits=LIMITS).frames == 2 * RATE
    assert [path.name for path in tmp_path.iterdir()] == [destination.name]


@pytest.mark.parametrize("codec", ["wav", "flac", "mp3", "ogg"])
def test_a_folder_and_a_file_whose_names_are_no_text_are_written_to(tmp_path: Path, codec: str) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    destination = folder / os.fsdecode(b"th\xe8." + codec.encode())

    with open_sink(destination, output=OutputFormat(codec), sample_rate_hz=RATE, channels=2) as sink:  # type: ignore[arg-type]  # a str
        sink.write(noise(0.5).astype(np.float32))

    assert probe(destination, limits=LIMITS).frames == RATE // 2


def test_given_more_than_a_wav_can_hold_then_flac_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonearm_audio.encode._WAV_LIMIT_BYTES", 100_000)
    source = write(tmp_path / "a.wav", noise(2.0))

    with pytest.raises(AudioError) as caught:
        render(source, tmp_path / "b.wav", operations=[], output=OutputFormat("wav"))

    assert caught.value.code == "recipe.invalid"
    assert "flac" in caught.value.mend
