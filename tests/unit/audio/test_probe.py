"""Probe: good files are counted, bad ones refused with a code, the value, the limit and the mend."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import lameenc
import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import RATE, noise, tone, wav_bytes, write
from tonearm_audio import AudioError, Limits, probe
from tonearm_cli.demo_song import DemoSong

LIMITS = Limits(max_duration_s=60.0)
PCM = (noise(1.0) * 32767).astype("<i2").tobytes()


def refusal(path: Path, limits: Limits = LIMITS) -> AudioError:
    with pytest.raises(AudioError) as caught:
        probe(path, limits=limits)
    error = caught.value
    assert str(error) == f"{error.detail} {error.mend}"
    assert error.mend.endswith(".")
    return error


@pytest.mark.parametrize(
    ("suffix", "subtype", "codec"),
    [
        (".wav", "PCM_16", "pcm_16"),
        (".wav", "PCM_24", "pcm_24"),
        (".wav", "FLOAT", "float"),
        (".flac", "PCM_16", "pcm_16"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_given_a_lossless_file_then_every_frame_is_counted(
    tmp_path: Path, suffix: str, subtype: str, codec: str, channels: int, rate: int
) -> None:
    path = write(tmp_path / f"a{suffix}", noise(0.5, rate=rate, channels=channels), rate=rate, subtype=subtype)

    found = probe(path, limits=LIMITS)

    assert (found.frames, found.channels, found.sample_rate_hz) == (rate // 2, channels, rate)
    assert (found.container, found.codec) == (suffix[1:], codec)
    assert found.duration_s == 0.5
    assert found.size_bytes == path.stat().st_size


def test_given_an_mp3_of_ours_then_its_frames_are_those_of_its_source(song: DemoSong, song_mp3: Path) -> None:
    found = probe(song_mp3, limits=LIMITS)

    assert found.container == "mp3"
    assert found.frames == 20 * RATE


def test_the_name_of_a_file_plays_no_part(tmp_path: Path, song_mp3: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(song_mp3.read_bytes())

    assert probe(path, limits=LIMITS).container == "mp3"


def test_given_an_id3_tag_before_an_mp3_then_it_is_skipped(tmp_path: Path, song_mp3: Path) -> None:
    path = tmp_path / "tagged.mp3"
    picture = b"\xff\xfb\x90\x00" * 3000  # bytes that look like frame headers
    size = bytes([len(picture) >> 21 & 127, len(picture) >> 14 & 127, len(picture) >> 7 & 127, len(picture) & 127])
    path.write_bytes(b"ID3\x03\x00\x00" + size + picture + song_mp3.read_bytes())

    assert probe(path, limits=LIMITS).frames == 20 * RATE


@pytest.mark.parametrize("variable", [True, False])
@pytest.mark.parametrize("id3", [b"", b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)])
def test_given_an_mp3_without_a_tag_then_all_of_it_is_heard(tmp_path: Path, variable: bool, id3: bytes) -> None:
    # Given music whose first frame says nothing about the bit rate of the rest
    samples = np.concatenate([noise(6.0, gain=0.2), 0 * noise(6.0), tone(440, 3.0)])
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(2)
    encoder.set_in_sample_rate(RATE)
    if variable:
        encoder.set_vbr(lameenc.VBR_MTRH)
    pcm = (samples * 32767).clip(-32768, 32767).astype("<i2").tobytes()
    path = tmp_path / "untagged.mp3"
    path.write_bytes(id3 + bytes(encoder.encode(pcm)) + bytes(encoder.flush()))

    found = probe(path, limits=LIMITS)

    # Then it is as long as its frames: nothing tells a decoder what is delay and padding
    assert 15 * RATE <= found.frames <= 15 * RATE + 3 * 1152


def test_given_a_wav_written_to_a_pipe_then_its_unknown_size_is_no_lie(tmp_path: Path) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(wav_bytes(PCM, claimed=0xFFFFFFFF))

    assert probe(path, limits=LIMITS).frames == RATE


def test_given_a_wav_with_chunks_around_its_samples_then_they_are_walked(tmp_path: Path) -> None:
    plain = wav_bytes(PCM)
    listed = b"LIST" + struct.pack("<I", 5) + b"abcde\0"
    path = tmp_path / "chunks.wav"
    path.write_bytes(plain[:12] + listed + plain[12:] + listed)

    assert probe(path, limits=LIMITS).frames == RATE


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    pixels = zlib.compress(np.random.default_rng(1).bytes(64 * 193))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


NOT_AUDIO: dict[str, tuple[bytes, str]] = {
    "png": (png(), "a PNG picture"),
    "text": (b"Dear engine, this is no song.\n" * 500, "plain text"),
    "zip": (b"PK\x03\x04" + bytes(5000), "ZIP"),
    "midi": (b"MThd" + bytes(50), "MIDI"),
    "random": (np.random.default_rng(3).bytes(300_000), "unknown"),
    "zeros": (bytes(300_000), "unknown"),
    "one byte": (b"\xff", "unknown"),
}


@pytest.mark.parametrize("kind", NOT_AUDIO)
def test_given_no_audio_named_mp3_then_it_is_refused_by_what_it_is(tmp_path: Path, kind: str) -> None:
    content, said = NOT_AUDIO[kind]
    path = tmp_path / "song.mp3"
    path.write_bytes(content)

    error = refusal(path)

    assert error.code == "track.not_audio"
    assert said in error.detail
    assert "M4A, MP4 or WebM" in error.mend


def test_given_an_empty_file_then_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.touch()

    error = refusal(path)

    assert (error.code, error.value) == ("track.empty", 0)


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.95])
def test_given_a_truncated_mp3_then_both_lengths_are_named(tmp_path: Path, song_mp3: Path, kept: float) -> None:
    content = song_mp3.read_bytes()
    path = tmp_path / "cut.mp3"
    path.write_bytes(content[: int(len(content) * kept)])

    error = refusal(path)

    assert error.code == "track.truncated"
    assert error.limit == pytest.approx(20.0, abs=0.1)
    assert error.value == pytest.approx(20.0 * kept, abs=0.15)
    assert "20.00 s" in error.detail


def test_given_two_mp3s_glued_together_then_the_tag_is_called_a_lie(tmp_path: Path, song_mp3: Path) -> None:
    path = tmp_path / "double.mp3"
    path.write_bytes(song_mp3.read_bytes() * 2)

    error = refusal(path)

    assert error.code == "track.header_lies"
    assert error.value == pytest.approx(40.0, abs=0.1)
    assert error.limit == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_given_a_truncated_flac_then_it_is_refused(tmp_path: Path, kept: float) -> None:
    whole = write(tmp_path / "whole.flac", noise(4.0))
    content = whole.read_bytes()
    path = tmp_path / "cut.flac"
    path.write_bytes(content[: int(len(content) * kept)])

    assert refusal(path).code in {"track.truncated", "track.unreadable"}


LYING_WAVS: dict[str, tuple[bytes, str]] = {
    "claims more than is there": (wav_bytes(PCM, claimed=10 * len(PCM)), "track.header_lies"),
    "cut off": (wav_bytes(PCM)[: len(PCM) // 2], "track.header_lies"),
    "claims less than is there": (wav_bytes(PCM, claimed=len(PCM) // 2), "track.header_lies"),
    "no channels": (wav_bytes(PCM, channels=0, frame_bytes=4), "track.header_lies"),
    "no rate": (wav_bytes(PCM, rate=0), "track.header_lies"),
    "frame size contradicts": (wav_bytes(PCM, frame_bytes=3), "track.header_lies"),
    "absurd rate": (wav_bytes(PCM, rate=2_000_000), "track.sample_rate_unsupported"),
    "rate too low": (wav_bytes(PCM, rate=4000), "track.sample_rate_unsupported"),
    "six channels": (wav_bytes(PCM[: len(PCM) // 12 * 12], channels=6), "track.too_many_channels"),
    "header only": (wav_bytes(b""), "track.too_short"),
    "no data chunk": (wav_bytes(PCM)[:36], "track.header_lies"),
    "header cut": (wav_bytes(PCM)[:30], "track.header_lies"),
}


@pytest.mark.parametrize("kind", LYING_WAVS)
def test_given_a_wav_with_a_lying_header_then_it_is_refused(tmp_path: Path, kind: str) -> None:
    content, code = LYING_WAVS[kind]
    path = tmp_path / "song.wav"
    path.write_bytes(content)

    error = refusal(path)

    assert error.code == code
    assert error.value is not None
    assert error.limit is not None


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_given_a_file_over_the_limit_then_length_and_limit_are_named(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"long{suffix}", np.zeros((8000 * 185, 1)), rate=8000)

    error = refusal(path, Limits(max_duration_s=90.0))

    assert error.code == "track.too_long"
    assert error.detail == "This file is 3 min 5 s long; the limit is 1 min 30 s."
    assert (error.value, error.limit) == (185.0, 90.0)


def test_given_an_mp3_over_the_limit_then_it_is_refused_unheard(song_mp3: Path) -> None:
    error = refusal(song_mp3, Limits(max_duration_s=19.5))

    assert error.code == "track.too_long"
    assert "20.00 s" in error.detail


def test_given_a_file_of_exactly_the_limit_then_it_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(2.0))

    assert probe(path, limits=Limits(max_duration_s=2.0)).duration_s == 2.0


def test_given_a_click_then_it_is_too_short(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "click.wav", noise(0.02)))

    assert (error.code, error.limit) == ("track.too_short", 0.05)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_given_samples_that_are_no_numbers_then_their_place_is_named(tmp_path: Path, bad: float) -> None:
    samples = noise(2.0)
    samples[RATE, 1] = bad

    error = refusal(write(tmp_path / "nan.wav", samples, subtype="FLOAT"))

    assert error.code == "track.not_finite"
    assert "1.000 s" in error.detail


def test_given_integers_labelled_as_floats_then_the_peak_is_named(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "loud.wav", noise(1.0, gain=3e5), subtype="FLOAT"))

    assert error.code == "track.unreadable"
    assert "times full scale" in error.detail


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    """Cut, flip, insert or overwrite some bytes."""
    data = bytearray(content)
    for _ in range(generator.integers(1, 12)):
        at = int(generator.integers(0, len(data)))
        kind = generator.integers(0, 4)
        if kind == 0:
            data[at] ^= 1 << int(generator.integers(0, 8))
        elif kind == 1:
            data[at : at + 8] = generator.bytes(8)
        elif kind == 2:
            data[at:at] = generator.bytes(int(generator.integers(1, 64)))
        elif len(data) > 200:
            del data[at : at + int(generator.integers(1, 200))]
    return bytes(data)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_given_damaged_bytes_then_a_probe_answers_or_refuses(
    tmp_path: Path, suffix: str, encode: Callable[[str], bytes]
) -> None:
    content = encode(suffix)
    generator = np.random.default_rng(11)
    path = tmp_path / f"damaged{suffix}"
    for _ in range(60):
        # Headers hold the fields that matter most: half of the files are damaged there only.
        head = 128 if generator.random() < 0.5 else len(content)
        path.write_bytes(damaged(content[:head], generator) + content[head:])
        try:
            frames = probe(path, limits=LIMITS).frames
        except AudioError as error:
            outcome = bool(error.detail and error.mend)
        else:
            outcome = 0 < frames <= 60 * 192_000
        assert outcome


@pytest.fixture
def encode(song_mp3: Path) -> Callable[[str], bytes]:
    """Given a small file of each container."""

    def make(suffix: str) -> bytes:
        if suffix == ".mp3":
            return song_mp3.read_bytes()[:60_000]
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(440, 0.5), RATE, format=suffix[1:].upper())
        return buffer.getvalue()

    return make
